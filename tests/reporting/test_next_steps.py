"""Advice: each rule speaks where its rows say so, and is silent otherwise."""

import json

import pytest

from qnas_jax.reporting import write_report
from qnas_jax.reporting.commands import again_with, predicting, program, typed_workdir
from qnas_jax.reporting.next_steps import next_steps
from qnas_jax.reporting.rows import read_run
from qnas_jax.reporting.spent import device_words, stage_costs
from qnas_jax.reporting.statistics import Comparison

SAME = Comparison("largest", 0.01, -0.01, 0.03, 0.4, "McNemar's exact test")
BETTER = Comparison("random", 0.06, 0.03, 0.09, 0.0004, "McNemar's exact test")


def seen(run, comparisons=(BETTER,)):
    return " ".join(
        step.seen for step in next_steps(read_run(run.workdir), comparisons)
    )


def change(run, **fields):
    result = json.loads((run.workdir / "result.json").read_text())
    run.dump("result.json", result | fields)
    return result


def worth(verdict):
    return {"verdict": verdict, "picks": 1, "sentence": "."}


def test_without_random_picks_their_training_is_proposed(small):
    change(small, worth=None)
    first = next_steps(read_run(small.workdir), [BETTER])[0]
    assert "No random network" in first.seen
    assert first.command == (
        "python main.py --config=configs/digits.py --workdir=runs/d "
        "--config.retrain.random_picks=3 --stage=retrain"
    )
    change(small, worth=worth("worth it"))
    assert "No random network" not in seen(small)


def test_what_is_not_told_apart_asks_for_seeds(small):
    change(small, worth=worth("not told apart"))
    steps = next_steps(read_run(small.workdir), [SAME])
    (step,) = [each for each in steps if "told apart from nothing" in each.seen]
    assert "--config.seed=8" in step.command and "runs/d_seed8" in step.command
    assert "told apart" not in seen(small, [SAME, BETTER])


def test_a_search_that_misleads_is_said(small):
    change(small, worth=worth("worse"))
    assert "A random network of the same cost is better" in seen(small)


def test_below_both_on_validation(small, no_drawing):
    result = change(small, worth=worth("worth it"))
    assert "below all" not in seen(small)
    assert "which chose it" not in write_report(small.workdir).read_text("utf-8")
    for network in result["baselines"].values():
        network["validation_accuracy"] = 0.99
    change(small, baselines=result["baselines"])
    assert "below all that was trained beside it" in seen(small)
    text = write_report(small.workdir).read_text(encoding="utf-8")
    assert "below the random subnet and the largest subnet on validation" in text


@pytest.mark.parametrize(("share", "said"), [(0.5, True), (0.79, True), (0.95, False)])
def test_a_budget_that_does_not_bind(small, share, said):
    result = change(small)
    change(small, constraints={"params": result["parameters"] / share})
    assert ("The budget does not bind" in seen(small)) == said


