"""The file of a space of two layers, as a user would write it; six small networks."""

_FILE = """
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op, register_space

SMALL = op({small})
WIDE = op({wide})


def build(input_shape, num_classes):
    return NetworkSpace(
        name="{name}",
        layers=(
            Layer(8, 8, 2, (SMALL, WIDE)),
            Layer(8, 8, 1, (SMALL, WIDE, op("skip", "skip"))),
        ),
        stem=(fixed(input_shape[-1], 8, 1, "conv", kernel=3),),
        head=(fixed(8, 8, 1, "global_average"), fixed(8, num_classes, 1, "classifier")),
        input_shape=input_shape,
        num_classes=num_classes,
    )


register_space("{name}", build)
"""


def small_space_file(
    name: str,
    small: str = '"mb1", "mbconv", kernel=3, expansion=1',
    wide: str = '"mb2", "mbconv", kernel=3, expansion=2',
) -> str:
    """The text of the file.

    Args:
      name: what it registers.
      small: arguments of its first op, as they are written.
      wide: of its second one.

    Returns:
      Python.
    """
    return _FILE.format(name=name, small=small, wide=wide)
