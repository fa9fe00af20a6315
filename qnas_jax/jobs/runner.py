"""Which stages a command runs: what is finished is kept, what was stopped goes on.

    all       every stage of the job, as far as not finished
    <stage>   that stage again from its start, and those after it
    <chain>   another chain of the job (`rank`): what is missing before, then its goal

A finished stage leaves marks with the options that made it (`jobs/markers.py`); if they
differ from the present ones, the command ends with one line instead of mixing runs.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.jobs.config import stored_groups
from qnas_jax.jobs.markers import Marks
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Stage
from qnas_jax.runs import LAYOUT, RunError, environment, read_json, write_json


def run_stages(setting: Setting, stage: str, command: list[str]) -> list[str]:
    """Runs what a command asks for.

    Args:
      setting: the run.
      stage: one of the job's `stage_names`.
      command: the command line, for `environment.json`.

    Returns:
      Lines to print: what the stages have to say.

    Raises:
      RunError: earlier stages are missing, or were made with other options.
      UserError: the configuration has no such stage.
      Stopped: the user asked to stop.
    """
    job = setting.job
    if stage in job.answers:
        return _lines(job.answers[stage].run(setting))
    setting.folder.check_layout()
    chain = [
        step
        for step in job.chains.get(stage, job.chains["all"])
        if step.needed(setting.config)
    ]
    marks = Marks(setting, chain)
    for step in _ahead(chain, marks, stage):
        step.check(setting)
    first = _first_stage(setting, chain, marks, stage)
    _write_config(setting, command)
    said = []
    for position, step in enumerate(chain):
        if step.reads and marks.finished(position):
            setting.say(f"{step.name}: finished before, kept")
            continue
        if position < first:
            raise _missing(setting, stage, step.name)
        setting.say(f"{step.name}: working")
        marks.started(position)
        try:
            with setting.folder.timed(step.name):
                answer = step.run(setting)
        finally:
            marks.withdraw(position)
        marks.done(position)
        lines = _lines(answer) or ["finished"]
        said += [f"{step.name}: {lines[0]}", *lines[1:]]
    _rerun_path(setting).unlink(missing_ok=True)
    return said


def _ahead(chain: Sequence[Stage], marks: Marks, stage: str) -> list[Stage]:
    """The stages that a command will run, if nothing speaks against it."""
    names = [step.name for step in chain]
    goal = names.index(stage) if stage in names else len(chain)
    return [
        step
        for position, step in enumerate(chain)
        if position >= goal or not marks.finished(position)
    ]


def _first_stage(
    setting: Setting, chain: Sequence[Stage], marks: Marks, stage: str
) -> int:
    """Where a command may start to work; wipes what it is to do again."""
    names = [step.name for step in chain]
    if stage == "all":
        goal = len(chain)
    elif stage in names:
        goal = names.index(stage)
    else:
        raise UserError(
            f"--stage={stage}: this configuration has no such stage, expected one of "
            f"{', '.join(names)}"
        )
    for position in range(goal):
        marks.check(position)
    if stage == "all":
        return 0
    if stage in setting.job.chains:
        changed = marks.difference(goal)
        if changed:
            field, old, new = changed
            setting.say(f"{stage}: was made with {field}={old!r}, now {new!r}: anew")
        if changed or marks.finished(goal):
            marks.forget(goal)
        return 0
    for position in range(goal):
        if chain[position].reads and not marks.finished(position):
            raise _missing(setting, stage, names[position])
    wanted = {"stage": stage, "made_with": marks.made_with(goal)}
    path = _rerun_path(setting)
    if not (path.exists() and read_json(path) == wanted):  # else it was stopped: go on
        path.unlink(missing_ok=True)
        for position in reversed(range(goal, len(chain))):
            marks.forget(position)
        write_json(path, wanted)
    return goal


def _missing(setting: Setting, stage: str, name: str) -> RunError:
    return RunError(
        f"--stage={stage}: the work folder {setting.folder.path} has no finished "
        f"{name} stage; run --stage=all first"
    )


def _rerun_path(setting: Setting) -> Any:
    return setting.folder.path / "rerun.json"


def _write_config(setting: Setting, command: list[str]) -> None:
    """Leaves what made this run, once nothing speaks against it."""
    groups = stored_groups(setting.job, setting.config)
    folder = setting.folder.path
    write_json(
        folder / "config.json", {"layout": LAYOUT, "job": setting.job.name, **groups}
    )
    write_json(folder / "environment.json", environment(command))


def _lines(answer: Any) -> list[str]:
    """What a stage says as lines."""
    if answer is None:
        return []
    if isinstance(answer, Iterable) and not isinstance(answer, str):
        return [str(line) for line in answer]
    return [str(answer)]
