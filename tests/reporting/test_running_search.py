"""A page of a search that still runs names its ops, which its first row holds."""

import json

import pytest

from qnas_jax.errors import UserError
from qnas_jax.reporting import write_report
from qnas_jax.reporting.archs import op_names
from qnas_jax.reporting.rows import read_run

LEFT_AT_THE_END = ("search/registers.npz", "best_arch.json", "result.json")


def run_until_now(small, names):
    """The folder before its search has ended; `names` in the first row of metrics."""
    for name in LEFT_AT_THE_END:
        (small.workdir / name).unlink()
    path = small.workdir / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    first = next(row for row in rows if row["stage"] == "search")
    if names is not None:
        first["op_names"] = names
    small.dump_rows("metrics.jsonl", rows)
    return small.workdir


def test_ops_have_their_names(small, no_drawing):
    names = [small.names[:count] for count in small.num_ops]
    folder = run_until_now(small, names)
    assert op_names(read_run(folder)) == names
    page = write_report(folder).read_text()
    assert "mb_k5_e6" in page and "op 3" not in page


def test_a_search_of_before_has_numbers(small, no_drawing):
    folder = run_until_now(small, None)
    assert op_names(read_run(folder)) is None
    page = write_report(folder).read_text()
    assert "op 3" in page and "mb_k5_e6" not in page


@pytest.mark.parametrize("names", ["mb", [["mb", 3]], ["mb"]])
def test_other_names_are_refused(small, names):
    folder = run_until_now(small, names)
    message = r"metrics.jsonl, line \d+ \(search\): got op_names .* names for each lay"
    with pytest.raises(UserError, match=message):
        read_run(folder)
