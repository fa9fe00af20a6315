"""Evaluations by processes: failures stay alone, numbers of processes do not matter."""

import os
import subprocess
import sys

import numpy as np
import pytest
import worker_functions

import qnas_jax as qnas


def test_failures_stay_alone():
    space = [["error", "sleep", "die", "fine"], [0, 1]]
    found = qnas.search(
        space, worker_functions.worth, budget=8, workers=2, time_limit=2.0
    )
    rows = {(r["layer_0"], r["layer_1"]): r["status"] for r in found.to_rows()}
    assert rows["error", 0] == "error" and rows["sleep", 0] == "timeout"
    assert rows["die", 0] == "died" and rows["fine", 0] == "ok"
    assert found.best_value == 1.0 and len(found) == 8


def test_how_many_processes_there_are_makes_no_difference():
    space, options = [[0, 1, 2]] * 4, {"budget": 12, "population": 4}
    alone = qnas.search(space, worker_functions.process, **options)
    found = qnas.search(space, worker_functions.process, workers=2, **options)
    np.testing.assert_array_equal(found.archs, alone.archs)
    np.testing.assert_array_equal(found.values, alone.values)
    processes = set(found.metric("process"))
    assert len(processes) == 2 and os.getpid() not in processes


SCRIPT = """
import sys, qnas_jax as qnas
def worth(arch):
    return sum(arch)
{guard}
    given = {{"strategy": "exhaustive", "budget": 4, "workers": 1}}
    print(qnas.search([[0, 1]] * 2, worth, **given).best)
"""


def run_script(path, guard):
    path.write_text(SCRIPT.format(guard=guard))
    return subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_function_of_the_script_itself(tmp_path):
    done = run_script(tmp_path / "mine.py", 'if __name__ == "__main__":')
    assert done.stdout == "(1, 1)\n"
    done = run_script(tmp_path / "bare.py", "if True:")
    assert done.returncode == 1
    assert "UserError" in done.stderr and "processes ended while they" in done.stderr
    assert 'if __name__ == "__main__"' in done.stderr.splitlines()[-1]
