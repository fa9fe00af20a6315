"""Strict numerics for every test, and the real data where it is at hand."""

import ctypes
import fcntl
import functools
import gc
import os
import pathlib
import resource
import shutil
import threading
from collections.abc import Callable, Iterator

import jax
import pytest
from absl import logging
from jax._src.interpreters import mlir

from experiments.measuring.small_space import small_space_file

# Most programs run once or twice here, and take longer to compile than to run. What XLA
# does to a program stays as it is: only the making of machine code is told to be quick,
# which takes a third of the time.
_QUICK = ["--xla_backend_optimization_level=0"]
if jax.__version_info__ < (0, 11):  # an unknown flag ends the process
    _QUICK.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *_QUICK])

_MOST_RESIDENT = 3 * 2**30  # bytes of one test process

# Traced programs are many objects and hardly any garbage: looking for it as often as
# Python does by itself takes a twelfth of the time.
gc.set_threshold(20_000, 20, 20)

# Each program is lowered in a context of its own, which takes a third of the time of a
# small one to set up and a megabyte for as long as the program is kept. One serves all
# of a thread.
if hasattr(mlir, "make_ir_context"):  # not a promise of JAX
    _new_context = mlir.make_ir_context
    _context_of = functools.cache(lambda thread: _new_context())
    mlir.make_ir_context = lambda: _context_of(threading.get_ident())

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "standard")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder of all processes that take part in one run of the tests."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def made_once(shared_folder: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Makes a folder, unless another process of the same run has; to be read only."""

    def get(name: str, make: Callable[[pathlib.Path], object]) -> pathlib.Path:
        folder = shared_folder / name
        with open(shared_folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                part = shared_folder / f"{name}.part"
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                make(part)
                part.rename(folder)
        return folder

    return get


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(shared_folder: pathlib.Path) -> None:
    """Tests of one run share compiled programs, also with processes that they start."""
    folder = shared_folder
    kept = {
        "jax_compilation_cache_dir": str(folder / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0,  # reading takes a third
    }
    for name, value in kept.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


@pytest.fixture(scope="session", autouse=True)
def no_power_failures() -> None:
    """Files of tests need not reach the disk; waiting for it takes minutes."""
    os.fsync = lambda handle: None


@pytest.fixture(autouse=True)
def same_verbosity() -> Iterator[None]:
    """Commands silence the libraries; a test that reads notes comes after them."""
    before = logging.get_verbosity()
    yield
    logging.set_verbosity(before)


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """Compiled programs are forgotten after a file when they have become many."""
    yield
    statm = pathlib.Path("/proc/self/statm")
    if statm.exists():
        resident = int(statm.read_text().split()[1]) * resource.getpagesize()
        if resident > _MOST_RESIDENT:
            jax.clear_caches()
            gc.collect()
            # Else the process keeps what is free, and the next file looks as large.
            getattr(ctypes.CDLL(None), "malloc_trim", int)(0)


@pytest.fixture(scope="session")
def space_file(made_once: Callable[..., pathlib.Path]) -> pathlib.Path:
    """A user's file that registers `tiny`: six networks that compile in seconds."""

    def write(folder: pathlib.Path) -> None:
        (folder / "space.py").write_text(small_space_file("tiny"))

    return made_once("space", write) / "space.py"


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """Folder with the real data sets; a set but wrong QNAS_DATA_DIR is a failure."""
    value = os.environ.get("QNAS_DATA_DIR")
    if not value:
        pytest.skip("QNAS_DATA_DIR is not set: the folder with the real data sets")
    path = pathlib.Path(value).resolve()
    assert path.is_dir(), f"QNAS_DATA_DIR={value} is not a folder"
    return path
