"""What a folder says of its model: `model.json`, and digests of what lies beside it.

A bit that changed in the weights makes another network that answers just as readily. So
the file holds a digest of each file that is loaded, and of what it says itself; models
that were written before there were any are taken as they are.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qnas_jax.errors import UserError
from qnas_jax.export import files
from qnas_jax.export.inputs import KINDS
from qnas_jax.files import digest, digest_file
from qnas_jax.reading import parse_json, read_bytes

_DIGESTS = "digests"
_LOADED = (
    files.SOURCE,
    files.WEIGHTS,
    files.STABLEHLO,
    files.ONNX,
    files.INT8,
    files.VOCABULARY,
)
_FIRST_KIND = "images"  # of models that were written before there were others
_REMEDY = "put it back, or --stage=export makes it anew"


class Facts(NamedTuple):
    """What must be known to use a model.

    Attributes:
      input_shape: of an example.
      class_names: one a logit.
      digests: of files by their names; empty if there are none.
      kind: of the examples, a key of `KINDS`.
    """

    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    digests: Mapping[str, str]
    kind: str


def with_digests(facts: dict[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    """Adds digests to what a folder says of its model.

    Args:
      facts: with `input_shape`, `class_names` and `inputs`, the kind of examples.
      folder: of the model; all else is written.

    Returns:
      The facts and `digests`.
    """
    digests = {
        name: digest_file(folder / name)
        for name in _LOADED
        if (folder / name).is_file()
    }
    own = _of_facts(facts["input_shape"], facts["class_names"], facts["inputs"])
    return {**facts, _DIGESTS: {**digests, files.FACTS: own}}


def read_facts(folder: pathlib.Path) -> Facts:
    """Reads `model.json`.

    Args:
      folder: of the model.

    Returns:
      What it says.

    Raises:
      MissingFileError: it is not there.
      UserError: it is damaged or was changed.
    """
    path = folder / files.FACTS
    content: Any = parse_json(read_bytes(path), str(path))
    known = content if isinstance(content, dict) else {}
    shape: Any = known.get("input_shape")
    names: Any = known.get("class_names")
    digests: Any = known.get(_DIGESTS)
    kind: Any = known.get("inputs", _FIRST_KIND)
    if not (
        _are(shape, int)
        and _are(names, str)
        and isinstance(kind, str)
        and kind in KINDS
        and len(shape) == KINDS[kind].rank
        and isinstance(digests or {}, dict)
    ):
        raise UserError(
            f"{path}: not as it was written (got {str(kind)[:60]} of input_shape "
            f"{str(shape)[:60]} and class_names {str(names)[:60]}); {_REMEDY}"
        )
    if digests and digests.get(files.FACTS) != _of_facts(shape, names, kind):
        raise UserError(f"{path}: not as it was written; {_REMEDY}")
    return Facts(tuple(shape), tuple(names), digests or {}, kind)


def check_files(facts: Facts, folder: pathlib.Path) -> None:
    """Checks the files of a model that are there and whose digests are known.

    Args:
      facts: of the model.
      folder: of the model.

    Raises:
      UserError: one is not as it was written.
    """
    for path in (folder / name for name in _LOADED if name in facts.digests):
        if path.is_file() and digest_file(path) != facts.digests[path.name]:
            raise UserError(f"{path}: not as it was written; {_REMEDY}")


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(type(each) is kind for each in values)


def _of_facts(input_shape: Sequence[int], class_names: Sequence[str], kind: str) -> str:
    content: list[Any] = [list(input_shape), list(class_names)]
    if kind != _FIRST_KIND:
        content.append(kind)
    return digest(json.dumps(content).encode("utf-8"))
