"""Our counts against XLA's on a tiny space."""

import numpy as np

from experiments.benches import costs


def test_weights_are_the_same_and_counts_are_close():
    rows = list(costs.run(["digits_tiny"], 2, 0))
    assert [row["subnet"] for row in rows] == [0, 1]
    for row in rows:
        assert row["weights"] == 1
        assert 0.7 < row["FLOPs"] < 2 and 0.5 < row["activations"] < 4
    assert list(costs.run(["digits_tiny"], 2, 0, rows)) == []
    (line,) = costs.result_rows(rows)
    assert (line["space"], line["subnets"], line["weights"]) == (
        "digits_tiny",
        2,
        "1.00 to 1.00",
    )
    assert float(line["FLOPs"].split(" to ")[1]) == np.round(
        max(row["FLOPs"] for row in rows), 2
    )
