"""What is to be measured on an accelerator: cheapest first, 9 minutes in all.

python -m experiments.benches.gpu_session --out=gpu.json [--only=PART,...] [--without=]
    [--seconds=540] [--peer=FOLDER] [--images=cifar.npz] [--data_dir=FOLDER] [--tiny]
    [--seed=0]

Each part runs in a process of its own under a time limit of its own, and leaves what it
has measured when it is stopped or fails. The file is written after each part. Parts of
one group compile side by side and measure one after the other. Networks compile into a
cache of programs: parts named "again" run a second time from it. Without --only the
parts of `gpu_parts.SESSION` run, whose limits have room in that time; by it any part,
such as --only="rank 15 million" (7 minutes, with --images, --data_dir and --seed).
`--tiny` runs the same parts on small shapes, on any backend.
"""

import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from absl import app, flags

from experiments.benches.gpu_parts import PARTS, SECONDS, SESSION, Part, Settings
from experiments.measuring import turns


def run(
    parts: Mapping[str, Part],
    settings: Settings,
    out: pathlib.Path,
    seconds: float,
) -> dict[str, Any]:
    """Runs parts one after the other, each in its own process.

    Args:
      parts: by name.
      settings: what they share; without a form of the depth-wise convolution, parts
        behind the part "depthwise" take the one that was fastest there.
      out: JSON file, written after each part.
      seconds: no part runs beyond so many.

    Returns:
      What the file holds: for each part what it noted, its seconds, and how it ended.
    """
    result: dict[str, Any] = {}
    stop = time.perf_counter() + seconds
    groups = itertools.groupby(parts, key=lambda name: parts[name].group or name)
    for names in [list(each) for _, each in groups]:
        left = stop - time.perf_counter()
        factor = 20 if settings.tiny else 1
        limits = {name: min(factor * parts[name].seconds, left) for name in names}
        found = _run_together(limits, settings, out)
        for name, notes in found.items():
            if name == "depthwise" and not settings.depthwise:
                form = fastest_depthwise(notes)
                settings = dataclasses.replace(settings, depthwise=form)
                notes["taken"] = form
            result[name] = notes
            print(summary(name, notes), flush=True)
        out.write_text(json.dumps(result, indent=1, default=float), encoding="utf-8")
    return result


def _run_together(
    limits: Mapping[str, float], settings: Settings, out: pathlib.Path
) -> dict[str, dict[str, Any]]:
    """Runs parts, each for its own time."""
    names = [name for name, limit in limits.items() if limit >= 5]
    found = {name: {"ended": "no time left"} for name in limits if name not in names}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shared = turns.environment(folder, names) if len(names) > 1 else {}
        running = [_Running(each, settings, out, folder, shared) for each in names]
        started = time.perf_counter()
        while any(each.process.poll() is None for each in running):
            for each in running:
                each.look(time.perf_counter() - started, limits[each.name])
            time.sleep(0.1)
        return found | {each.name: each.found() for each in running}


