"""Spaces for text: `text`, `text_tiny`, and `text_mini`, which is a part of it.

Of `text_mini` all networks can be trained within minutes
(`experiments/comparisons/small_benchmark.py`).

Networks see the number of a word in two digits of `WORD_BASE`, [T, 2]: each is exact in
every precision that networks compute in, where a number of five digits is not. Ops keep
the shape; the last channel tells words from what is behind a sentence's end.
"""

from qnas_jax.spaces.network import Layer, NetworkSpace, Op, chain, fixed, op

WORD_BASE = 256
"""8 bits, all that bfloat16 has for the digits of a number."""

_LAYERS = 4

_WIDTHS = (
    op("ff_x1", "text_feed_forward", expansion=1),
    op("ff_x4", "text_feed_forward", expansion=4),
)
_SKIP = op("skip", "text_skip")

TEXT_OPS: tuple[Op, ...] = (
    op("conv_k3", "text_conv", kernel=3),
    op("conv_k5", "text_conv", kernel=5),
    op("gru", "text_recurrence"),
    op("gru_back", "text_recurrence", backwards=True),
    op("attn_h1", "text_attention", heads=1),
    op("attn_h4", "text_attention", heads=4),
    *_WIDTHS,
    _SKIP,
)
POOLINGS: tuple[Op, ...] = (
    op("mean", "text_pool", pooling="mean"),
    op("root", "text_pool", pooling="root"),
    op("max", "text_pool", pooling="max"),
)
"""What makes one of the words: with `max` behind a convolution as Kim 2014 has it."""

TINY_OPS: tuple[Op, ...] = (
    op("conv_k3", "text_conv", kernel=3),
    op("gru", "text_recurrence"),
    op("attn_h2", "text_attention", heads=2),
    *_WIDTHS,
    _SKIP,
)
MINI_OPS: tuple[Op, ...] = tuple(each for each in TINY_OPS if each != _WIDTHS[0])


def text(input_shape: tuple[int, ...], num_classes: int, words: int) -> NetworkSpace:
    """4 layers x 9 ops, then 3 poolings; 47 features a word and the mask."""
    width = 48
    pooling = chain(width, [(width, 1)], POOLINGS)
    layers = chain(width, [(width, 1)] * _LAYERS, TEXT_OPS) + pooling
    return _space("text", layers, (), input_shape, num_classes, words)


def text_tiny(
    input_shape: tuple[int, ...], num_classes: int, words: int
) -> NetworkSpace:
    """4 layers x 6 ops, 31 features a word and the mask: 1,296 networks."""
    return _tiny("text_tiny", TINY_OPS, input_shape, num_classes, words)


def text_mini(
    input_shape: tuple[int, ...], num_classes: int, words: int
) -> NetworkSpace:
    """The 625 networks of `text_tiny` without the smaller feed-forward block."""
    return _tiny("text_mini", MINI_OPS, input_shape, num_classes, words)


def _tiny(
    name: str,
    ops: tuple[Op, ...],
    input_shape: tuple[int, ...],
    num_classes: int,
    words: int,
) -> NetworkSpace:
    width = 32
    layers = chain(width, [(width, 1)] * _LAYERS, ops)
    head = (fixed(width, width, 1, "text_average"),)
    return _space(name, layers, head, input_shape, num_classes, words)


def _space(
    name: str,
    layers: tuple[Layer, ...],
    head: tuple[Layer, ...],
    input_shape: tuple[int, ...],
    num_classes: int,
    words: int,
) -> NetworkSpace:
    """Layers between an embedding and a classifier.

    Args:
      name: of the space.
      layers: the searched ones.
      head: what stands in front of the classifier.
      input_shape: (words of a sentence, 2 digits).
      num_classes: number of logits.
      words: that there are, with those of no and of an unknown word.
    """
    width = layers[0].in_features
    return NetworkSpace(
        name=name,
        layers=layers,
        stem=(fixed(input_shape[-1], width, 1, "text_embedding", words=words),),
        head=(*head, fixed(width, num_classes, 1, "classifier")),
        input_shape=input_shape,
        num_classes=num_classes,
    )
