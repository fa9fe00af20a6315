"""Users' files that change under the same name make what was made of them stale."""

import pathlib
import shutil

import numpy as np
import pytest
from job_runs import run_in

from qnas_jax.data import Dataset, Split
from qnas_jax.jobs import default_config
from qnas_jax.jobs.markers import Marks
from qnas_jax.jobs.nas.inputs import data_content
from qnas_jax.runs import RunError

TABLE = pathlib.Path(__file__).resolve().parents[2] / "configs/tables/example.csv"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "stage", "message"),
    [
        ("space.py", '"rye", "oat"', '"oat", "rye"', "search", "another space file"),
        ("known.jsonl", "0.625", "0.635", "search", "another history"),
    ],
)
def test_a_changed_file_is_refused_and_the_stage_can_be_done_again(
    search_config, tmp_path, quick, file, old, new, stage, message
):
    folder = tmp_path / "run"
    run_in(folder, search_config)
    edit(tmp_path / file, old, new)
    best = (folder / "best_arch.json").read_bytes()
    with pytest.raises(RunError) as caught:
        run_in(folder, search_config)
    assert str(caught.value) == (
        f"{folder}: its {stage} stage was made with {message} ({tmp_path / file} has "
        f"changed); use another --workdir, or --stage={stage} to do it again"
    )
    with pytest.raises(RunError, match=message):
        run_in(folder, search_config, "retrain")
    assert (folder / "best_arch.json").read_bytes() == best
    run_in(folder, search_config, stage)
    assert (folder / "best_arch.json").read_bytes() != best
    run_in(folder, search_config)


def test_replaced_data_are_refused(tiny_config, tmp_path, make_setting):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    labels = np.arange(40) % 4
    file = tmp_path / "d.npz"
    tiny_config.data.update(source="npz", path=str(file))

    def marks():
        setting = make_setting(tiny_config)
        return Marks(setting, setting.job.chains["all"])

    np.savez(file, x_train=images, y_train=labels)
    marks().begin(0)
    (tmp_path / "run" / "supernet" / "begun").touch()
    np.savez_compressed(file, x_train=images, y_train=labels)  # stored in another way
    marks().check_made_of([0])
    images[7, 3, 3] ^= 1
    np.savez(file, x_train=images, y_train=labels)
    with pytest.raises(RunError, match=r"made with other data \(.*d.npz has changed\)"):
        marks().check_made_of([0])


def test_a_changed_table_or_problem_is_refused(tmp_path, quick):
    shutil.copy(TABLE, tmp_path / "t.csv")
    config = default_config("benchmark")
    config.table.update(source="file", file=str(tmp_path / "t.csv"))
    config.table.update(arch_columns=("op_*",), validation_columns="valid_a")
    config.search.update(strategy="random", population=2)
    config.benchmark.update(seeds=2, budgets=(4.0,))
    stored = {"qnas_jax": "1", "versions": {}, "commit": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qnas_jax.jobs.runner.environment", lambda command: stored)
        run_in(tmp_path / "run", config)
    edit(tmp_path / "t.csv", "conv3", "conv1")
    with pytest.raises(RunError, match=r"benchmark stage was made with another table"):
        run_in(tmp_path / "run", config)

    np.savetxt(tmp_path / "q.csv", [[1.0, 0.0], [0.0, -1.0]], delimiter=",")
    config = default_config("solve")
    config.problem.file = str(tmp_path / "q.csv")
    config.solver.optimiser = "exhaustive"
    run_in(tmp_path / "solved", config)
    np.savetxt(tmp_path / "q.csv", [[1.0, 0.0], [0.0, -2.0]], delimiter=",")
    with pytest.raises(RunError, match=r"solve stage was made with another problem"):
        run_in(tmp_path / "solved", config)
    (tmp_path / "q.csv").unlink()
    with pytest.raises(RunError, match=r"another problem \(.*q.csv is missing\)"):
        run_in(tmp_path / "solved", config)


def test_every_example_counts():
    def content(inputs, targets, names=("a", "b")):
        split = Split(np.asarray(inputs, np.uint8), np.asarray(targets, np.int32))

        class Setting:
            has_networks = True
            dataset = Dataset("d", split, split, split, names)

            class config:  # noqa: N801
                class data:  # noqa: N801
                    path, name, source = "", "d", "tfds"

        (found,) = data_content(Setting).values()
        assert found.other == "other data (d has changed)"
        return found.digest

    same = content([[1, 2], [3, 4]], [0, 1])
    assert content([[1, 2], [3, 4]], [0, 1]) == same
    others = {
        content([[1, 2], [3, 5]], [0, 1]),
        content([[1, 2], [3, 4]], [1, 0]),
        content([[3, 4], [1, 2]], [0, 1]),
        content([[1], [2]], [0, 1]),
        content([[1, 2], [3, 4]], [0, 1], ("a", "c")),
    }
    assert len(others) == 5 and same not in others
