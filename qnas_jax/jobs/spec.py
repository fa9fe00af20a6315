"""What a job is: the options it reads, and the stages it is made of.

A job is declared once, in its own folder; the command line, the configurations, the
runner and the checks of options all follow from the declaration.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from qnas_jax.jobs.inputs import Content
from qnas_jax.options import Options


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a job.

    Attributes:
      name: its name, also that of its folder.
      run: does the work, goes on where it was stopped; returns what there is to say,
        a line or several, or None.
      reads: groups of options that its result depends on, besides those of the stages
        before it; with none, nothing is kept and the stage runs each time.
      files: what it writes outside of its folder.
      rows: the names in the field `stage` of its rows of metrics.
      ready: raises `RunError` if the finished stages before it lack what it reads;
        called before the stage is wiped to be done again, so that a command that is
        refused loses nothing.
      needed: whether a run with this configuration has such a stage.
      check: raises UserError if its options do not fit the data or the space. It is
        called for all stages that a command will run, before the first of them.
      prepare: compiles what it will call, in a thread, while the stage before it works;
        None: nothing is done ahead. It changes nothing that results depend on.
    """

    name: str
    run: Callable[[Any], Any]
    reads: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    ready: Callable[[Any], object] = lambda setting: None
    needed: Callable[[Any], bool] = lambda config: True
    check: Callable[[Any], object] = lambda setting: None
    prepare: Callable[[Any], object] | None = None


@dataclasses.dataclass(frozen=True)
class Family:
    """Groups of options of which a run reads one: that of the part it chose.

    Attributes:
      chooser: the option that names the part, `group.field`.
      groups: for each part the name of its group and its record; parts without options
        of their own are absent.
    """

    chooser: str
    groups: Mapping[str, tuple[str, type[Options]]]


@dataclasses.dataclass(frozen=True)
class Job:
    """A kind of run.

    Attributes:
      name: as in the field `job` of a configuration.
      summary: one line.
      example: a configuration of this kind.
      config: the class of its checked configuration; a field for each group and each
        family, and `seed`.
      groups: the groups of options that every run reads, by name.
      families: by the name of the configuration's field.
      setting: what its stages are given.
      chains: stages in order, by what is asked for; `all` is the whole job. A stage of
        `all` can be asked for by its own name: it is done again, and those after it.
      inputs: functions of the setting that digest what a group of options names (data,
        users' files), by group or family.
      answers: stages that only answer a question and keep nothing, by name.
      completed: the groups of options with what some leave to others; raises
        OptionError if they do not go together.
    """

    name: str
    summary: str
    example: str
    config: type
    groups: Mapping[str, type[Options]]
    setting: type
    chains: Mapping[str, tuple[Stage, ...]]
    families: Mapping[str, Family] = dataclasses.field(default_factory=dict)
    inputs: Mapping[str, Callable[[Any], Mapping[str, Content]]] = dataclasses.field(
        default_factory=dict
    )
    answers: Mapping[str, Stage] = dataclasses.field(default_factory=dict)
    completed: Callable[[dict[str, Any]], dict[str, Any]] = lambda groups: groups

    @property
    def stage_names(self) -> tuple[str, ...]:
        """All that `--stage` may ask of this job."""
        parts = (stage.name for stage in self.chains["all"] if stage.reads)
        always = (stage.name for stage in self.chains["all"] if not stage.reads)
        others = (name for name in self.chains if name != "all")
        return tuple(dict.fromkeys(("all", *parts, *always, *others, *self.answers)))

    @property
    def all_groups(self) -> dict[str, type[Options]]:
        """Every group that a configuration of this job may have, by name."""
        found = dict(self.groups)
        for family in self.families.values():
            found.update(dict(family.groups.values()))
        return found
