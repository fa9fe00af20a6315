"""What is kept of evaluations comes back as it was, and takes little room."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, KnownEvaluations


def evaluations(count, layers=20, ops=4, fidelity=-1):
    rng = np.random.default_rng(count)
    for number, arch in enumerate(rng.integers(0, ops, (count, layers)).tolist(), 1):
        yield Evaluation(
            evaluation=number,
            generation=number // 10,
            arch=tuple(arch),
            fidelity=fidelity,
            score=float(rng.random()),
            metrics={"accuracy": float(rng.random()), "loss": math.pi},
            costs={"params": 4_000_000_000 + number, "macs": 7, "seconds": 0.5},
            status="ok",
            reason="",
        )


def test_rows_of_all_forms_come_back_as_they_were():
    rows = list(evaluations(300))
    rows[7] = dataclasses.replace(
        rows[7], score=-math.inf, metrics={}, status="error", reason="it failed"
    )
    rows[8] = dataclasses.replace(rows[8], costs={"params": 3.5}, fidelity=2)
    known = KnownEvaluations(rows)
    assert list(known) == rows and len(known) == 300
    assert (known[-1], known[7], known[5:9]) == (rows[-1], rows[7], rows[5:9])
    assert list(known.generations) == [row.generation for row in rows]
    for place, row in enumerate(rows):
        assert known.find(row.arch, row.fidelity) == place
        assert known.find(row.arch, 5) == known.find((*row.arch[:-1], 4), -1) == -1
        assert known.score(place) == row.score
        assert known.metric(place, "loss", 9.0) == row.metrics.get("loss", 9.0)
    with pytest.raises(IndexError):
        known[300]


def test_an_architecture_has_an_evaluation_for_each_fidelity():
    known = KnownEvaluations()
    few = list(evaluations(50, fidelity=0))
    for number, row in enumerate(few):
        known.add(row)
        if number % 2:
            known.add(dataclasses.replace(row, fidelity=1, generation=9))
    places = [known.find(row.arch, 0) for row in few]
    assert [known[place].arch for place in places] == [row.arch for row in few]
    assert [known.find(row.arch, 1) >= 0 for row in few] == [False, True] * 25
    assert known[known.find(few[3].arch, 1)].fidelity == 1
    # Newcomers are so once.
    assert dict(known.newcomers) == {0: 9, 1: 10, 2: 10, 3: 10, 4: 10, 5: 1}


@pytest.mark.parametrize("largest", [255, 256, 2**16, 2**31 - 1])
def test_ops_may_be_many(largest):
    rows = list(evaluations(100, layers=2, ops=10))
    rows = list({row.arch: row for row in rows}.values())
    last = dataclasses.replace(rows[0], arch=(largest, 3))
    known = KnownEvaluations([*rows, last])
    places = [known.find(row.arch, -1) for row in (*rows, last)]
    assert places == list(range(len(rows) + 1))
    assert [row.arch for row in known] == [*(row.arch for row in rows), last.arch]


def test_architectures_of_two_lengths_are_an_error():
    row = next(evaluations(1))
    other = dataclasses.replace(row, arch=row.arch[1:])
    with pytest.raises(UserError, match="of 19 layers, expected 20"):
        KnownEvaluations([row, other])


def test_an_evaluation_takes_a_hundred_bytes():
    """Twenty layers and six numbers; what grows by doubling has just grown."""
    known = KnownEvaluations(evaluations(100))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for row in evaluations(10_000):
            known.add(row)
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept / 10_000 < 150


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("arch", []),
        ("arch", [0, -1]),
        ("arch", [0, 2**31]),
        ("arch", [True, 0]),
        ("generation", 2**31),
        ("score", 10**400),
        ("costs", {"params": 2**53 + 1}),
        ("metrics", {"loss": math.inf}),
    ],
)
def test_a_row_that_could_not_be_kept_is_named(field, value):
    row = next(evaluations(1)).row() | {field: value}
    row["arch"] = list(row["arch"])
    with pytest.raises(UserError, match=f"evaluation 1: got {field} "):
        Evaluation.from_row(row)
