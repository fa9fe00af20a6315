"""`qnas doctor`: whether this machine can run searches, and what it has for them."""

import importlib.metadata
import os
import pathlib
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from qnas_jax import __version__
from qnas_jax.command.words import word_parser
from qnas_jax.printing import columns, say

_LIBRARIES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scipy")
_EXTRAS = {
    "quantum": ("qiskit", "mitiq"),
    "export": ("jax2onnx", "onnx", "onnxruntime"),
    "baselines": ("scikit-learn",),
    "peers": ("optuna", "pymoo"),
    "cluster": ("submitit",),
    "tensorboard": ("tensorboardX",),
    "bench": (
        *("qiskit-aer", "pennylane-lightning", "qsimcirq"),
        *("tensorcircuit-ng", "qujax"),
    ),
    "docs": ("mkdocs-material", "mkdocstrings"),
}
_LEAST_FREE = 2**30  # bytes


class Finding(NamedTuple):
    """One line of the answer.

    Attributes:
      subject: what was looked at.
      words: what was found.
      well: whether searches can run.
    """

    subject: str
    words: str
    well: bool = True


def run(words: Sequence[str]) -> int:
    """Looks at everything and prints a line each.

    Args:
      words: behind `qnas doctor`.

    Returns:
      The exit status: 0 if all is well, else 1.
    """
    parser = word_parser("doctor", "versions, devices, data, caches, and a self-test")
    parser.add_argument("--no-test", action="store_true", help="leave out the test")
    asked = parser.parse_args(words)
    checks = [
        versions,
        extras,
        devices,
        data,
        caches,
        *([] if asked.no_test else TESTS),
    ]
    found = [finding for check in checks for finding in _looked_at(check)]
    say(columns([("ok" if f.well else "FAILED", f.subject, f.words) for f in found]))
    failed = sum(not finding.well for finding in found)
    say([f"{failed} of {len(found)} failed" if failed else "all is well"])
    return int(failed > 0)


def versions() -> Iterator[Finding]:
    """Of Python, of this package and of what it stands on."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Finding("python", f"{platform.python_version()} ({machine})")
    yield Finding("qnas_jax", f"{__version__} in {pathlib.Path(__file__).parents[1]}")
    for name in _LIBRARIES:
        version = _version(name)
        yield Finding(name, version or "is not installed", bool(version))


def extras() -> Iterator[Finding]:
    """Which optional parts are installed; none of them has to be."""
    for extra, names in _EXTRAS.items():
        missing = [name for name in names if not _version(name)]
        words = "installed"
        if missing:
            words = f"not installed: pip install 'qnas_jax[{extra}]'"
        yield Finding(f"extra {extra}", words)


def devices() -> Iterator[Finding]:
    """What JAX computes on."""
    import jax

    kinds = [str(each.device_kind) for each in jax.devices()]
    counted = [f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds)]
    yield Finding("devices", f"{jax.default_backend()}: {', '.join(counted)}")


def data() -> Iterator[Finding]:
    """The folder of data sets and benchmarks."""
    value = os.environ.get("QNAS_DATA_DIR", "")
    if not value:
        words = (
            "QNAS_DATA_DIR is not set: digits need none, TFDS downloads its sets, "
            "others need it"
        )
        yield Finding("data", words)
        return
    folder = pathlib.Path(value).expanduser()
    if not folder.is_dir():
        yield Finding("data", f"QNAS_DATA_DIR={value} is no folder", well=False)
        return
    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    yield Finding("data", f"{folder}: {', '.join(names) or 'holds no sets'}")


def caches() -> Iterator[Finding]:
    """Folders that are written to: compiled programs, decoded sets, this folder."""
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    for subject, folder in (
        ("compiled programs", base / "qnas_jax" / "compiled"),
        ("decoded sets", base / "qnas_jax" / "datasets"),
        ("working folder", pathlib.Path.cwd()),
    ):
        there = next(each for each in (folder, *folder.parents) if each.is_dir())
        free = shutil.disk_usage(there).free
        held = ""
        if "qnas_jax" in folder.parts[-2:]:
            size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            held = f" {size / 2**20:.0f} MiB,"
        can = os.access(there, os.W_OK)
        words = f"{folder}:{held} {free / 2**30:.1f} GiB free"
        words += "" if can else ", cannot be written"
        yield Finding(subject, words, can and free > _LEAST_FREE)


def device_computes() -> str:
    """A product of matrices on the device against NumPy's."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 256, 256)).astype(np.float32)
    with jax.default_matmul_precision("highest"):
        found = np.asarray(jax.jit(jnp.matmul)(first, second))
    worst = float(np.abs(found - first.astype(np.float64) @ second).max())
    assert worst < 1e-2, f"a product of matrices is off by {worst:.3g}"
    return f"256 x 256 product, off by {worst:.1g} at most"


def search_finds() -> str:
    """A compiled search among 64 architectures, all of which it may ask about."""
    import jax
    import numpy as np

    from qnas_jax.searching import make_strategy, scan_search

    strategy = make_strategy("random", (4, 4, 4), population=20, generations=40)
    state, _ = jax.jit(
        lambda key: scan_search(
            strategy, lambda _, archs: (archs, archs.sum(-1).astype("float32")), key, 40
        )
    )(jax.random.key(0))
    best = np.asarray(state.best_arch).tolist()
    assert best == [3, 3, 3], f"the search ended with {best}, expected [3, 3, 3]"
    return "800 evaluations in one program, the optimum found"


def circuit_simulates() -> str:
    """A Bell state of the simulator against its formula."""
    import numpy as np

    from qnas_jax import quantum

    circuit = quantum.Circuit(2).add("h", (0,)).add("cx", (0, 1))
    found = np.asarray(quantum.run_circuit(circuit))
    expected = np.array([1, 0, 0, 1]) / np.sqrt(2)
    assert np.allclose(found.ravel(), expected, atol=1e-6), f"got the state {found}"
    return "a Bell state"


def data_load() -> str:
    """The embedded digits, and a file written whole and read back."""
    from qnas_jax.data import DataOptions, load
    from qnas_jax.runs import read_json, write_json

    dataset = load(DataOptions())
    count = len(dataset.train) + len(dataset.valid) + len(dataset.test)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "written.json"
        write_json(path, {"digits": count})
        assert read_json(path) == {"digits": 1797}, "a written file is another"
    return f"{count} digits"


def _as_finding(test: Callable[[], str]) -> Callable[[], Iterator[Finding]]:
    def check() -> Iterator[Finding]:
        started = time.perf_counter()
        words = test()
        yield Finding(
            f"test {test.__name__}", f"{words} ({time.perf_counter() - started:.1f} s)"
        )

    check.__name__ = f"test {test.__name__}"
    return check


TESTS = tuple(
    _as_finding(test)
    for test in (device_computes, search_finds, circuit_simulates, data_load)
)
"""The self-test: some seconds, mostly of compiling."""


def _looked_at(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check finds; that it fails is a finding too."""
    try:
        return list(check())
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return [Finding(check.__name__, words[:300], well=False)]


def _version(name: str) -> str:
    """The installed version of a library, "" without it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
