"""Parts of a session on an accelerator: what each runs, and for how long."""

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
    from experiments.benches import gpu_ranking

    tiny = settings.tiny
    gpu_ranking.rank_macro(
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

PARTS: dict[str, Part] = {
    "device": Part(40, _device),
    "states": Part(60, _sizes, "networks"),
    "score": Part(140, _running, "networks"),
    "paths": Part(140, _once, "networks"),
    "path": Part(120, _train_path, "networks"),
    "pytorch": Part(75, _pytorch),
    "score again": Part(60, _running, "again"),
    "paths again": Part(60, _once, "again"),
    "path again": Part(60, _train_path, "again"),
    "rank": Part(120, _rank),
    "depthwise": Part(110, _depthwise),
    "state forms": Part(90, _forms),
    "circuits": Part(45, _circuits),
    "score batch": Part(90, _batch),
    "path recomputed": Part(120, _recomputed),
    "paths padded": Part(120, _padded_paths),
    "paths, library's products": Part(120, _once, flags=_LIBRARY),
    "blocks": Part(45, _blocks),
}
