import logging as std_logging

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.reporting import rows


def test_jsonl_in_order_without_blank_lines(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n{"a": "é"}\n', encoding="utf-8")
    assert rows.read_jsonl(path) == [{"a": 1}, {"a": "é"}]


@pytest.mark.parametrize("rest", [b'{"a": 3, "b', b'{"a": "\xc3', b"[1"])
def test_half_written_last_line_is_skipped_with_a_warning(tmp_path, caplog, rest):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n' + rest)
    with caplog.at_level(std_logging.WARNING, logger="absl"):
        assert rows.read_jsonl(path) == [{"a": 1}, {"a": 2}]
    assert "line 3" in caplog.text


def test_last_line_without_line_end_counts_when_complete(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}')
    assert rows.read_jsonl(path) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("broken", ["{oops}", '{"a": 1', "[1, 2]", "3"])
def test_broken_line_is_named_by_its_number(tmp_path, broken):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n' + broken + '\n{"a": 2}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 3: "):
        rows.read_jsonl(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.jsonl"):
        rows.read_jsonl(tmp_path / "nothing.jsonl")
    with pytest.raises(FileNotFoundError, match="nothing.json"):
        rows.read_row(tmp_path / "nothing.json")
    with pytest.raises(FileNotFoundError, match="no config.json"):
        rows.read_run(tmp_path)


def test_row_without_a_needed_field_is_an_error(small):
    small.dump_rows("metrics.jsonl", [{"stage": "retrain", "epoch": 1}])
    with pytest.raises(ValueError, match=r"line 1 \(retrain\): got no field 'network'"):
        rows.read_run(small.workdir)


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        (
            "metrics.jsonl",
            {"stage": ["search"]},
            r"got stage \['search'\], exp",
        ),
        (
            "metrics.jsonl",
            {"stage": "supernet", "epoch": "1", "loss": 1, "accuracy": 1},
            r"got epoch '1', expected a whole number",
        ),
        (
            "metrics.jsonl",
            {"stage": "supernet", "epoch": 1, "loss": "low", "accuracy": 1},
            r"got loss 'low', expected a number or null",
        ),
        (
            "search/history.jsonl",
            {"evaluation": 1, "generation": 0, "arch": 3, "score": 1, "status": "ok"},
            r"got arch 3, expected a list of ops",
        ),
        ("search/history.jsonl", {}, r"history\.jsonl, line 1: got no field 'evalu"),
    ],
)
def test_a_row_of_the_wrong_form_is_an_error_with_its_line(small, file, row, message):
    small.dump_rows(file, [row])
    with pytest.raises(UserError, match=message):
        rows.read_run(small.workdir)


@pytest.mark.parametrize("name", ["best_arch.json", "result.json", "metrics.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_an_error(small, name):
    (small.workdir / name).unlink(missing_ok=True)
    (small.workdir / name).mkdir()
    with pytest.raises(UserError, match=f"{name}: got a folder, expected a file"):
        rows.read_run(small.workdir)


def test_rows_of_stages_the_page_does_not_know_are_left_out(small):
    small.dump_rows("metrics.jsonl", [{"stage": "export", "bytes": 3}])
    run = rows.read_run(small.workdir)
    assert (run.supernet, run.pool, run.search, run.retrain) == ([], [], [], {})


def test_run_groups_and_sorts(small):
    run = rows.read_run(small.workdir)
    assert [row["epoch"] for row in run.supernet] == list(range(1, 41))
    assert list(run.retrain) == ["winner", "random", "largest"]
    assert all(row["network"] == "random" for row in run.retrain["random"])
    assert [row["evaluation"] for row in run.history] == list(range(1, 801))
    assert run.registers.probabilities.shape == (40, 5, 6)


def test_the_later_of_two_equal_rows_counts(small):
    row = {"stage": "supernet", "loss": 1.0, "accuracy": 0.5}
    epochs = [(1, 0.9), (2, 0.8), (3, 0.7), (2, 0.6)]
    repeated = [row | {"epoch": epoch, "loss": loss} for epoch, loss in epochs]
    small.dump_rows("metrics.jsonl", repeated)
    run = rows.read_run(small.workdir)
    found = [(row["epoch"], row["loss"]) for row in run.supernet]
    assert found == [(1, 0.9), (2, 0.6), (3, 0.7)]


def test_column_and_scored():
    table = [{"a": 1}, {"a": None}, {}]
    np.testing.assert_array_equal(rows.column(table, "a"), [1, np.nan, np.nan])
    history = [
        {"status": status, "score": score}
        for status, score in (
            ("ok", 0.5),
            ("failed", 0.6),
            ("ok", None),
            ("ok", float("nan")),
            ("ok", float("-inf")),
        )
    ]
    assert rows.scored(history) == [{"status": "ok", "score": 0.5}]


def test_registers_that_do_not_fit_are_errors(small):
    path = small.workdir / "search" / "registers.npz"
    good = dict(np.load(path))
    np.savez(path, **(good | {"num_ops": np.full(5, 7)}))
    with pytest.raises(ValueError, match="no K_l above K_max"):
        rows.read_registers(path)
    np.savez(path, **(good | {"generations": np.arange(39)}))
    with pytest.raises(ValueError, match=r"generations \(39,\)"):
        rows.read_registers(path)
    np.savez(path, probabilities=good["probabilities"])
    with pytest.raises(ValueError, match="num_ops"):
        rows.read_registers(path)


@pytest.mark.parametrize("kept", [0, 3, 200])
def test_truncated_registers_are_an_error(small, kept):
    path = small.workdir / "search" / "registers.npz"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="run the search stage again"):
        rows.read_registers(path)


def test_ranking_in_percent_or_of_two_lengths_is_an_error(small):
    ranking = {"kendall_tau": 0.5, "spearman": 0.6, "num_archs": 2}
    path = small.workdir / "ranking.json"
    small.dump(path.name, ranking | {"true": [93.1, 92.0], "scores": [0.5, 0.4]})
    with pytest.raises(ValueError, match="not percent"):
        rows.read_ranking(path)
    small.dump(path.name, ranking | {"true": [0.931], "scores": [0.5, 0.4]})
    with pytest.raises(ValueError, match="1 true accuracies and 2 scores"):
        rows.read_ranking(path)
