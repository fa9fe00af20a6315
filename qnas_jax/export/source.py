"""The stand-alone source of a network: jax and flax only, one line a block.

What the blocks are is taken from `export/standalone`, class by class with what they
call; an op that a user registered is taken from the user's file in the same way. How
they stand one after the other is written out (`source_lines`).
"""

import importlib.resources
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.export.excerpt import Excerpt, take_out
from qnas_jax.export.inputs import KINDS, Inputs, RunningText, Text
from qnas_jax.export.source_lines import literal, write_cells, write_chain
from qnas_jax.export.weights import is_ours
from qnas_jax.nets import OPS
from qnas_jax.reading import printable, read_bytes
from qnas_jax.spaces import (
    BuildableSpace,
    CellSpace,
    NetworkSpace,
    Op,
    arch_to_string,
    check_archs,
)

_FILES = (
    "blocks.py",
    "cells.py",
    "hand_made.py",
    "series.py",
    "series_hand_made.py",
    "text.py",
    "text_heads.py",
    "text_lstm.py",
    "classifier.py",
    "sentences.py",
    "tokens.py",
    "foretelling.py",
)
_AROUND = ("pathlib", "nnx", "jax", "jnp")


def network_source(space: BuildableSpace, arch: Any, inputs: Inputs) -> str:
    """Writes the source of a network.

    Args:
      space: of the network.
      arch: integers [L].
      inputs: what it gets.

    Returns:
      The text of a Python file that needs jax, flax, numpy and safetensors.

    Raises:
      UserError: an op is a user's and its source is not at hand, or needs more than
        the file that it is in and public packages.
    """
    chosen = check_archs(space, arch).tolist()
    layers = _used_layers(space, chosen)
    kinds = {op.name: OPS[op.kind] for op in layers}
    ours = {kind.__name__ for kind in kinds.values() if is_ours(kind)}
    excerpt = take_out(_our_text(), [inputs.around, *_AROUND, *ours])
    for name, kind in kinds.items():
        if not is_ours(kind):
            excerpt = _joined(excerpt, _users_part(name, kind), name)
    if isinstance(space, NetworkSpace):
        body = write_chain(space, chosen)
    else:
        assert isinstance(space, CellSpace)
        body = write_cells(space, chosen)
    parts = [
        f"{_title(space, chosen, inputs)}\n\n{_imports(excerpt.imports)}",
        "\n\n\n".join([*excerpt.definitions.values(), *body[:-1]]),
        _network_class(inputs, body[-1]),
        _LOAD,
    ]
    return "\n\n\n".join(parts) + "\n"


def _used_layers(space: BuildableSpace, chosen: Sequence[int]) -> list[Op]:
    """Every op that the network is made of."""
    if isinstance(space, NetworkSpace):
        fixed = [block.ops[0] for block in space.stem + space.head]
        own = [layer.ops[i] for layer, i in zip(space.layers, chosen, strict=True)]
        return fixed + own
    assert isinstance(space, CellSpace)
    fixed = [block.ops[0] for block in space.fixed]
    return fixed + [space.ops[i] for i in chosen if not space.ops[i].gives_zeros]


def _our_text() -> str:
    folder = importlib.resources.files("qnas_jax.export.standalone")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _FILES)


def _users_part(name: str, kind: type) -> Excerpt:
    """A user's class with what it needs.

    Raises:
      UserError: it needs more than public packages.
    """
    where = f"op {name!r}, class {kind.__name__}"
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None:
        raise UserError(f"{where}: its source is in no file")
    text = read_bytes(file).decode("utf-8", "replace")
    try:
        excerpt = take_out(text, [kind.__name__])
    except (UserError, SyntaxError) as error:
        raise UserError(f"{where} in {printable(file)}: {error}") from error
    for line in excerpt.imports:
        package = line.split()[1].partition(".")[0]
        if not package or package == "qnas_jax":
            raise UserError(f"{where} in {printable(file)}: it needs `{line}`")
    return excerpt


def _joined(first: Excerpt, second: Excerpt, name: str) -> Excerpt:
    """Both excerpts in one file.

    Raises:
      UserError: they mean different things by one name.
    """
    for each, text in second.definitions.items():
        if first.definitions.get(each, text) != text:
            raise UserError(
                f"op {name!r}: {each} is also the name of another part of the network"
            )
    imports = dict.fromkeys((*first.imports, *second.imports))
    return Excerpt(tuple(imports), {**first.definitions, **second.definitions})


def _imports(lines: Sequence[str]) -> str:
    """Import statements, one a module: the standard library, then packages."""
    whole = [line for line in lines if line.startswith("import ")]
    parts: dict[str, list[str]] = {}
    for line in lines:
        start, _, name = line.partition(" import ")
        if name:
            parts.setdefault(start, []).append(name)
    whole.sort(key=str.lower)
    whole += [f"{start} import {', '.join(parts[start])}" for start in sorted(parts)]
    public = [line for line in whole if _package(line) not in sys.stdlib_module_names]
    standard = [line for line in whole if line not in public]
    return "\n\n".join("\n".join(group) for group in (standard, public) if group)


def _package(line: str) -> str:
    return line.split()[1].partition(".")[0]


def _title(space: BuildableSpace, chosen: Sequence[int], inputs: Inputs) -> str:
    kind = KINDS[inputs.kind]
    shape = ", ".join(map(str, inputs.input_shape))
    array = f"{np.dtype(kind.dtype).name} [N, {shape}]"
    beside = "batch normalisation is folded into them"
    found = "names, probabilities"
    if isinstance(inputs, Text):
        array = f"texts, or numbers of their words: {array}"
        beside = "words that have a number in vocabulary.json"
    if isinstance(inputs, RunningText):
        array, found = "a list of texts", "next_tokens, probabilities"
        beside = "tokens that have a number in vocabulary.json"
    return f'''"""A network of the space `{space.name}` for `{inputs.data}`.

Architecture: {arch_to_string(space, chosen)}

Needs jax, flax, numpy and safetensors. Weights lie in weights.safetensors beside it;
{beside}. To predict:

    import network
    model = network.load()
    {found} = model.predict({kind.variable})  # {array}
"""'''


def _network_class(inputs: Inputs, body: str) -> str:
    fields = [f"{name} = {value}" for name, value in inputs.written().items()]
    if inputs.class_names:
        fields.append(f"class_names = {_wrapped(inputs.class_names)}")
    return "\n".join(
        [
            f"class Network({inputs.around}):",
            '    """The blocks in the order of data."""',
            "",
            *(f"    {field}" for field in fields),
            "",
            body,
        ]
    )


def _wrapped(names: Sequence[str]) -> str:
    """A tuple of names, one a line."""
    return "(\n" + "".join(f"        {literal(name)},\n" for name in names) + "    )"


_LOAD = '''def load(
    path: str | pathlib.Path = pathlib.Path(__file__).with_name("weights.safetensors"),
) -> Network:
    """Builds the network with its weights."""
    return Network.load(path)'''
