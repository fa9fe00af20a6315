"""`qnas list`: the names that options and flags take, each with one line."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qnas_jax.command.words import word_parser
from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.printing import columns, say

Rows = Iterable[tuple[str, str]]


def run(words: Sequence[str]) -> int:
    """Prints the names of a topic, or the topics.

    Args:
      words: behind `qnas list`.

    Returns:
      The exit status.

    Raises:
      UserError: there is no such topic.
    """
    parser = word_parser("list", "names that options and flags take")
    parser.add_argument("topic", nargs="?", help=", ".join(TOPICS))
    topic = parser.parse_args(words).topic
    if topic is None:
        rows = [(f"qnas list {name}", _summary(rows)) for name, rows in TOPICS.items()]
        say(columns(rows))
        return 0
    if topic not in TOPICS:
        raise UserError(
            f"qnas list: got {topic!r}, expected one of {', '.join(TOPICS)}"
            f"{did_you_mean(topic, TOPICS)}"
        )
    say(columns(list(TOPICS[topic]())))
    return 0


def configs() -> Rows:
    """What --config takes, besides files of yours."""
    from qnas_jax.shipped import config_names, config_summary

    return [(name, config_summary(name)) for name in config_names()]


def stages() -> Rows:
    """What --stage takes, by kind of configuration."""
    from qnas_jax.jobs import JOBS

    for job in JOBS.values():
        for name in job.stage_names:
            stage = next(
                (
                    each
                    for chain in (*job.chains.values(), tuple(job.answers.values()))
                    for each in chain
                    if each.name == name
                ),
                None,
            )
            doc = "every stage" if stage is None else _summary(stage.run)
            yield name, f"{job.name}: {doc}"


def strategies() -> Rows:
    """What --config.search.strategy takes."""
    from qnas_jax.searching import STRATEGIES

    for spec in STRATEGIES.values():
        yield spec.name, f"{spec.summary} ({spec.acts_by})"


def front_strategies() -> Rows:
    """What --config.search.front_strategy takes, for several objectives."""
    from qnas_jax.searching.pareto.registry import FRONT_STRATEGIES

    return [(spec.name, spec.summary) for spec in FRONT_STRATEGIES.values()]


def spaces() -> Rows:
    """What --config.space.name takes."""
    from qnas_jax.spaces import SPACES

    return [(name, _summary(builder)) for name, builder in SPACES.items()]


def datasets() -> Rows:
    """What --config.data.source takes."""
    from qnas_jax.data import SOURCES

    for name, source in SOURCES.items():
        needs = f"; data.{source.needs}: {source.what}" if source.needs else ""
        yield name, f"{source.kind}: {_summary(source.load)}{needs}"


def tasks() -> Rows:
    """What --config.task.name takes."""
    from qnas_jax.tasks import TASKS

    return [(name, spec.summary) for name, spec in TASKS.items()]


def evaluators() -> Rows:
    """What --config.evaluator.name takes."""
    from qnas_jax.evaluation import EVALUATORS

    return [(name, spec.summary) for name, spec in EVALUATORS.items()]


def samplers() -> Rows:
    """What --config.supernet.sampler takes."""
    from qnas_jax.training.samplers import PATH_SAMPLERS

    return [(name, _summary(make)) for name, make in PATH_SAMPLERS.items()]


def proxies() -> Rows:
    """What --config.proxy.names takes: scores of untrained networks."""
    from qnas_jax.evaluation.proxies.registry import PROXIES

    return [(name, proxy.summary) for name, proxy in PROXIES.items()]


def optimisers() -> Rows:
    """What --config.solver.optimiser takes."""
    from qnas_jax.optimise import OPTIMISERS

    return [(name, spec.summary) for name, spec in OPTIMISERS.items()]


def ops() -> Rows:
    """Kinds of ops that a space of yours may name."""
    from qnas_jax.nets import OPS

    return [(name, _summary(module)) for name, module in OPS.items()]


def tables() -> Rows:
    """What --config.table.source takes."""
    from qnas_jax.evaluation.tables.sources import TABLES

    for name, table in TABLES.items():
        needs = ", ".join(f"table.{option}" for option in table.needs)
        yield (
            name,
            f"yours; needs {needs}" if needs else "published, in the data folder",
        )


def devices() -> Rows:
    """What JAX computes on here."""
    import jax

    return [(str(each), str(each.device_kind)) for each in jax.devices()]


TOPICS: dict[str, Callable[[], Rows]] = {
    function.__name__: function
    for function in (
        configs,
        stages,
        strategies,
        front_strategies,
        spaces,
        datasets,
        tasks,
        evaluators,
        samplers,
        proxies,
        optimisers,
        ops,
        tables,
        devices,
    )
}
"""The topics by name, each the function that lists it."""


def _summary(thing: Any) -> str:
    """The first sentence of what stands for itself in its docstring."""
    if isinstance(thing, functools.partial):
        thing = thing.func
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")
