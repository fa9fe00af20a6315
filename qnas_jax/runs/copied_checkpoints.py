"""States of a process that has a copy of the work folder, for its own next stages.

Where several processes compute a run, orbax writes in the first of them alone. The
others keep the last state in one file of their copy, which goes with the process.
"""

from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.runs.arrays import read_arrays, write_arrays
from qnas_jax.runs.checkpoints import Checkpoints


class CopiedCheckpoints(Checkpoints):
    """The newest state of a training; those of the first process are read at first."""

    def save(self, state: Any, note: Any = None) -> None:
        """Keeps a state; nobody goes on from here, so the note is not needed."""
        del note
        self._own.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(self._own, **_by_name(jax.device_get(state)))
        self._saved(int(state.step))

    def restore_fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Reads some fields of the last state, as `Checkpoints` does."""
        if not self._own.is_file():
            return super().restore_fields(fields)
        names = _by_name(fields)
        found = map(jnp.asarray, read_arrays(self._own, *names))
        return jax.tree.unflatten(jax.tree.structure(fields), list(found))


def _by_name(tree: Any) -> dict[str, Any]:
    """The leaves of a tree, in order, by the names on the way to them."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
