"""A table of ops from networks that were measured elsewhere: `latency.json`.

What a device takes for some networks of the space is in a file of the user's. Nothing
is measured here.
"""

from typing import Any

from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.latency import (
    LATENCY,
    LatencyPredictor,
    LearntTable,
    latency_content,
    learn_latency,
    learn_table,
    of_device,
    read_measured,
)
from qnas_jax.runs import write_json


def learn_latencies(setting: NasSetting) -> list[str]:
    """Learns the table, and writes `latency.json`.

    Args:
      setting: the run; `latency.samples` names the file.

    Returns:
      What was learnt, and how far it can be trusted.

    Raises:
      MissingFileError: a file is not there.
      UserError: a file does not hold measured networks of this space, or too few.
    """
    options = setting.config.latency
    samples = read_measured(options.samples, setting.space)
    device, latency_ms = of_device(samples, options.device, options.samples)
    references = _references(setting, device)
    learnt = learn_table(
        setting.space,
        samples.archs,
        latency_ms,
        references=references,
        seed=setting.config.seed,
    )
    content = {
        "space": setting.space.name,
        "device": device,
        "samples": len(samples.archs),
        "references": len(references),
        **latency_content(setting.space, learnt.table),
        "folds": learnt.folds,
        "validation": learnt.validation._asdict(),
    }
    write_json(setting.folder.path / "latency.json", content)
    return _lines(content, learnt, float(latency_ms.mean()))


def _references(setting: NasSetting, device: str) -> list[LatencyPredictor]:
    """Predictors of the other devices of a file, if one is named."""
    path = setting.config.latency.references
    if not path:
        return []
    known = read_measured(path, setting.space)
    return [
        learn_latency(setting.space, known.archs, latency_ms)
        for name, latency_ms in known.latency_ms.items()
        if name != device
    ]


def _lines(content: dict[str, Any], learnt: LearntTable, mean_ms: float) -> list[str]:
    with_others = (
        f" and tables of {content['references']} other devices"
        if content["references"]
        else ""
    )
    judged = learnt.validation
    rank = "-" if judged.spearman is None else f"{judged.spearman:.3f}"
    return [
        f"{content['space']} on {content['device']}: learnt from {content['samples']} "
        f"measured networks{with_others}; the fastest one takes "
        f"{learnt.table.fixed[LATENCY]:.3g} ms",
        f"held out in {learnt.folds} parts: Spearman {rank}, median error "
        f"{100 * judged.median_error:.1f} % of {mean_ms:.3g} ms on average",
    ]
