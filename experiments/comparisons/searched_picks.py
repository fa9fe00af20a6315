"""What a job's search picks in a space whose accuracies are known, and its rivals.

For each seed a supernet is trained and searched as a job does (`config.search`), and
the true accuracy of the pick is looked up, beside that of
- a random network of the pick's cost: the mean and the deviation of all of them,
- random search: the best by the same score of as many random networks as the search
  evaluated,
- the largest network, and any network: the mean of the space.

python -m experiments.comparisons.searched_picks --data_dir=FOLDER --seeds=5
    [--config=configs/nas_bench_macro.py] [--set=supernet.epochs=2]
    [--folder=runs/picks] [--out=runs/picks/rows.jsonl]

Rows are appended as they come, and those that are there are not done again; a seed that
was stopped goes on in its folder.
"""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import app, flags, logging

from experiments.measuring.configuration import load_config
from experiments.measuring.processor_time import ProcessorClock
from experiments.measuring.rows import append_rows, read_rows, table
from experiments.measuring.seeds import mean_and_interval
from qnas_jax.evaluation import scores_of
from qnas_jax.jobs import JOBS, open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.rank import alike_in_cost
from qnas_jax.jobs.nas.scores import subnet_evaluator
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import read_truth
from qnas_jax.reporting import share_beaten, worth_over_runs
from qnas_jax.runs import WorkFolder, read_json

PICK, OF_ITS_COST, BY_SCORE = "pick", "random of its cost", "random search"
LARGEST, ANY = "largest", "any network"
CHOICES = (PICK, BY_SCORE, OF_ITS_COST, LARGEST, ANY)
_STAGES = ("supernet", "reference", "search")


def run(
    config: ml_collections.ConfigDict, seeds: Sequence[int], folder: pathlib.Path
) -> Iterator[dict[str, Any]]:
    """Trains, searches and looks up.

    Args:
      config: of all jobs; the seed is set.
      seeds: a job each.
      folder: of the work folders, one a seed.

    Yields:
      A row a seed, as soon as it is known: true accuracies in [0, 1] by `CHOICES`,
      the deviation of all networks of the pick's cost, the share of them that is worse,
      and processor seconds.
    """
    for seed in seeds:
        own = config.copy_and_resolve_references()
        own.seed = seed
        place = folder / f"seed_{seed}"
        clock = ProcessorClock(place / "processor_seconds.json")
        setting = _open(own, place)
        if not (place / "best_arch.json").exists():
            with clock.counting("search"):
                _search(setting)
        found = read_json(place / "best_arch.json")
        yield {
            "space": config.space.name,
            "seed": seed,
            "evaluations": found["evaluations"],
            "processor s": clock.seconds["search"],
            **rivals(setting, found["arch"], found["evaluations"]),
        }


def _open(config: ml_collections.ConfigDict, folder: pathlib.Path) -> NasSetting:
    return open_setting(
        config,
        WorkFolder(folder),
        say=lambda line: None,
        progress=lambda items, total, name: items,
    )


def _search(setting: NasSetting) -> None:
    """The stages up to the search; nothing is retrained."""
    for stage in JOBS["nas"].chains["all"]:
        if stage.name in _STAGES and stage.needed(setting.config):
            stage.run(setting)


def rivals(
    setting: NasSetting, pick: Sequence[int], evaluations: int
) -> dict[str, float]:
    """True accuracies of a pick and of what it has to hold its own against.

    Args:
      setting: the run; its supernet (and reference) is there.
      pick: int [L], what its search found.
      evaluations: random networks that the same score chooses from.

    Returns:
      By `CHOICES`, in [0, 1], and the facts of `run`.
    """
    archs, truth = read_truth(setting)
    own, others, _ = alike_in_cost(setting, np.asarray(pick), (archs, truth))
    rng = np.random.default_rng(setting.config.seed)
    drawn = rng.permutation(len(archs))[:evaluations]
    scores = _scores(setting, archs[drawn])
    (largest,) = np.flatnonzero((archs == setting.costs.largest()).all(axis=1))
    return {
        PICK: own,
        BY_SCORE: float(truth[drawn[np.argmax(scores)]]),
        OF_ITS_COST: float(others.mean()),
        LARGEST: float(truth[largest]),
        ANY: float(truth.mean()),
        "sd of its cost": float(others.std(ddof=1)) if len(others) > 1 else 0.0,
        "beaten": share_beaten(own, others),
    }


def _scores(setting: NasSetting, archs: np.ndarray) -> np.ndarray:
    """What the search would have compared them by, [N]; what failed is worst."""
    evaluator = subnet_evaluator(setting)
    size = setting.config.search.population
    parts = []
    for start in range(0, len(archs), size):
        filled = np.resize(archs[start : start + size], (size, archs.shape[1]))
        found = evaluator(setting.key("search/rivals"), jnp.asarray(filled))
        parts.append(np.asarray(scores_of(evaluator, found)))
    scores = np.concatenate(parts)[: len(archs)]
    return np.where(np.isfinite(scores), scores, -np.inf)


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a choice: true accuracies over the seeds, and what the pick has more.

    Args:
      rows: of `run`, one at least.

    Returns:
      Percent of mean, half a 95 % interval of it (Student's t; None of one seed), least
      and most; the pick's gain in points, paired over the seeds, likewise.
    """
    lines = []
    for choice in CHOICES:
        values = 100 * np.asarray([row[choice] for row in rows])
        gains = 100 * np.asarray([row[PICK] for row in rows]) - values
        mean, half = mean_and_interval(values)
        gain, gain_half = mean_and_interval(gains)
        lines.append(
            {
                "what": choice,
                "seeds": len(rows),
                "true %": mean,
                "+-": half,
                "least": float(values.min()),
                "most": float(values.max()),
                "pick has more": None if choice == PICK else gain,
                "gain +-": None if choice == PICK else gain_half,
            }
        )
    return lines


def main(_: Sequence[str]) -> None:
    """Prints a table over the seeds, and one over the choices."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    config = load_config(_CONFIG.value, _SET.value)
    if _DATA_DIR.value:
        config.data.data_dir = _DATA_DIR.value
    out = _OUT.value
    done = {row["seed"] for row in read_rows(out)}
    left = [seed for seed in range(_SEEDS.value) if seed not in done]
    for row in run(config, left, pathlib.Path(_FOLDER.value)):
        append_rows(out, [row])
        print(f"seed {row['seed']}: {100 * row[PICK]:.2f} %", flush=True)
    rows = sorted(read_rows(out), key=lambda row: row["seed"])
    print(table(rows, ["seed", *CHOICES, "beaten", "processor s"]) + "\n")
    summary = summarise(rows)
    print(table(summary, list(summary[0])))
    differences = [row[PICK] - row[OF_ITS_COST] for row in rows]
    print(f"\n{worth_over_runs(differences).sentence}")


if __name__ == "__main__":
    _CONFIG = flags.DEFINE_string(
        "config", "configs/nas_bench_macro.py", "configuration of all jobs"
    )
    _SET = flags.DEFINE_multi_string("set", [], "changes it: group.field=value")
    _DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of data and truth")
    _SEEDS = flags.DEFINE_integer("seeds", 5, "jobs", lower_bound=1)
    _FOLDER = flags.DEFINE_string("folder", "runs/picks", "of the work folders")
    _OUT = flags.DEFINE_string("out", "runs/picks/rows.jsonl", "JSONL file of rows")
    app.run(main)
