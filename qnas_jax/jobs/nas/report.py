"""Stage 4: the result of a run as one JSON file and one HTML page."""

import pathlib

from qnas_jax.jobs.markers import seconds_by_stage
from qnas_jax.jobs.nas.reference import num_evaluated
from qnas_jax.jobs.nas.search import history_of
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.reporting import write_report
from qnas_jax.runs import read_json, write_json
from qnas_jax.search import STRATEGIES


def report_run(setting: NasSetting) -> pathlib.Path:
    """Writes `result.json` (if retraining is finished), figures and `report.html`.

    Args:
      setting: the run; whatever stages are finished.

    Returns:
      The path of the page.
    """
    # Marks have counted the rows that finished stages wrote: other lines are strays.
    setting.folder.metrics.drop(())
    networks = setting.folder.path / "retrain" / "networks.json"
    if networks.exists():
        _write_result(setting, read_json(networks))
    return write_report(setting.folder.path)


def _write_result(setting: NasSetting, networks: dict[str, dict]) -> None:
    winner = networks.pop("winner")
    layers = winner.pop("layers")
    for network in networks.values():
        del network["layers"]
    history = history_of(setting.folder).read()
    generations = setting.config.search.generations
    strategy = setting.config.search.strategy
    write_json(
        setting.folder.path / "result.json",
        {
            "space": setting.space.name,
            "data": setting.dataset.name,
            "strategy": strategy,
            "acts_by": STRATEGIES[strategy].acts_by,
            **winner,
            "scored_by": read_json(setting.folder.path / "best_arch.json").get(
                "scored_by", setting.task.score
            ),
            "evaluations": sum(row["generation"] < generations for row in history),
            "reference_evaluations": num_evaluated(setting),
            "seconds": seconds_by_stage(setting.folder, setting.job),
            "test_images": len(setting.dataset.test),
            "seed": setting.config.seed,
            "baselines": networks,
            "layers": layers,
        },
    )
