"""What a run cost: time and processor time by stage."""

import dataclasses
import math

from qnas_jax.reporting.rows import Row, Run


@dataclasses.dataclass(frozen=True)
class StageCost:
    """One stage.

    Attributes:
      name: of the stage, or `all`.
      seconds: on the clock.
      share: of the whole run, in [0, 1].
      processor: seconds of all cores; None where they were not counted.
      cores: busy on average; None likewise.
    """

    name: str
    seconds: float
    share: float
    processor: float | None
    cores: float | None


def stage_costs(run: Run) -> list[StageCost]:
    """Times of the stages that are known, and of all of them last.

    Args:
      run: the rows of a work folder.

    Returns:
      Nothing where no time is known.
    """
    told = run.spent or {"seconds": (run.result or {}).get("seconds") or {}}
    seconds: Row = told.get("seconds") or {}
    processor: Row = told.get("processor_seconds") or {}
    total = sum(seconds.values())
    if not seconds:
        return []
    rows = [
        _cost(name, spent, total, processor.get(name))
        for name, spent in seconds.items()
    ]
    counted = [processor.get(name) for name in seconds]
    whole = None if None in counted else math.fsum(filter(None, counted))
    return [*rows, _cost("all", total, total, whole)]


def device_words(environment: Row) -> str:
    """The machine in words: processor, cores, devices; "" where nothing is known."""
    parts = []
    processor = environment.get("processor") or environment.get("platform")
    if processor:
        parts.append(str(processor))
    if environment.get("cpu_count"):
        parts.append(f"{environment['cpu_count']} CPU cores")
    devices = environment.get("devices") or []
    others = [str(name) for name in devices if "cpu" not in str(name).lower()]
    if others:
        kinds = dict.fromkeys(others)
        parts.append(", ".join(f"{others.count(kind)} x {kind}" for kind in kinds))
    return ", ".join(parts)


def _cost(
    name: str, seconds: float, total: float, processor: float | None
) -> StageCost:
    cores = processor / seconds if processor is not None and seconds else None
    return StageCost(name, seconds, seconds / total if total else 0, processor, cores)
