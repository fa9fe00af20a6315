"""Stage 4: the result of a run as one JSON file and one HTML page."""

import math
from typing import Any

import numpy as np

from qnas_jax.errors import MissingFileError
from qnas_jax.evaluation import EVALUATORS, TRUTHS
from qnas_jax.jobs.markers import spent_by_stage
from qnas_jax.jobs.nas.answers import alone_right
from qnas_jax.jobs.nas.candidates import PICK
from qnas_jax.jobs.nas.closing import closing_lines
from qnas_jax.jobs.nas.rank import worth_of_arch
from qnas_jax.jobs.nas.reference import num_evaluated
from qnas_jax.jobs.nas.search_rows import history_of
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import read_truth
from qnas_jax.jobs.nas.window_losses import add_loss_statistics, worth_by_losses
from qnas_jax.reporting import intervals, worth_of_winner, write_report
from qnas_jax.runs import read_json, write_json
from qnas_jax.spaces import TOLERANCE


def report_run(setting: NasSetting) -> list[str]:
    """Writes `spent.json`, `result.json` (of a retrained winner), figures and the page.

    Args:
      setting: the run; whatever stages are finished.

    Returns:
      The path of the page, what was found, and last whether the search was worth it,
      as far as that is known.
    """
    # Marks have counted the rows that finished stages wrote: other lines are strays.
    setting.folder.metrics.drop(())
    folder = setting.folder.path
    write_json(folder / "spent.json", _spent(setting))
    found: list[dict[str, Any] | None] = []
    said: list[str] = []
    networks = folder / "retrain" / "networks.json"
    if networks.exists():
        found += _write_result(setting, read_json(networks))
        said = closing_lines(setting)
    if (folder / "ranking.json").exists():
        found.append(read_json(folder / "ranking.json").get("worth"))
    page = write_report(folder)
    return [str(page), *said, *(worth["sentence"] for worth in found if worth)]


def _write_result(
    setting: NasSetting, networks: dict[str, dict]
) -> list[dict[str, Any] | None]:
    """Writes `result.json`; returns what it says of the search's worth."""
    winner = networks.pop("winner")
    layers = winner.pop("layers")
    for network in networks.values():
        del network["layers"]
    classifiers = _classifiers(setting)
    num_tested = len(setting.dataset.test)
    for each in (winner, *networks.values(), *classifiers.values()):
        each["intervals"] = intervals(each, num_tested)
    others = {**networks, **classifiers}
    add_loss_statistics(setting, {"winner": winner, **others})
    for name, alone in alone_right(setting.folder.path, "winner", others).items():
        others[name]["alone_right"] = alone
    history = history_of(setting.folder).read()
    generations = setting.config.search.generations
    search = setting.config.search
    worth = _worth(setting, winner, networks)
    by_truth = _worth_by_truth(setting, winner["arch"])
    write_json(
        setting.folder.path / "result.json",
        {
            "space": setting.space.name,
            "data": setting.dataset.name,
            "strategy": setting.strategy_spec.name,
            "acts_by": setting.strategy_spec.acts_by,
            "objectives": list(search.objectives),
            **winner,
            "scored_by": read_json(setting.folder.path / "best_arch.json").get(
                "scored_by", setting.task.score
            ),
            "constraints": setting.config.constraints.limits(),
            "evaluations": sum(row["generation"] < generations for row in history),
            "reference_evaluations": num_evaluated(setting),
            "seconds": _spent(setting)["seconds"],
            "test_examples": num_tested,
            "validation_examples": len(setting.dataset.valid),
            "class_names": list(setting.dataset.class_names),
            "seed": setting.config.seed,
            "worth": worth,
            "worth_by_truth": by_truth,
            "baselines": networks,
            "classifiers": classifiers,
            "layers": layers,
        },
    )
    return [worth, by_truth]


def _spent(setting: NasSetting) -> dict[str, dict[str, float | None]]:
    """Seconds on the clock and of the processor by stage; None where not counted."""
    spent = spent_by_stage(setting.folder, setting.job)
    counted = {
        name: None if math.isnan(each.processor) else each.processor
        for name, each in spent.items()
    }
    seconds: dict[str, float | None] = {n: each.seconds for n, each in spent.items()}
    return {"seconds": seconds, "processor_seconds": counted}


def _classifiers(setting: NasSetting) -> dict[str, dict]:
    """Metrics of the classifiers without a network, by name."""
    path = setting.folder.path / "retrain" / "classifiers.json"
    return read_json(path) if path.exists() else {}


def _worth(
    setting: NasSetting, winner: dict[str, Any], others: dict[str, dict]
) -> dict[str, Any] | None:
    """The winner against random networks of its cost; None if none was retrained."""
    names = [name for name in others if name.startswith(PICK)]
    picks = [others[name] for name in names]
    alone = picks[0].get("alone_right") if picks else None
    if not picks:
        return None
    off = max(abs(pick["macs"] / max(winner["macs"], 1) - 1) for pick in picks)
    nearest = f"the nearest found, {100 * off:.0f} % off" if off > TOLERANCE else ""
    if "test_accuracy" not in winner:
        return worth_by_losses(setting, names, nearest)
    return worth_of_winner(
        winner["test_accuracy"],
        [pick["test_accuracy"] for pick in picks],
        len(setting.dataset.test),
        aside=nearest,
        alone=None if alone is None else (alone["winner"], alone["other"]),
    ).row()


def _worth_by_truth(setting: NasSetting, winner: list[int]) -> dict[str, Any] | None:
    """The winner's true accuracy among all of its cost, where a supernet chose it.

    None where no truth is known, or not at hand; the benchmarks' are of CIFAR-10.
    """
    trains = EVALUATORS[setting.config.evaluator.name].trains
    published = setting.space.name in TRUTHS and setting.dataset.name == "cifar10"
    if not (trains and (published or setting.config.rank.truth_file)):
        return None
    try:
        truth = read_truth(setting)
    except MissingFileError:
        return None
    if not (truth[0] == winner).all(axis=1).any():
        return None
    worth = worth_of_arch(setting, np.asarray(winner), truth, "the winner")
    return None if worth is None else worth.row()
