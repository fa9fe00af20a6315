"""Options of searches that are allowed alone, and may not fit each other.

A space without networks and recorded scores, so that all checks ahead of a search take
no time: what a strategy would meet later must be said there.
"""

import functools
import json
import pathlib
import tempfile
from typing import Any

import numpy as np
from hypothesis import strategies as st

from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import NUMBERS
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.registry import JOBS
from qnas_jax.jobs.strategies import STRATEGY_FAMILY
from qnas_jax.options import describe_allowed
from qnas_jax.runs import WorkFolder

_SPACE = """
from qnas_jax.spaces import SearchSpace, register_space

register_space(
    "rolls", lambda shape, outputs: SearchSpace("rolls", (("rye", "oat"),) * 3)
)
"""


@functools.cache
def _files() -> tuple[str, str]:
    """The space, and scores of all its architectures."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-"))
    (folder / "rolls.py").write_text(_SPACE, encoding="utf-8")
    rows = [
        {"arch": list(arch), "score": float(np.dot(arch, (0.5, 0.25, 0.125)))}
        for arch in np.ndindex(2, 2, 2)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "known.jsonl").write_text(text, encoding="utf-8")
    return str(folder / "rolls.py"), str(folder / "known.jsonl")


@st.composite
def _searches(draw: st.DrawFn) -> Given:
    """A strategy with up to three of its options at odd values."""
    name = draw(st.sampled_from(sorted(STRATEGY_FAMILY.groups)))
    group, record = STRATEGY_FAMILY.groups[name]
    values: dict[str, dict[str, Any]] = {"search": {"strategy": name}, group: {}}
    names = ["search", "strategy", name, group, "population", "generations"]
    fields = [(group, field) for field in record.__dataclass_fields__.values()]
    fields += [
        ("search", field)
        for field in JOBS["nas"].groups["search"].__dataclass_fields__.values()
        if field.name not in ("strategy", "score")
    ]
    for _ in range(draw(st.integers(1, 3))):
        place, field = draw(st.sampled_from(fields))
        values[place][field.name] = draw(_values(field))
        names.append(field.name)
    return Given(values, tuple(names))


def _values(field: Any) -> st.SearchStrategy[Any]:
    """Values of a field's own type, at the ends of what is allowed and beyond."""
    kind = type(field.default)
    if kind is bool:
        return st.booleans()
    if field.metadata["choices"] is not None and kind is str:
        words = describe_allowed(field).removeprefix("one of ").split(", ")
        return st.sampled_from(words)
    if kind in (int, float):
        ends = [field.metadata[name] for name in ("low", "high", "above", "below")]
        known = [end for end in ends if end is not None]
        return st.sampled_from((*NUMBERS, 2, 3, 7, *known)).map(kind)
    return st.sampled_from(((), (1,), (1, 2), ("score",), ("score", "params"), "x"))


def _check(values: dict[str, dict[str, Any]], folder: pathlib.Path) -> Any:
    """Opens the run and does all checks ahead of its search."""
    space, known = _files()
    config = default_config()
    with config.ignore_type():
        config.space.update(name="rolls", file=space)
        config.evaluator.name = "recorded"
        config.recorded.file = known
        for group, fields in values.items():
            for name, value in fields.items():
                config[group][name] = value
    setting = open_setting(config, WorkFolder(folder), say=lambda line: None)
    for stage in setting.job.chains["all"]:
        if stage.needed(setting.config):
            stage.check(setting)
    return setting


KINDS = (Kind("options of a search", _searches(), _check),)
