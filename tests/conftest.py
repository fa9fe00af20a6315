"""Strict numerics for every test, and the real data where it is at hand."""

import os
import pathlib
import resource
from collections.abc import Iterator

import jax
import pytest

TINY_SPACE = """
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op, register_space

SMALL = op("mb1", "mbconv", kernel=3, expansion=1)
WIDE = op("mb2", "mbconv", kernel=3, expansion=2)


def build(input_shape, num_classes):
    return NetworkSpace(
        name="tiny",
        layers=(
            Layer(8, 8, 2, (SMALL, WIDE)),
            Layer(8, 8, 1, (SMALL, WIDE, op("skip", "skip"))),
        ),
        stem=(fixed(input_shape[-1], 8, 1, "conv", kernel=3),),
        head=(fixed(8, 8, 1, "global_average"), fixed(8, num_classes, 1, "classifier")),
        input_shape=input_shape,
        num_classes=num_classes,
    )


register_space("tiny", build)
"""

# Most programs run once or twice here, and take longer to compile than to run. What XLA
# does to a program stays as it is: only LLVM is told to spend less time on its parts.
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_backend_optimization_level=1",
        "--xla_llvm_disable_expensive_passes=true",
    ]
)

_MOST_RESIDENT = 3 * 2**30  # bytes of one test process

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "standard")


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests of one run share compiled programs, also between processes."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(scope="session", autouse=True)
def no_power_failures() -> None:
    """Files of tests need not reach the disk; waiting for it takes minutes."""
    os.fsync = lambda handle: None


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """Compiled programs are forgotten after a file when they have become many."""
    yield
    statm = pathlib.Path("/proc/self/statm")
    if statm.exists():
        resident = int(statm.read_text().split()[1]) * resource.getpagesize()
        if resident > _MOST_RESIDENT:
            jax.clear_caches()


@pytest.fixture(scope="session")
def space_file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A user's file that registers `tiny`: six networks that compile in seconds."""
    path = tmp_path_factory.mktemp("space") / "space.py"
    path.write_text(TINY_SPACE)
    return path


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """Folder with the real data sets; a set but wrong QNAS_DATA_DIR is a failure."""
    value = os.environ.get("QNAS_DATA_DIR")
    if not value:
        pytest.skip("QNAS_DATA_DIR is not set: the folder with the real data sets")
    path = pathlib.Path(value).resolve()
    assert path.is_dir(), f"QNAS_DATA_DIR={value} is not a folder"
    return path
