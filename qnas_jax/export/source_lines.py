"""The lines of a stand-alone source that put the blocks of a network together."""

import inspect
import json
from collections.abc import Sequence

from qnas_jax.export.weights import edge_name
from qnas_jax.nets import OPS
from qnas_jax.spaces import CellSpace, Layer, NetworkSpace

_OF_CELLS = "Cell"


def literal(value: bool | int | float | str) -> str:
    """A value as Python has it; strings in double quotes."""
    return (
        json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    )


def _block(layer: Layer, index: int, features: str = "") -> str:
    """The call that makes a block: `MBConv(16, 24, 2, kernel=5, rngs=rngs)`."""
    op = layer.ops[index]
    kind = OPS[op.kind]
    given = dict(op.options)
    parameters = inspect.signature(kind.__init__).parameters
    defaults = {name: each.default for name, each in parameters.items()}
    sizes = [features or str(layer.in_features), features or str(layer.out_features)]
    options = [
        f"{name}={literal(given[name])}"
        for name in dict.fromkeys((*(n for n in parameters if n in given), *given))
        if defaults.get(name) != given[name]
    ]
    arguments = ", ".join([*sizes, str(layer.stride), *options, "rngs=rngs"])
    return f"{kind.__name__}({arguments})"


def _list(name: str, blocks: Sequence[str]) -> list[str]:
    """Lines that make a list of blocks an attribute."""
    if not blocks:
        return [f"        self.{name} = nnx.List([])"]
    lines = [f"                {block}" for block in blocks]
    return [f"        self.{name} = nnx.List(", "            [", *lines, *_CLOSED]


_CLOSED = ("            ]", "        )")
_INIT = "    def __init__(self, *, rngs: nnx.Rngs):"
_RUN = [
    "    def run(self, values: jax.Array) -> jax.Array:",
    '        """Prepared examples [N, ...] -> logits [N, classes]."""',
]


def write_chain(space: NetworkSpace, chosen: Sequence[int]) -> list[str]:
    """The body of a chain's class, the only text: `__init__` and `run`."""
    layers = [
        f"{_block(layer, index)},  # {place}: {layer.ops[index].name}"
        for place, (layer, index) in enumerate(zip(space.layers, chosen, strict=True))
    ]
    lines = [
        _INIT,
        *_list("stem", [f"{_block(block, 0)}," for block in space.stem]),
        *_list("layers", layers),
        *_list("head", [f"{_block(block, 0)}," for block in space.head]),
        "",
        *_RUN,
        "        for block in (*self.stem, *self.layers, *self.head):",
        "            values = block(values)",
        "        return values",
    ]
    return ["\n".join(lines)]


def write_cells(space: CellSpace, chosen: Sequence[int]) -> list[str]:
    """The class of a cell, and last the body of the network's class."""
    stages = [
        f"nnx.List([{_OF_CELLS}({width}, rngs=rngs) for _ in range({space.cells})]),"
        for width in space.widths
    ]
    reductions = [f"{_block(block, 0)}," for block in space.reductions]
    lines = [
        _INIT,
        *_list("stem", [f"{_block(block, 0)}," for block in space.stem]),
        *_list("stages", stages),
        *_list("reductions", reductions),
        *_list("head", [f"{_block(block, 0)}," for block in space.head]),
        "",
        *_RUN,
        "        for block in self.stem:",
        "            values = block(values)",
        "        for number, cells in enumerate(self.stages):",
        "            if number > 0:",
        "                values = self.reductions[number - 1](values)",
        "            for cell in cells:",
        "                values = cell(values)",
        "        for block in self.head:",
        "            values = block(values)",
        "        return values",
    ]
    return [_cell_class(space, chosen), "\n".join(lines)]


def _cell_class(space: CellSpace, chosen: Sequence[int]) -> str:
    layer = space.edge_layers[0]
    made, arriving = [], {node: list[str]() for node in range(1, space.num_nodes)}
    for edge, index in zip(space.edges, chosen, strict=True):
        before, after = edge
        name = layer.ops[index].name
        if layer.ops[index].gives_zeros:
            made.append(f"        # from node {before} to {after}: {name}")
            continue
        call = _block(layer, index, "features")
        made.append(f"        self.{edge_name(edge)} = {call}  # {name}")
        arriving[after].append(f"self.{edge_name(edge)}(node_{before})")
    sums = [
        f"        node_{node} = {' + '.join(terms) or 'jnp.zeros_like(node_0)'}"
        for node, terms in arriving.items()
    ]
    return "\n".join(
        [
            f"class {_OF_CELLS}(nnx.Module):",
            '    """A graph of nodes; each is the sum of what its edges bring."""',
            "",
            "    def __init__(self, features: int, *, rngs: nnx.Rngs):",
            *made,
            "",
            "    def __call__(self, node_0: jax.Array) -> jax.Array:",
            '        """[N, H, W, C] -> [N, H, W, C]."""',
            *sums,
            f"        return node_{space.num_nodes - 1}",
        ]
    )