class _Running:
    """A part in its process."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        out: pathlib.Path,
        folder: pathlib.Path,
        shared: Mapping[str, str],
    ):
        """Starts it.

        Args:
          name: of the part.
          settings: as all have them.
          out: beside which its log lies.
          folder: for its notes, and where parts of a group meet.
          shared: what it finds in its environment besides.
        """
        self.name, self._folder = name, folder
        self._notes = folder / f"{name}.jsonl"
        self._log = out.with_name(f"{out.stem} {name}.log".replace(" ", "_"))
        self._started, self._ended = time.perf_counter(), ""
        self._seconds = 0.0
        command = [sys.executable, "-m", "experiments.benches.gpu_session"]
        command += [f"--part={name}", f"--notes={self._notes}"]
        command += [f"--settings={json.dumps(dataclasses.asdict(settings))}"]
        own = {"XLA_FLAGS": PARTS[name].flags, **turns.named(dict(shared), name)}
        environment = {**os.environ, **own}
        if shared:  # several share the memory of the device
            environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        with self._log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                command, env=environment, stdout=file, stderr=subprocess.STDOUT
            )

    def look(self, seconds: float, limit: float) -> None:
        """Notes that it has ended, or stops it."""
        if self._ended:
            return
        code = self.process.poll()
        if code is None and seconds < limit:
            return
        if code is None:
            self.process.kill()
            self.process.wait()
            self._ended = f"stopped after {limit:.0f} s"
        else:
            self._ended = "ok" if code == 0 else f"code {code}"
        self._seconds = time.perf_counter() - self._started
        turns.ended(self._folder, self.name)

    def found(self) -> dict[str, Any]:
        """What it noted, how it ended, and the end of its log if it failed."""
        self.look(0.0, 1.0)
        found: dict[str, Any] = {}
        if self._notes.exists():
            for line in self._notes.read_text(encoding="utf-8").splitlines():
                found |= json.loads(line)
        if self._ended == "ok":
            self._log.unlink()
        else:
            found["log"] = self._log.read_text(encoding="utf-8")[-1500:]
        return {**found, "ended": self._ended, "seconds": self._seconds}


def fastest_depthwise(notes: Mapping[str, Any]) -> str:
    """The form whose bfloat16 cases of one path take least in all.

    A form that failed in a case, or differs from the library's result, does not count.

    Args:
      notes: of the part "depthwise".

    Returns:
      Its name; "" if none is left.
    """
    times: dict[str, list[float]] = {}
    wrong = set()
    for name, value in notes.items():
        _, _, case = name.partition("bfloat16 paths 1 ")
        form = case.split(" ")[0]
        if case.endswith(" error"):
            wrong |= set() if value < 0.02 else {form}
        elif case and form != "at":
            known = isinstance(value, float)
            times.setdefault(form, []).append(value if known else float("inf"))
    most = max(map(len, times.values()), default=0)
    totals = {
        form: sum(values)
        for form, values in times.items()
        if len(values) == most and form not in wrong and max(values) < float("inf")
    }
    return min(totals, key=totals.__getitem__, default="")


def summary(name: str, notes: Mapping[str, Any]) -> str:
    """What a part found, a line a note."""
    lines = [f"== {name}: {notes['ended']}, {notes.get('seconds', 0):.0f} s"]
    for key, value in notes.items():
        small_error = key.endswith(" error") and value < 0.02
        if key in ("ended", "seconds") or small_error:
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v:.4g}" for k, v in value.items())
        text = f"{value:.5g}" if isinstance(value, float) else str(value)
        lines.append(f"  {key}: {text}")
    return "\n".join(lines)


def run_part(name: str, settings: Settings, notes: pathlib.Path) -> None:
    """Runs one part in this process, and writes each note as it is made."""
    import jax

    from qnas_jax.kernels import depthwise

    if settings.cache:
        jax.config.update("jax_compilation_cache_dir", settings.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if settings.depthwise:
        depthwise.BEST[jax.default_backend()] = settings.depthwise
    with notes.open("a", encoding="utf-8") as file:

        def note(key: str, value: Any) -> None:
            file.write(json.dumps({key: value}, default=float) + "\n")
            file.flush()

        started = time.perf_counter()
        PARTS[name].run(note, settings)
        note("seconds in the part", time.perf_counter() - started)


def main(argv: Sequence[str]) -> None:
    """Runs the parts that are asked for."""
    del argv
    if _PART.value:
        settings = Settings(**json.loads(_SETTINGS.value))
        run_part(_PART.value, settings, pathlib.Path(_NOTES.value))
        return
    unknown = [name for name in (*_ONLY.value, *_WITHOUT.value) if name not in PARTS]
    if unknown:
        raise app.UsageError(f"got {unknown[0]!r}, expected of {', '.join(PARTS)}")
    parts = {
        name: part
        for name, part in PARTS.items()
        if name in (_ONLY.value or SESSION) and name not in _WITHOUT.value
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            tiny=_TINY.value,
            depthwise=_DEPTHWISE.value,
            peer=_PEER.value,
            images=_IMAGES.value,
            data_dir=_DATA_DIR.value,
            cache=_CACHE.value or folder,
            seed=_SEED.value,
        )
        run(parts, settings, pathlib.Path(_OUT.value), _SECONDS.value)
    print(f"written to {_OUT.value}")


if __name__ == "__main__":
    _ONLY = flags.DEFINE_list(
        "only", [], f"of {', '.join(PARTS)}; by default {', '.join(SESSION)}"
    )
    _WITHOUT = flags.DEFINE_list("without", [], "parts that are left out")
    _SECONDS = flags.DEFINE_float("seconds", SECONDS, "for all parts together")
    _TINY = flags.DEFINE_bool("tiny", False, "small shapes")
    _DEPTHWISE = flags.DEFINE_string("depthwise", "", "form in networks; '': fastest")
    _PEER = flags.DEFINE_string("peer", "", "folder of the public BQNAS code")
    _IMAGES = flags.DEFINE_string("images", "", "npz file of CIFAR-10")
    _DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of nas_bench_macro/")
    _CACHE = flags.DEFINE_string("cache", "", "folder of compiled programs")
    _SEED = flags.DEFINE_integer("seed", 0, "of what is ranked", lower_bound=0)
    _OUT = flags.DEFINE_string("out", "gpu.json", "where the result goes")
    _PART = flags.DEFINE_string("part", "", "run this part alone, in this process")
    _SETTINGS = flags.DEFINE_string("settings", "{}", "of the part, as JSON")
    _NOTES = flags.DEFINE_string("notes", "", "file for the part's notes")
    app.run(main)
