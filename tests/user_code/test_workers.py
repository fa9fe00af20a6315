"""Processes that run a user's function: what fails in one fails alone."""

import functools
import os
import time

import pytest

from qnas_jax.errors import UserError
from qnas_jax.status import Status
from qnas_jax.user_code.calls import UserFunction
from qnas_jax.user_code.workers import Workers

FUNCTION = """
import os, pathlib, sys, time

FOLDER = pathlib.Path(__file__).parent


def times(name):
    "How often it was asked, over all processes."
    with open(FOLDER / name, "a") as file:
        file.write("x")
    return len((FOLDER / name).read_text())


def evaluate(arch, seed):
    if arch == "die":
        os._exit(7)
    if arch == "die once" and times("once") == 1:
        os._exit(1)
    if arch == "sleep":
        time.sleep(60)
    if arch == "fail thrice" and times("thrice") < 4:
        raise RuntimeError("not yet")
    if arch == "wrong":
        return times("wrong") and "x"
    if arch == "jax":
        return "jax" in sys.modules
    return {"score": seed / 2, "process": os.getpid()}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FUNCTION)
    return path


@pytest.fixture
def start(file):
    opened = []

    def start(count, time_limit=0.0):
        source = str(file), "evaluate", ("seed",)
        make = functools.partial(UserFunction.read, *source)
        opened.append(Workers(make, count, time_limit, name=str(file)))
        return opened[-1]

    yield start
    for workers in opened:
        workers.close()


def calls(*archs):
    return [(arch, {"seed": number}, None) for number, arch in enumerate(archs)]


def scores(outcomes):
    return [outcome.metrics.get("score") for outcome in outcomes]


def test_answers_come_in_order_and_failures_stay_alone(start):
    """How many processes there are changes nothing; dead ones are replaced."""
    workers = start(2, time_limit=2.0)
    asked = calls("a", "die", "b", "sleep", "wrong", "c", "jax")
    outcomes = workers.run(asked, retries=0)
    assert scores(outcomes) == [0.0, None, 1.0, None, None, 2.5, None]
    assert [outcome.status for outcome in outcomes] == [
        Status.OK,
        Status.DIED,
        Status.OK,
        Status.TIMEOUT,
        Status.WRONG_RESULT,
        Status.OK,
        Status.OK,
    ]
    assert outcomes[1].reason == "its process ended (exit status 7)"
    assert outcomes[3].reason == "took longer than 2 seconds"
    assert outcomes[6].metrics == {"": 0.0}, "a fresh process has no JAX"
    own = {outcome.metrics.get("process") for outcome in outcomes}
    assert os.getpid() not in own and len(own - {None}) > 1
    # The same processes serve the next call, whatever their number.
    again = workers.run(asked[:1] + asked[2:3], retries=0)
    alone = start(1).run(asked[:1] + asked[2:3], retries=0)
    assert scores(again) == scores(alone) == [0.0, 1.0]


def test_what_failed_is_tried_again(start, tmp_path):
    workers = start(1)
    (good, other, wrong) = workers.run(
        calls("die once", "fail thrice", "wrong"), retries=2
    )
    assert good.status == Status.OK and good.metrics["score"] == 0.0
    assert other.status == Status.ERROR and "RuntimeError: not yet" in other.reason
    assert (tmp_path / "thrice").read_text() == "xxx"
    # A result is a result.
    assert wrong.status == Status.WRONG_RESULT
    assert (tmp_path / "wrong").read_text() == "x"


def test_closing_ends_the_processes(start):
    workers = start(1)
    process = int(workers.run(calls("a"), 0)[0].metrics["process"])
    os.kill(process, 0)
    workers.close()
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("still running")


def test_a_file_that_runs_only_in_the_first_process_is_told(file, start):
    file.write_text("import multiprocessing as m\n1 / (not m.parent_process())\n")
    with pytest.raises(UserError, match=r"mine\.py, line 2: ZeroDivisionError"):
        start(1).run(calls("a"), retries=0)
    file.write_text("import os\nos._exit(4)\n")
    with pytest.raises(UserError, match=r"3 processes ended .* \(exit status 4\)"):
        start(1).run(calls("a"), retries=0)
