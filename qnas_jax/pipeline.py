"""Which stages a command runs: what is finished is kept, what was stopped goes on.

    all       supernet -> search -> retrain -> report, as far as not finished
    <stage>   that stage again from its start, and those after it
    rank      supernet (if not finished), then the ranking of the whole space

A finished stage leaves `<stage>/done.json` with the options that made it; if they
differ from the present ones, the command ends with one line instead of mixing runs.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from qnas_jax.runs import RunError, environment, read_json, write_json
from qnas_jax.stages.rank import rank_space
from qnas_jax.stages.report import report_run
from qnas_jax.stages.retrain import retrain_networks
from qnas_jax.stages.search import search_architecture
from qnas_jax.stages.setting import Setting
from qnas_jax.stages.supernet import train_supernet


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of the job.

    Attributes:
      name: its name, also that of its folder.
      run: does the work; goes on where it was stopped.
      reads: option groups that its result depends on, besides those before it.
      files: files outside of its folder that it writes.
    """

    name: str
    run: Callable[[Setting], Any]
    reads: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


SUPERNET = Stage("supernet", train_supernet, ("seed", "data", "space", "supernet"))
SEARCH = Stage("search", search_architecture, ("search",), ("best_arch.json",))
RETRAIN = Stage("retrain", retrain_networks, ("retrain",), ("result.json",))
REPORT = Stage("report", report_run)
RANK = Stage("rank", rank_space, ("search",), ("ranking.json",))

MAIN_CHAIN = (SUPERNET, SEARCH, RETRAIN, REPORT)
RANK_CHAIN = (SUPERNET, RANK, REPORT)
STAGES = ("all", "supernet", "search", "retrain", "report", "rank")


def run_stages(setting: Setting, stage: str, command: list[str]) -> list[str]:
    """Runs what a command asks for.

    Args:
      setting: the run.
      stage: one of `STAGES`.
      command: the command line, for `environment.json`.

    Returns:
      Lines to print: what the stages have to say.

    Raises:
      RunError: earlier stages are missing, or were made with other options.
      Stopped: the user asked to stop.
    """
    chain = RANK_CHAIN if stage == "rank" else MAIN_CHAIN
    first = _first_stage(setting, chain, stage)
    write_json(setting.folder.path / "config.json", setting.config.as_dict())
    write_json(setting.folder.path / "environment.json", environment(command))
    said = []
    for position, step in enumerate(chain):
        if _is_done(setting, chain, position):
            setting.say(f"{step.name}: finished before, kept")
            continue
        if position < first:
            raise RunError(
                f"--stage={stage}: the work folder {setting.folder.path} has no "
                f"finished {step.name} stage; run --stage=all first"
            )
        setting.say(f"{step.name}: working")
        _mark(setting, chain, position, "started.json")
        with setting.folder.timed(step.name):
            answer = step.run(setting)
        if step.reads:
            _mark(setting, chain, position, "done.json")
        said.append(f"{step.name}: {answer or 'finished'}")
    (setting.folder.path / "rerun.json").unlink(missing_ok=True)
    return said


def _first_stage(setting: Setting, chain: tuple[Stage, ...], stage: str) -> int:
    """Where a command may start to work; wipes what it is to do again."""
    names = [step.name for step in chain]
    if stage == "all":
        return 0
    first = names.index(stage)
    if stage == "rank":
        if _made_differently(setting, chain, first) or _finished(setting, RANK):
            setting.folder.forget(RANK.name, *RANK.files)
        return 0
    marker = setting.folder.path / "rerun.json"
    if marker.exists() and read_json(marker) == {"stage": stage}:
        return first  # this rerun was stopped on its way, and goes on
    for position in range(first):
        if not _is_done(setting, chain, position):
            raise RunError(
                f"--stage={stage}: the work folder {setting.folder.path} has no "
                f"finished {names[position]} stage; run --stage=all first"
            )
    for step in chain[first:]:
        if step.reads:
            setting.folder.forget(step.name, *step.files)
    write_json(marker, {"stage": stage})
    return first


def _made_with(
    setting: Setting, chain: tuple[Stage, ...], position: int
) -> dict[str, Any]:
    """The options that a stage's result depends on."""
    config = setting.config.as_dict()
    groups = [group for step in chain[: position + 1] for group in step.reads]
    made_with = {group: config[group] for group in groups}
    if "search" in made_with:
        strategy = made_with["search"]["strategy"]
        made_with[strategy] = config[strategy]
    return made_with


def _mark(setting: Setting, chain: tuple[Stage, ...], position: int, name: str) -> None:
    step = chain[position]
    if step.reads:
        path = setting.folder.path / step.name / name
        write_json(path, _made_with(setting, chain, position))


def _finished(setting: Setting, step: Stage) -> bool:
    return (setting.folder.path / step.name / "done.json").exists()


def _made_differently(
    setting: Setting, chain: tuple[Stage, ...], position: int
) -> tuple[str, Any, Any] | None:
    """The first option that a stage was made or begun with and that is now another."""
    folder = setting.folder.path / chain[position].name
    present = _made_with(setting, chain, position)
    for name in ("done.json", "started.json"):
        if (folder / name).exists():
            difference = _first_difference(read_json(folder / name), present)
            if difference:
                return difference
    return None


def _is_done(setting: Setting, chain: tuple[Stage, ...], position: int) -> bool:
    """Whether a stage is finished; refuses one that was made with other options."""
    step = chain[position]
    if not step.reads:
        return False
    difference = _made_differently(setting, chain, position)
    if difference:
        field, old, new = difference
        raise RunError(
            f"{setting.folder.path}: its {step.name} stage was made with "
            f"{field}={old!r}, got {new!r}; use another --workdir, or "
            f"--stage={step.name} to do it again"
        )
    return _finished(setting, step)


def _first_difference(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> tuple[str, Any, Any] | None:
    for name in new:
        before, after = old.get(name), new[name]
        if isinstance(before, dict) and isinstance(after, dict):
            found = _first_difference(before, after, f"{prefix}{name}.")
            if found:
                return found
        elif before != after:
            return f"{prefix}{name}", before, after
    return None
