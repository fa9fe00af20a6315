"""Parts of a session on an accelerator: what each runs, and for how long.

`SESSION` is what runs by default, cheapest first: even if every part needs all of its
time, the last ones have theirs within `SECONDS`. Depth-wise kernels come before the
networks, which take the fastest of them. `ON_REQUEST` are longer, or variants of these.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from experiments.measuring import turns


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
      seed: of the trainings that are ranked.
    """

    tiny: bool = False
    depthwise: str = ""
    peer: str = ""
    images: str = ""
    data_dir: str = ""
    cache: str = ""
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Part:
    """One measurement.

    Attributes:
      seconds: after which it is stopped.
      run: (note, settings); imports what it needs.
      group: parts that follow each other with the same name run together.
      flags: for the compiler.
    """

    seconds: int
    run: Callable[[Any, Settings], None]
    group: str = ""
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

    turns.take(wait=False)  # while others compile
    gpu_states.state_vectors(note, tiny=settings.tiny, forms=forms)


def _circuits(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_states

    gpu_states.circuits(note, tiny=settings.tiny)


def _train_path(note: Any, settings: Settings, *, recompute: bool = False) -> None:
    from experiments.benches import gpu_networks

    space, batch = ("digits_tiny", 4) if settings.tiny else ("proxylessnas", 256)
    gpu_networks.train_one_path(note, space=space, batch=batch, recompute=recompute)


def _train_paths(note: Any, settings: Settings, *, form: str) -> None:
    from experiments.benches import gpu_networks

    batch = 2 if settings.tiny else 256
    gpu_networks.train_all_paths(note, space="nas_bench_macro", batch=batch, form=form)


def _score(note: Any, settings: Settings, *, mode: Any) -> None:
    from experiments.benches import gpu_networks

    space = "digits_tiny" if settings.tiny else "proxylessnas"
    sizes = (4, 4, 2) if settings.tiny else (32, 512, 8)
    gpu_networks.score(
        note,
        space=space,
        population=sizes[0],
        images=sizes[1],
        block=sizes[2],
        mode=mode,
    )


def _engine_scorer(note: Any, settings: Settings, *, statistics: str) -> None:
    from experiments.benches import gpu_engine

    space = "digits_tiny" if settings.tiny else "proxylessnas"
    sizes = (4, 4, 4) if settings.tiny else (32, 512, 256)
    gpu_engine.score_population(
        note,
        space=space,
        population=sizes[0],
        images=sizes[1],
        calibration=sizes[2],
        statistics=statistics,
    )


def _engine_steps(note: Any, settings: Settings, *, space: str, sampler: str) -> None:
    from experiments.benches import gpu_engine

    space, batch = ("digits_tiny", 4) if settings.tiny else (space, 256)
    gpu_engine.supernet_steps(note, space=space, sampler=sampler, batch=batch)


def _population(note: Any, settings: Settings) -> None:
    from experiments.benches import gpu_engine

    space = "digits_tiny" if settings.tiny else "digits"
    networks, epochs, batch = (2, 1, 256) if settings.tiny else (64, 20, 64)
    gpu_engine.train_population(
        note, space=space, networks=networks, epochs=epochs, batch=batch
    )


def _rank(note: Any, settings: Settings, *, path_images: tuple[int, ...]) -> None:
    from experiments.benches import gpu_ranking

    tiny = settings.tiny
    gpu_ranking.rank_macro(
        note,
        images_file=settings.images or None,
        data_dir=settings.data_dir,
        path_images=(60,) if tiny else path_images,
        form="each op once",
        batch=4 if tiny else 256,
        num_archs=4 if tiny else 320,
        num_images=4 if tiny else 1000,
        seed=settings.seed,
    )


def _pytorch(note: Any, settings: Settings, *, what: str) -> None:
    from experiments.benches import gpu_networks

    device = "cpu" if settings.tiny else "cuda"
    gpu_networks.pytorch(
        note, folder=settings.peer, device=device, tiny=settings.tiny, what=what
    )


_sizes = functools.partial(_states, forms=False)
_forms = functools.partial(_states, forms=True)
_once = functools.partial(_train_paths, form="each op once")
_padded_paths = functools.partial(_train_paths, form="padded")
_recomputed = functools.partial(_train_path, recompute=True)
_running = functools.partial(_score, mode="running")
_batch = functools.partial(_score, mode="batch")
_recalibrated = functools.partial(_engine_scorer, statistics="recalibrate")
_engine_running = functools.partial(_engine_scorer, statistics="running")
_path_steps = functools.partial(_engine_steps, space="proxylessnas", sampler="uniform")
_paths_steps = functools.partial(
    _engine_steps, space="nas_bench_macro", sampler="strict_fair"
)
_short_rank = functools.partial(_rank, path_images=(230_400, 691_200, 2_073_600))
# At 65,000 path-images a second 236 s, of 420 with compiling and scoring.
_long_rank = functools.partial(_rank, path_images=(15_360_000,))
# Products by the library alone: no search among generated kernels, which are compiled.
_LIBRARY = "--xla_gpu_enable_triton_gemm=false"

SECONDS = 540
"""For all of `SESSION`."""

SESSION: dict[str, Part] = {
    "device": Part(25, _device),
    "pytorch scoring": Part(45, functools.partial(_pytorch, what="scoring"), "pytorch"),
    "pytorch training": Part(
        45, functools.partial(_pytorch, what="training"), "pytorch"
    ),
    "states": Part(100, _sizes, "kernels"),
    "circuits": Part(100, _circuits, "kernels"),
    "depthwise": Part(100, _depthwise, "kernels"),
    "score": Part(130, _running, "networks"),
    "paths": Part(130, _once, "networks"),
    "path": Part(130, _train_path, "networks"),
    "score again": Part(40, _running, "again"),
    "paths again": Part(40, _once, "again"),
    "path again": Part(40, _train_path, "again"),
    "population": Part(200, _population, "engine"),
    "engine scorer": Part(200, _recalibrated, "engine"),
    "engine paths": Part(200, _paths_steps, "engine"),
    "rank": Part(200, _short_rank, "engine"),
}

ON_REQUEST: dict[str, Part] = {
    "blocks": Part(45, _blocks),
    "state forms": Part(90, _forms),
    "score batch": Part(90, _batch),
    "path recomputed": Part(120, _recomputed),
    "paths padded": Part(120, _padded_paths),
    "paths with library products": Part(120, _once, flags=_LIBRARY),
    "engine path": Part(150, _path_steps),
    "engine scorer running": Part(150, _engine_running),
    "rank 15 million": Part(420, _long_rank),
}

PARTS: dict[str, Part] = {**SESSION, **ON_REQUEST}
