"""What is compiled ahead changes no result, and is not compiled again."""

import json
import threading

import jax
import numpy as np
import pytest

from qnas_jax.devices import Devices
from qnas_jax.jobs import ahead, run_stages
from qnas_jax.jobs.ahead import Ahead
from qnas_jax.jobs.nas.candidates import candidates_of
from qnas_jax.jobs.nas.retraining_programs import compile_test, compiled_ahead
from qnas_jax.jobs.nas.scores import subnet_evaluator
from qnas_jax.jobs.nas.search import search_strategy
from qnas_jax.jobs.nas.search_ahead import compile_search
from qnas_jax.runs import read_rows
from qnas_jax.searching import host_search

TIMES = ("seconds", "processor_seconds")


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(ahead, "pays", lambda devices: True)


@pytest.fixture
def compiled():
    """Names of the programs that are compiled, as they are."""
    names = []

    def hear(event, seconds, fun_name="", **rest):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(hear)
    yield names
    jax.monitoring.unregister_event_duration_listener(hear)


def test_nothing_is_done_outside_of_a_run(two_cores):
    done = []
    before = Ahead()
    before.begin("work", lambda: done.append(1))
    assert before.wait("work") is None and not done


def test_work_is_done_once_and_its_result_is_handed_out_once(two_cores):
    done = []
    one = Ahead()
    with one.at_work(Devices()):
        for _ in range(2):
            one.begin("work", lambda: done.append(1) or "result")
        one.begin("last", lambda: None)
        one._begun["last"].result()
        assert one.wait("work") == "result" and done == [1]
        assert one.wait("work") is None


def test_what_fails_is_silent(two_cores):
    one = Ahead()
    with one.at_work(Devices()):
        one.begin("fails", lambda: 1 / 0)
        one.begin("works", lambda: "result")
        one._begun["works"].result()
        assert one.wait("fails") is None and one.wait("works") == "result"


def test_what_has_not_begun_is_taken_back_and_what_runs_is_waited_for(two_cores):
    begun, go_on, done = threading.Event(), threading.Event(), []

    def first():
        begun.set()
        go_on.wait()
        done.append("first")

    one = Ahead()
    with one.at_work(Devices()):
        one.begin("first", first)
        for name in ("second", "third"):
            one.begin(name, lambda: done.append("too late"))
        begun.wait()
        assert one.wait("second") is None
        go_on.set()
    assert done == ["first"] and one.wait("third") is None


def test_an_offer_is_taken_once_and_replaced_by_the_next(two_cores):
    done = []
    one = Ahead()
    with one.at_work(Devices()):
        one.offer("old", lambda: done.append("old"))
        one.offer("new", lambda: done.append("new"))
        for _ in range(2):
            one.begin_offered()
        one.offer("nothing", None)
        one.begin_offered()
        one._begun["new"].result()
    assert done == ["new"]


@pytest.mark.parametrize("count", [1, 2])
def test_one_core_or_several_devices_do_nothing_ahead(monkeypatch, count):
    monkeypatch.setattr("qnas_jax.training.num_cores", lambda: 3 - count)
    devices = Devices()
    if count == 1:
        assert ahead.pays(devices)
    else:
        assert not ahead.pays(devices)


@pytest.mark.slow
def test_a_search_compiles_no_program_that_was_compiled_ahead(finished, compiled):
    compile_search(finished)
    assert any("score_population" in name for name in compiled)
    compiled.clear()
    evaluator, strategy = subnet_evaluator(finished), search_strategy(finished)

    def evaluate(key, archs):
        found = evaluator(key, archs)
        return archs, np.asarray(found.metrics["accuracy"])

    def ties(archs, fidelities):
        return np.zeros(len(archs), np.float32)

    list(host_search(strategy, evaluate, jax.random.key(7), 1, ties=ties))
    known = ("score_population", "_ask", "advance")
    assert not [name for name in compiled if any(each in name for each in known)]


@pytest.mark.slow
def test_a_network_is_retrained_by_the_programs_that_were_compiled(finished, compiled):
    candidate = candidates_of(finished)[0]
    made = compiled_ahead(finished, candidate)
    compile_test(finished, made)
    weights = jax.tree.map(np.asarray, made.first_state().params)
    compiled.clear()
    state = made.first_state()
    order = jax.numpy.arange(made.batches.num_examples)
    state = made.step_at(1.0)(state, order)
    made.measure_on(state.average, *finished.valid)
    names = " ".join(compiled)
    assert "steps" not in names and "compute" not in names
    assert int(state.step) == 1
    again = jax.tree.map(np.asarray, made.first_state().params)
    jax.tree.map(np.testing.assert_array_equal, weights, again)


@pytest.mark.slow
def test_a_run_that_compiles_nothing_ahead_ends_the_same(
    finished_folder, tiny_config, make_setting, monkeypatch
):
    monkeypatch.setattr(ahead, "pays", lambda devices: False)
    setting = make_setting(tiny_config, "without")
    run_stages(setting, "all", ["python", "main.py"])
    for name in ("metrics.jsonl", "search/history.jsonl"):
        got, want = (
            [{k: v for k, v in row.items() if k not in TIMES} for row in read_rows(p)]
            for p in (setting.folder.path / name, finished_folder / name)
        )
        assert got == want
    got, want = (
        json.loads((path / "retrain" / "networks.json").read_text())
        for path in (setting.folder.path, finished_folder)
    )
    assert got == want