def test_the_edge_of_the_space(small):
    rows = read_run(small.workdir).history
    most = max(row["costs"]["params"] for row in rows)
    fewest = min(row["costs"]["params"] for row in rows)
    largest = {"largest": {"parameters": most}}
    change(small, parameters=most, baselines=largest)
    assert "as large as the largest" in seen(small)
    change(small, parameters=fewest, baselines=largest)
    assert "as small as the smallest" in seen(small)
    change(small, parameters=(most + fewest) // 2, baselines=largest)
    assert "edge of the space" not in seen(small)
    change(small, parameters=most, constraints={"params": 2 * most})
    assert "edge of the space" not in seen(small)


def search_rows(best):
    row = {"stage": "search", "mean": 0.1}
    return [
        row | {"generation": n, "evaluations": 4 * n + 4, "best": value}
        for n, value in enumerate(best)
    ]


@pytest.mark.parametrize(
    ("best", "flat", "rising"),
    [
        ([0.5] * 20, True, False),
        ([0.5] * 19 + [0.6], False, True),
        ([0.5] + [0.6] * 19, False, False),
        ([0.5, 0.6], False, False),  # too short to tell
    ],
)
def test_whether_the_search_gained(small, best, flat, rising):
    small.dump_rows("metrics.jsonl", search_rows(best))
    assert ("nothing better than its first generation" in seen(small)) == flat
    assert ("still rose in the last tenth" in seen(small)) == rising


@pytest.mark.parametrize(("peak", "late"), [(19, True), (18, True), (17, False)])
def test_a_training_that_was_too_short(small, peak, late):
    rows = [
        {
            "stage": "retrain",
            "network": "winner",
            "epoch": n + 1,
            "loss": 1.0,
            "accuracy": 0.5,
            "valid_accuracy": 0.9 if n == peak else 0.5,
        }
        for n in range(20)
    ]
    small.dump_rows("metrics.jsonl", rows)
    assert ("it was still learning" in seen(small)) == late


def test_failures_are_counted(small):
    rows = read_run(small.workdir).history
    assert "evaluations failed" not in seen(small)
    for row in rows[:50]:
        row["status"] = "timeout"
    small.dump_rows("search/history.jsonl", rows)
    assert "51 of 800 evaluations failed (non-finite, timeout)" in seen(small)


def test_the_weakest_class(small):
    names, table = ["cat", "dog"], [[90.0, 90.0], [0.0, 180.0]]
    change(small, class_names=names, test_confusion=table, test_accuracy=0.75)
    assert "Class cat is recognised least: 50.00" in seen(small)
    change(small, test_confusion=[[135.0, 45.0], [40.0, 140.0]])
    assert "recognised least" not in seen(small)


def test_an_unfinished_run_goes_on(small):
    (small.workdir / "result.json").unlink()
    steps = next_steps(read_run(small.workdir), [])
    assert steps[0].seen == "The run has no result yet."
    assert steps[0].command.endswith("--config=configs/digits.py --workdir=runs/d")
    # A space whose architectures are no networks has no result file ever.
    small.dump("spent.json", {"seconds": {"search": 1.0, "retrain": 0.0}})
    small.dump_rows("metrics.jsonl", search_rows([0.5, 0.6]))
    assert "no result yet" not in seen(small)


@pytest.mark.parametrize(
    ("command", "begin", "folder"),
    [
        ("python main.py --workdir=runs/d --seed=1", "python main.py", "runs/d"),
        ("qnas --config=digits --workdir 'my runs/d'", "qnas", "my runs/d"),
        ("/x/bin/python main.py --config=a", "/x/bin/python main.py", "work"),
        ("", "qnas", "work"),
        ("unbalanced 'quote", "qnas", "work"),
    ],
)
def test_commands_are_in_the_users_words(small, command, begin, folder):
    small.dump("environment.json", small.environment() | {"command": command})
    run = read_run(small.workdir)
    assert program(run.environment) == begin
    assert typed_workdir(run) == folder
    assert again_with(run, "--stage=search").startswith(f"{begin} --")


def test_how_to_predict(small, no_drawing):
    assert predicting(read_run(small.workdir)) is None
    (small.workdir / "model").mkdir()
    small.dump("model/model.json", {"inputs": "series", "input_shape": [96, 1]})
    found = predicting(read_run(small.workdir))
    assert found.command == (
        "python main.py --stage=predict --workdir=runs/d --input=FILE"
    )
    assert "model.predict(series)  # float32 [N, 96, 1]" in found.python
    small.dump("model/model.json", {"inputs": "text", "input_shape": [20]})
    text = predicting(read_run(small.workdir))
    assert "model.predict(sentences)  # a list of strings" in text.python
    small.dump("model/model.json", {"inputs": "language", "input_shape": [20]})
    texts = predicting(read_run(small.workdir))
    assert texts.argument == "a file with a text a line"
    assert "model.predict(texts)  # a list of strings" in texts.python
    small.dump("model/model.json", {"inputs": "series", "input_shape": [96, 1]})
    text = write_report(small.workdir).read_text(encoding="utf-8")
    assert "Predict with it" in text and "an npz or text file of series" in text


def test_what_the_run_cost(small):
    run = read_run(small.workdir)
    # An older folder knows no processor time.
    *stages, whole = stage_costs(run)
    assert [row.name for row in stages] == ["supernet", "search", "retrain"]
    assert whole.seconds == pytest.approx(141.6) and whole.processor is None
    small.dump(
        "spent.json",
        {"seconds": {"a": 10.0, "b": 30.0}, "processor_seconds": {"a": 15, "b": 30}},
    )
    first, _, whole = stage_costs(read_run(small.workdir))
    assert (first.share, first.cores) == (0.25, 1.5)
    assert (whole.name, whole.seconds, whole.processor) == ("all", 40, 45)
    assert stage_costs(read_run(small.workdir))[2].cores == 45 / 40


def test_the_device_in_words():
    told = {"processor": "AMD EPYC", "cpu_count": 2, "devices": ["cpu"]}
    assert device_words(told) == "AMD EPYC, 2 CPU cores"
    gpus = told | {"devices": ["NVIDIA H100", "NVIDIA H100"]}
    assert device_words(gpus).endswith("2 x NVIDIA H100")
    assert device_words({}) == ""
