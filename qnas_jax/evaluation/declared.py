"""What a user's file says of its function: its form, its score, its fidelities."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import ONE_FIDELITY, ScoreOf

HOST = ("indices", "seed", "fidelity")
FORMS = {"architecture": HOST, "population": HOST, "jax": ("key", "fidelity")}
"""What a file may declare as `FORM`, and the parameters that a function of that form
may have besides its first one. The first form is the default."""


@dataclasses.dataclass(frozen=True)
class Declarations:
    """What a user says of a function.

    Attributes:
      form: a key of `FORMS`.
      score: which metric is improved.
      fidelities: names of the ways to evaluate, the cheapest first.
    """

    form: str
    score: ScoreOf
    fidelities: tuple[str, ...]

    @classmethod
    def of(cls, names: Mapping[str, Any], file: str) -> "Declarations":
        """Reads the upper-case names of a file; UserError for values of no sense."""
        form = names.get("FORM", next(iter(FORMS)))
        metric = names.get("SCORE", "score")
        larger = names.get("LARGER_IS_BETTER", True)
        fidelities = names.get("FIDELITIES", ONE_FIDELITY)
        is_list = isinstance(fidelities, tuple | list) and len(fidelities) > 0
        for name, fits, allowed in (
            (
                "FORM",
                isinstance(form, str) and form in FORMS,
                f"one of {', '.join(FORMS)}",
            ),
            ("SCORE", isinstance(metric, str) and metric, "the name of a metric"),
            ("LARGER_IS_BETTER", isinstance(larger, bool), "True or False"),
            (
                "FIDELITIES",
                is_list and all(isinstance(each, str) for each in fidelities),
                "a tuple of strings",
            ),
        ):
            if not fits:
                got = repr(names[name])
                raise UserError(f"{file}: {name}: got {got}, expected {allowed}")
        return cls(form, ScoreOf(metric, larger), tuple(fidelities))
