"""All kinds of inputs by name."""

from experiments.fuzzing import (
    commands,
    files,
    folders,
    images,
    models,
    searches,
    series,
    text,
)
from experiments.fuzzing.kind import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for module in (
        commands,
        searches,
        files,
        images,
        series,
        text,
        folders,
        models,
    )
    for kind in module.KINDS
}
"""Every kind of input that is fuzzed."""


def shares(inputs: int) -> dict[str, int]:
    """How many of some inputs each kind gets.

    Args:
      inputs: of all kinds together, at least.

    Returns:
      Numbers by name.
    """
    total = sum(kind.share for kind in KINDS.values())
    return {name: -int(-inputs * kind.share // total) for name, kind in KINDS.items()}
