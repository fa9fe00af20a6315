"""A disk that is full at any write, a folder that cannot be written: no loss."""

import contextlib
import errno
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

import jax.numpy as jnp
import pytest
from flax import struct
from job_runs import result_of, run_in

from qnas_jax.jobs.failures import USER_ERROR, describe_failure
from qnas_jax.runs import Checkpoints


@contextlib.contextmanager
def files_no_larger_than(size):
    """The system refuses to let a file grow beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def small_disk(folder, kib):
    """A file system of its own in memory, where the system lets us have one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def check_line(error, folder, why="File too large"):
    failure = describe_failure(error, folder)
    assert failure.status == USER_ERROR and "\n" not in failure.line
    assert failure.line.startswith(f"error: {folder}")
    assert f"{why}; free space, then the same command goes on" in failure.line


def test_a_search_goes_on_when_there_is_space(search_config, tmp_path, quick):
    run_in(tmp_path / "whole", search_config)
    expected = result_of(tmp_path / "whole")
    largest = max(
        path.stat().st_size
        for path in (tmp_path / "whole").rglob("*")
        if path.is_file()
    )
    stopped = 0
    folder = tmp_path / "full"
    for size in range(0, largest + 1, max(largest // 20, 1)):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with files_no_larger_than(size):
                run_in(folder, search_config)
        except OSError as error:
            check_line(error, folder)
            stopped += 1
        run_in(folder, search_config)
        assert result_of(folder) == expected, size
        assert not list(folder.rglob(".*.part"))
    assert stopped > 10


@pytest.mark.skipif(shutil.which("mount") is None, reason="a system without mount")
def test_a_small_disk_that_is_full_at_any_page(search_config, tmp_path, quick):
    run_in(tmp_path / "whole", search_config)
    expected = result_of(tmp_path / "whole")
    stopped = 0
    with small_disk(tmp_path / "disk", 4096) as disk:
        folder, filler = disk / "run", disk / "filler"
        for free in range(0, 4096, 4):
            shutil.rmtree(folder, ignore_errors=True)
            space = shutil.disk_usage(disk).free
            filler.write_bytes(bytes(space - 1024 * free))
            try:
                run_in(folder, search_config)
            except OSError as error:
                check_line(error, folder, "No space left on device")
                stopped += 1
            else:
                break
            finally:
                filler.unlink()
            run_in(folder, search_config)
            assert result_of(folder) == expected, free
            assert not list(folder.rglob(".*.part"))
    assert stopped > 5


@struct.dataclass
class State:
    step: jnp.ndarray
    weights: jnp.ndarray


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path):
    def state(step):
        return State(jnp.int32(step), jnp.arange(50_000) * (step + 0.5))

    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(state(1), note="first")
    for size in (0, 100, 1000, 5000):
        with pytest.raises(Exception) as caught, files_no_larger_than(size):
            checkpoints.save(state(2), note="second")
        check_line(caught.value, tmp_path)
        checkpoints.close()
        checkpoints = Checkpoints(tmp_path / "checkpoints")
        found = checkpoints.restore(state(0))
        assert int(found.state.step) == 1 and found.note == "first"
    checkpoints.save(state(2), note="second")
    assert checkpoints.restore(state(0)).note == "second"
    checkpoints.close()


@contextlib.contextmanager
def nobody():
    """Acts as a user without rights, if the tests run as one who has all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="a system without users")
def test_a_folder_that_cannot_be_written_is_named(search_config, quick):
    root = pathlib.Path(tempfile.mkdtemp())
    root.chmod(0o755)
    folder = root / "run"
    try:
        run_in(folder, search_config)
        before = {
            path: path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        for stage in ("all", "search"):
            with pytest.raises(OSError) as caught, nobody():
                run_in(folder, search_config, stage)
            assert caught.value.errno in (errno.EACCES, errno.EPERM)
            failure = describe_failure(caught.value, folder)
            assert failure.status == USER_ERROR
            assert failure.line == f"error: {folder}/.lock: Permission denied"
        with (
            pytest.raises(Exception, match="expected a folder that can be made"),
            nobody(),
        ):
            run_in(root / "new", search_config)
        assert before == {path: path.read_bytes() for path in before}
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(root)
