"""Folders that we wrote ourselves, with one file damaged."""

import functools
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import damaged_bytes


class Damaged(NamedTuple):
    """A folder of which one file is damaged: its name, and what is there now."""

    file: str
    content: bytes | None


def _contents(root: pathlib.Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def put(whole: dict[str, bytes], damaged: Damaged, folder: pathlib.Path) -> None:
    """Writes a folder, with the damage in it."""
    for name, content in whole.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != damaged.file:
            path.write_bytes(content)
        elif damaged.content is not None:
            path.write_bytes(damaged.content)


def _damages(whole: dict[str, bytes]) -> st.SearchStrategy[Damaged]:
    return st.sampled_from(sorted(whole)).flatmap(
        lambda name: st.one_of(
            *(3 * [damaged_bytes(st.just(whole[name]))]),
            st.just(None),
        ).map(lambda content: Damaged(name, content))
    )


@functools.cache
def made(write: Callable[[pathlib.Path], None]) -> dict[str, bytes]:
    """The contents of a folder that a function fills, once.

    Args:
      write: fills an empty folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder))
        return _contents(pathlib.Path(folder))


def folder_kind(
    name: str,
    write: Callable[[pathlib.Path], None],
    read: Callable[[Damaged, pathlib.Path], Any],
    wrong: Callable[[Damaged, Any], str],
    share: float,
) -> Kind:
    """A kind of a folder of ours; it is written when the first input is drawn.

    Args:
      name: of the kind.
      write: fills an empty folder.
      read: (damage, an empty folder) -> what came of it.
      wrong: (damage, what came of it) -> what is wrong with that, or "".
      share: see `Kind`.
    """

    def inputs() -> st.SearchStrategy[Given]:
        return _damages(made(write)).map(
            lambda damaged: Given(
                damaged, (damaged.file.rpartition("/")[2], "checkpoints", "model")
            )
        )

    return Kind(name, st.deferred(inputs), read, wrong, share)
