"""Search spaces of networks: a stem, layers with candidate ops, and a head.

Blocks and ops are named by registry key (`qnas_jax.nets.OPS`) and keyword options, so
a space can be written, hashed and compared without building a network.
"""

import dataclasses

from qnas_jax.errors import UserError
from qnas_jax.spaces.space import BuildableSpace

OptionValue = bool | int | float | str


@dataclasses.dataclass(frozen=True)
class Op:
    """One candidate operation of a layer, or one fixed block.

    Attributes:
      name: label in architecture strings, unique within its layer.
      kind: key of the op registry.
      options: keyword arguments of the registered module, as sorted pairs.
    """

    name: str
    kind: str
    options: tuple[tuple[str, OptionValue], ...] = ()

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in "|, \n"):
            raise UserError(
                f"op name: got {self.name!r}, expected a word without '|', ',' or space"
            )
        for name, value in self.options:
            if not isinstance(value, bool | int | float | str):
                raise UserError(
                    f"op {self.name!r}, option {name}: got {value!r}, expected a bool, "
                    "int, float or str"
                )

    @property
    def gives_zeros(self) -> bool:
        """Whether its output is 0 whatever it gets."""
        return self.kind == "zero"


def op(name: str, kind: str, **options: OptionValue) -> Op:
    """Writes a candidate of a layer.

    >>> import qnas_jax as qnas
    >>> qnas.op("mb3", "mbconv", kernel=3, expansion=2).options
    (('expansion', 2), ('kernel', 3))

    Args:
      name: in the strings of architectures.
      kind: of the registry of ops, see `register_op`.
      **options: of the op's module.

    Returns:
      The `Op`.

    Raises:
      UserError: a name with `|`, a comma or a space, or an option that is no number,
        word or bool.
    """
    return Op(name, kind, tuple(sorted(options.items())))


@dataclasses.dataclass(frozen=True)
class Layer:
    """A place in the network and the ops that may stand there.

    >>> import qnas_jax as qnas
    >>> ops = qnas.op("k3", "mbconv", kernel=3, expansion=2), qnas.op("k5", "mbconv",
    ...     kernel=5, expansion=2)
    >>> qnas.Layer(16, 24, 2, ops).out_features
    24

    Attributes:
      in_features: channels of the input.
      out_features: channels of the output.
      stride: 1 keeps the resolution, 2 halves it (rounded up).
      ops: the candidates; a fixed block has one.
    """

    in_features: int
    out_features: int
    stride: int
    ops: tuple[Op, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", tuple(self.ops))
        for field in ("in_features", "out_features", "stride"):
            value = getattr(self, field)
            if type(value) is not int or value < 1:
                raise UserError(f"layer {field}: got {value!r}, expected an int >= 1")


@dataclasses.dataclass(frozen=True)
class NetworkSpace(BuildableSpace):
    """A chain of searchable layers between a fixed stem and a fixed head.

    >>> import qnas_jax as qnas
    >>> ops = qnas.op("k3", "mbconv", kernel=3, expansion=2), qnas.op("skip", "skip")
    >>> space = qnas.NetworkSpace(
    ...     name="tiny",
    ...     stem=(qnas.fixed(1, 8, 1, "conv", kernel=3),),
    ...     layers=(qnas.Layer(8, 8, 1, ops), qnas.Layer(8, 8, 1, ops)),
    ...     head=(
    ...         qnas.fixed(8, 8, 1, "global_average"),
    ...         qnas.fixed(8, 10, 1, "classifier"),
    ...     ),
    ...     input_shape=(8, 8, 1),
    ...     num_classes=10,
    ... )
    >>> space.choices
    (('k3', 'skip'), ('k3', 'skip'))

    Attributes:
      name: identifier, used in work folders and reports.
      choices: derived: the op names of each layer.
      input_shape: of one input; its features are the last.
      num_classes: number of logits.
      layers: the searchable layers, in data order.
      stem: fixed blocks before them (one op each).
      head: fixed blocks after them; the last one yields the logits.
    """

    layers: tuple[Layer, ...]
    stem: tuple[Layer, ...]
    head: tuple[Layer, ...]

    def __post_init__(self) -> None:
        for field in ("layers", "stem", "head"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        names = tuple(tuple(op.name for op in layer.ops) for layer in self.layers)
        object.__setattr__(self, "choices", names)
        super().__post_init__()
        self._check_chain()

    def _check_chain(self) -> None:
        features = self.input_shape[-1]
        for position, layer in enumerate(self.blocks):
            if layer.in_features != features:
                raise UserError(
                    f"space {self.name!r}, block {position} (stem first): got "
                    f"in_features={layer.in_features}, expected {features}, the "
                    "features of the block before it"
                )
            features = layer.out_features
        if features != self.num_classes:
            raise UserError(
                f"space {self.name!r}: the head ends with {features} features, "
                f"expected num_classes={self.num_classes}"
            )
        for part, blocks in (("stem", self.stem), ("head", self.head)):
            if any(len(block.ops) != 1 for block in blocks):
                raise UserError(f"space {self.name!r}: a {part} block has one op")

    @property
    def zeros(self) -> tuple[tuple[bool, ...], ...]:
        """For each layer, which of its ops give zeros whatever they get."""
        return tuple(tuple(op.gives_zeros for op in each.ops) for each in self.layers)

    @property
    def blocks(self) -> tuple[Layer, ...]:
        """Stem, searchable layers and head, in data order."""
        return self.stem + self.layers + self.head


def fixed(
    in_features: int, out_features: int, stride: int, kind: str, **options: OptionValue
) -> Layer:
    """Writes a fixed block of the stem or the head.

    >>> import qnas_jax as qnas
    >>> qnas.fixed(3, 16, 2, "conv", kernel=3).stride
    2

    Args:
      in_features: channels of the input.
      out_features: channels of the output.
      stride: 1 keeps the resolution, 2 halves it.
      kind: of the registry of ops.
      **options: of the op's module.

    Returns:
      A `Layer` of one op.
    """
    return Layer(in_features, out_features, stride, (op(kind, kind, **options),))


def chain(
    in_features: int, plan: list[tuple[int, int]], ops: tuple[Op, ...]
) -> tuple[Layer, ...]:
    """Writes layers that share one op list.

    Args:
      in_features: channels before the first layer.
      plan: (out_features, stride) of each layer.
      ops: the candidates of every layer.

    Returns:
      The layers.
    """
    layers = []
    for out_features, stride in plan:
        layers.append(Layer(in_features, out_features, stride, ops))
        in_features = out_features
    return tuple(layers)
