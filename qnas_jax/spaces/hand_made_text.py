"""Networks that people designed for text, as spaces of a single architecture.

Sources: Hochreiter & Schmidhuber 1997 (LSTM; of sentences in both directions, Schuster
& Paliwal 1997); Vaswani et al. 2017 (the encoder of a transformer, its normalisation in
front as in Xiong et al. 2020), of running text with attention to what came before. Both
have the embedding and the head of `spaces.text` or of `spaces.language`. None is
published in one size: they are as wide as what they are compared with allows.
"""

from qnas_jax.errors import UserError
from qnas_jax.spaces.language import POSITIONS
from qnas_jax.spaces.network import Layer, NetworkSpace, fixed

_WIDTH = 128  # channels of a word, the most that there may be
_DEPTH = 2  # layers of an LSTM, or of a transformer


def lstm(language: bool) -> tuple[Layer, ...]:
    """Two layers of an LSTM; of sentences one, in both directions."""
    if language:
        return (fixed(_WIDTH, _WIDTH, 1, "text_lstm"),) * _DEPTH
    return (fixed(_WIDTH, _WIDTH, 1, "text_lstm", both=True),)


def transformer(language: bool) -> tuple[Layer, ...]:
    """Two layers of attention with 4 heads, each with products of 4 times the width."""
    attention = fixed(_WIDTH, _WIDTH, 1, "text_attention", heads=4, **_causal(language))
    wide = fixed(_WIDTH, _WIDTH, 1, "text_feed_forward", expansion=4)
    return (attention, wide) * _DEPTH


def _causal(language: bool) -> dict[str, bool]:
    return {"causal": True} if language else {}


TEXT_NETWORKS = {"lstm": lstm, "transformer": transformer}


def hand_made_text(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    words: int,
    language: bool,
) -> NetworkSpace:
    """Looks a network up.

    Args:
      name: a key of `TEXT_NETWORKS`.
      input_shape: (words, 2 digits).
      num_classes: of the classifier; of running text the tokens.
      words: that there are, with those of no and of an unknown word.
      language: whether it is to say of each word which one follows.

    Returns:
      A space of that network alone.

    Raises:
      UserError: there is no such network.
    """
    if name not in TEXT_NETWORKS:
        known = ", ".join(TEXT_NETWORKS)
        raise UserError(f"baselines: got {name!r}, expected one of {known}")
    head: tuple[Layer, ...] = (
        fixed(_WIDTH, _WIDTH, 1, "text_average"),
        fixed(_WIDTH, num_classes, 1, "classifier"),
    )
    embedded: dict[str, int | float] = {"words": words}
    if language:
        head = (fixed(_WIDTH, num_classes, 1, "text_logits"),)
        embedded["positions"] = POSITIONS
    return NetworkSpace(
        name=name,
        layers=TEXT_NETWORKS[name](language),
        stem=(fixed(input_shape[-1], _WIDTH, 1, "text_embedding", **embedded),),
        head=head,
        input_shape=input_shape,
        num_classes=num_classes,
    )
