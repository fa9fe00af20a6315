"""What is to be measured on an accelerator: cheapest first, 9 minutes in all.

python -m experiments.benches.gpu_session --out=gpu.json [--only=PART,...] [--without=]
    [--seconds=540] [--peer=FOLDER] [--images=cifar.npz] [--data_dir=FOLDER] [--tiny]

Each part runs in a process of its own under a time limit of its own, and leaves what it
has measured when it is stopped or fails. The file is written after each part. Networks
compile into a cache of programs: parts named "again" run a second time from it.
`--tiny` runs the same parts on small shapes, on any backend.
"""

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import app, flags


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the parts share.

    Attributes:
      tiny: small shapes.
      depthwise: form of the depth-wise convolution in networks, "" for the default.
      peer: folder of the public BQNAS code, or "".
      images: npz file of CIFAR-10, or "".
      data_dir: folder that holds `nas_bench_macro/`, or "".
      cache: folder of compiled programs, or "".
    """

    tiny: bool = False
    depthwise: str = ""
    peer: str = ""
    images: str = ""
    data_dir: str = ""
    cache: str = ""


@dataclasses.dataclass(frozen=True)
class Part:
    """One measurement.

    Attributes:
      seconds: after which it is stopped.
      run: (note, settings); imports what it needs.
      flags: for the compiler.
    """

    seconds: int
    run: Callable[[Any, Settings], None]
    flags: str = ""


def _device(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_kernels

    gpu_kernels.device(note, tiny=settings.tiny)


def _depthwise(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_kernels

    gpu_kernels.depthwise(note, tiny=settings.tiny)


def _blocks(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_kernels

    gpu_kernels.layer_forms(note, tiny=settings.tiny)


def _states(note: Any, settings: Settings, *, forms: bool) -> None:
    from experiments.benches import gpu_states

    gpu_states.state_vectors(note, tiny=settings.tiny, forms=forms)


def _circuits(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_states

    gpu_states.circuits(note, tiny=settings.tiny)


def _train_path(note: Any, settings: Settings, *, recompute: bool = False) -> None:
    from experiments.benches import gpu_networks

    space, batch = ("digits", 4) if settings.tiny else ("proxylessnas", 256)
    gpu_networks.train_one_path(note, space=space, batch=batch, recompute=recompute)


def _train_paths(note: Any, settings: Settings, *, form: str) -> None:
    from experiments.benches import gpu_networks

    batch = 2 if settings.tiny else 256
    gpu_networks.train_all_paths(note, space="nas_bench_macro", batch=batch, form=form)


def _score(note: Any, settings: Settings, *, mode: Any) -> None:
    from experiments.benches import gpu_networks

    space = "digits" if settings.tiny else "proxylessnas"
    sizes = (4, 4, 2) if settings.tiny else (32, 512, 8)
    gpu_networks.score(
        note,
        space=space,
        population=sizes[0],
        images=sizes[1],
        block=sizes[2],
        mode=mode,
    )


def _rank(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_networks

    tiny = settings.tiny
    gpu_networks.rank_macro(
        note,
        images_file=settings.images or None,
        data_dir=settings.data_dir,
        path_images=(60,) if tiny else (230_400, 691_200, 2_073_600),
        form="each op once",
        batch=4 if tiny else 256,
        num_archs=4 if tiny else 320,
        num_images=4 if tiny else 1000,
    )


def _pytorch(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_networks

    device = "cpu" if settings.tiny else "cuda"
    gpu_networks.pytorch(note, folder=settings.peer, device=device, tiny=settings.tiny)


_sizes = functools.partial(_states, forms=False)
_forms = functools.partial(_states, forms=True)
_once = functools.partial(_train_paths, form="each op once")
_padded_paths = functools.partial(_train_paths, form="padded")
_recomputed = functools.partial(_train_path, recompute=True)
_running = functools.partial(_score, mode="running")
_batch = functools.partial(_score, mode="batch")
# Products by the library alone: no search among generated kernels, which are compiled.
_LIBRARY = "--xla_gpu_enable_triton_gemm=false"
_UNTUNED = "--xla_gpu_autotune_level=0"

PARTS: dict[str, Part] = {
    "device": Part(40, _device),
    "depthwise": Part(110, _depthwise),
    "states": Part(90, _sizes),
    "state forms": Part(90, _forms),
    "circuits": Part(45, _circuits),
    "pytorch": Part(45, _pytorch),
    "paths": Part(110, _once, _LIBRARY),
    "paths again": Part(40, _once, _LIBRARY),
    "score": Part(100, _running, _LIBRARY),
    "score again": Part(40, _running, _LIBRARY),
    "path": Part(120, _train_path, _LIBRARY),
    "path again": Part(40, _train_path, _LIBRARY),
    "rank": Part(120, _rank, _LIBRARY),
    "path recomputed": Part(120, _recomputed, _LIBRARY),
    "path untuned": Part(90, _train_path, _UNTUNED),
    "path tuned": Part(120, _train_path),
    "paths padded": Part(120, _padded_paths, _LIBRARY),
    "paths tuned": Part(120, _once),
    "score tuned": Part(100, _running),
    "score batch": Part(90, _batch, _LIBRARY),
    "blocks": Part(45, _blocks),
}


def run(
    parts: Mapping[str, Part],
    settings: Settings,
    out: pathlib.Path,
    seconds: float,
) -> dict[str, Any]:
    """Runs parts one after the other, each in its own process.

    Args:
      parts: by name.
      settings: what they share; without a form of the depth-wise convolution, networks
        take the one that was fastest in the part "depthwise".
      out: JSON file, written after each part.
      seconds: no part runs beyond so many.

    Returns:
      What the file holds: for each part what it noted, its seconds, and how it ended.
    """
    result: dict[str, Any] = {}
    stop = time.perf_counter() + seconds
    for name, part in parts.items():
        allowed = 20 * part.seconds if settings.tiny else part.seconds
        limit = min(allowed, stop - time.perf_counter())
        if limit < 5:
            result[name] = {"ended": "no time left"}
        else:
            result[name] = _run_alone(name, limit, settings, out)
        if name == "depthwise" and not settings.depthwise:
            form = fastest_depthwise(result[name])
            settings = dataclasses.replace(settings, depthwise=form)
            result[name]["taken"] = form
        out.write_text(json.dumps(result, indent=1, default=float), encoding="utf-8")
        print(summary(name, result[name]), flush=True)
    return result


def _run_alone(
    name: str, limit: float, settings: Settings, out: pathlib.Path
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        notes = pathlib.Path(folder) / "notes.jsonl"
        command = [sys.executable, "-m", "experiments.benches.gpu_session"]
        command += [f"--part={name}", f"--notes={notes}"]
        command += [f"--settings={json.dumps(dataclasses.asdict(settings))}"]
        started = time.perf_counter()
        log = out.with_name(f"{out.stem} {name}.log".replace(" ", "_"))
        with log.open("w", encoding="utf-8") as file:
            try:
                done = subprocess.run(
                    command,
                    env={**os.environ, "XLA_FLAGS": PARTS[name].flags},
                    timeout=limit,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
                ended = "ok" if done.returncode == 0 else f"code {done.returncode}"
            except subprocess.TimeoutExpired:
                ended = f"stopped after {limit:.0f} s"
        found: dict[str, Any] = {}
        if notes.exists():
            for line in notes.read_text(encoding="utf-8").splitlines():
                found |= json.loads(line)
        if ended == "ok":
            log.unlink()
        else:
            found["log"] = log.read_text(encoding="utf-8")[-1500:]
    return {**found, "ended": ended, "seconds": time.perf_counter() - started}


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
    parts = {
        name: part
        for name, part in PARTS.items()
        if (not _ONLY.value or name in _ONLY.value) and name not in _WITHOUT.value
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            tiny=_TINY.value,
            depthwise=_DEPTHWISE.value,
            peer=_PEER.value,
            images=_IMAGES.value,
            data_dir=_DATA_DIR.value,
            cache=_CACHE.value or folder,
        )
        run(parts, settings, pathlib.Path(_OUT.value), _SECONDS.value)
    print(f"written to {_OUT.value}")


if __name__ == "__main__":
    _ONLY = flags.DEFINE_list("only", [], f"of {', '.join(PARTS)}; all by default")
    _WITHOUT = flags.DEFINE_list("without", [], "parts that are left out")
    _SECONDS = flags.DEFINE_float("seconds", 540.0, "for all parts together")
    _TINY = flags.DEFINE_bool("tiny", False, "small shapes")
    _DEPTHWISE = flags.DEFINE_string("depthwise", "", "form in networks; '': fastest")
    _PEER = flags.DEFINE_string("peer", "", "folder of the public BQNAS code")
    _IMAGES = flags.DEFINE_string("images", "", "npz file of CIFAR-10")
    _DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of nas_bench_macro/")
    _CACHE = flags.DEFINE_string("cache", "", "folder of compiled programs")
    _OUT = flags.DEFINE_string("out", "gpu.json", "where the result goes")
    _PART = flags.DEFINE_string("part", "", "run this part alone, in this process")
    _SETTINGS = flags.DEFINE_string("settings", "{}", "of the part, as JSON")
    _NOTES = flags.DEFINE_string("notes", "", "file for the part's notes")
    app.run(main)
