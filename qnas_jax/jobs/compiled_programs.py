"""Compiled programs are kept between runs, and a damaged one is made anew.

JAX writes an entry of its cache only where there is none. One that it cannot read stays
as it is, and every later run would warn and compile again; so it is removed here before
JAX has compiled its program, and the new one takes its place.
"""

import contextlib
import pathlib
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import jax

from qnas_jax.files import user_cache

_READING = re.compile(r"Error reading persistent compilation cache entry for '([^']+)'")
_WRITING = re.compile(r"Error writing persistent compilation cache entry for .*?: (.*)")


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, unless one is set."""
    if jax.config.values.get("jax_compilation_cache_dir"):
        return
    jax.config.update("jax_compilation_cache_dir", str(user_cache("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


@contextlib.contextmanager
def healed_compilation_cache() -> Iterator[None]:
    """Turns JAX's warnings about its cache into one line each, and mends the cause.

    Yields:
      Nothing; all other warnings are shown as before.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning
        told: set[str] = set()

        def hear(message: Any, *rest: Any, **more: Any) -> None:
            line = _answer(str(message))
            if line is None:
                show(message, *rest, **more)
            elif line not in told:
                told.add(line)
                sys.stderr.write(line + "\n")

        for pattern in (_READING, _WRITING):
            warnings.filterwarnings("always", message=pattern.pattern)
        warnings.showwarning = hear
        yield


def _answer(message: str) -> str | None:
    """Does what a warning of the cache calls for; what was done, in one line."""
    if damaged := _READING.match(message):
        # The entry's key is not named. Others of that program are made again as well.
        _remove_entries(damaged[1])
        return f"compiled program {damaged[1]}: the kept one is damaged, made anew"
    if unwritten := _WRITING.match(" ".join(message.split())):
        return f"compiled programs are not kept: {unwritten[1][:200]}"
    return None


def _remove_entries(program: str) -> None:
    folder = pathlib.Path(str(jax.config.values["jax_compilation_cache_dir"]))
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{program}-*-cache"):
            path.unlink(missing_ok=True)
