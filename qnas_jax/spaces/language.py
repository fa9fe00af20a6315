"""Spaces for running text: `language`, and `language_tiny`, small enough to train all.

Networks say of each token which one follows; every op sees it and those before it. As
for sentences (`spaces/text.py`) they see the number of a token in two digits.
"""

from qnas_jax.spaces.network import NetworkSpace, Op, chain, fixed, op

POSITIONS = 0.2
"""How large the waves of places are. Attention has nothing else to tell the tokens
before it apart: with as little as sentences have it learns what is frequent, and of
what follows what only after many epochs."""

LANGUAGE_OPS: tuple[Op, ...] = (
    op("conv_k3", "text_conv", kernel=3, causal=True),
    op("conv_k5", "text_conv", kernel=5, causal=True),
    op("gru", "text_recurrence"),
    op("attn_h1", "text_attention", heads=1, causal=True),
    op("attn_h2", "text_attention", heads=2, causal=True),
    op("attn_h4", "text_attention", heads=4, causal=True),
    op("ff_x1", "text_feed_forward", expansion=1),
    op("ff_x4", "text_feed_forward", expansion=4),
    op("skip", "text_skip"),
)
TINY_OPS: tuple[Op, ...] = (
    op("conv_k3", "text_conv", kernel=3, causal=True),
    op("conv_k5", "text_conv", kernel=5, causal=True),
    op("gru", "text_recurrence"),
    op("attn_h4", "text_attention", heads=4, causal=True),
    op("ff_x2", "text_feed_forward", expansion=2),
    op("skip", "text_skip"),
)


def language(
    input_shape: tuple[int, ...], num_classes: int, words: int
) -> NetworkSpace:
    """6 layers x 9 ops, 95 features a token and the mask."""
    return _space("language", 96, 6, LANGUAGE_OPS, input_shape, num_classes, words)


def language_tiny(
    input_shape: tuple[int, ...], num_classes: int, words: int
) -> NetworkSpace:
    """4 layers x 6 ops, 47 features a token and the mask: 1,296 networks."""
    return _space("language_tiny", 48, 4, TINY_OPS, input_shape, num_classes, words)


def _space(
    name: str,
    width: int,
    depth: int,
    ops: tuple[Op, ...],
    input_shape: tuple[int, ...],
    num_classes: int,
    words: int,
) -> NetworkSpace:
    """Layers of the same ops between an embedding and logits of each token.

    Args:
      name: of the space.
      width: channels of a token.
      depth: number of layers.
      ops: the candidates of every layer.
      input_shape: (tokens of a window, 2 digits).
      num_classes: tokens that may follow.
      words: tokens that there are, with those of no and of an unknown one.
    """
    stem = fixed(
        input_shape[-1], width, 1, "text_embedding", words=words, positions=POSITIONS
    )
    return NetworkSpace(
        name=name,
        layers=chain(width, [(width, 1)] * depth, ops),
        stem=(stem,),
        head=(fixed(width, num_classes, 1, "text_logits"),),
        input_shape=input_shape,
        num_classes=num_classes,
    )
