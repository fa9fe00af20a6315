"""What a comparison shows, in sentences."""

from collections.abc import Mapping, Sequence

from qnas_jax.reporting import formats
from qnas_jax.reporting.comparison.contrasts import (
    Contrast,
    Place,
    at_budget,
    contrasts,
    level_with_best,
    unequal,
)
from qnas_jax.reporting.comparison.ranks import Ranking
from qnas_jax.reporting.comparison.records import Curves

_LISTED = 6


def best_sentences(
    tasks: Mapping[str, Mapping[str, Curves]], budget: float, unit: str
) -> list[str]:
    """Who is best on each task at a budget, and who is level with the best."""
    sentences = []
    for task, strategies in tasks.items():
        found = level_with_best(strategies, budget)
        if found is None:
            continue
        best, level = found
        mean = at_budget(strategies, budget)[best].mean()
        tail = f"level with it: {_listing(level)}" if level else "ahead of all others"
        p_value = unequal(strategies, budget)
        told = "" if p_value is None else f"; Kruskal-Wallis {formats.p_value(p_value)}"
        sentences.append(
            f"{task}, {formats.count(budget)} {unit}: {best} has the highest mean "
            f"({formats.percent(float(mean))}), {tail}{told}."
        )
    return sentences


def reference_sentence(
    tasks: Mapping[str, Mapping[str, Curves]],
    reference: str,
    peers: Sequence[str],
    budgets: Sequence[float],
    unit: str,
) -> str:
    """Whether the reference loses to any of its peers anywhere."""
    tests = contrasts(tasks, reference, budgets, peers)
    if not tests:
        return f"{reference} was not compared with {_listing(peers)}."
    lost = _places(tests, "significantly worse", unit)
    won = _places(tests, "significantly better", unit)
    count = sum(len(members) for members in tests.values())
    where = (
        f"{_counted(len(tests), 'pair')} of task and budget "
        f"({_counted(count, 'test')}, Holm-corrected)"
    )
    worse = "; ".join(lost) if lost else ""
    start = (
        f"{reference} is significantly worse than {worse}"
        if lost
        else f"{reference} is nowhere significantly worse than {_listing(peers)}"
    )
    better = f": {'; '.join(won)}" if won else ""
    return (
        f"{start}, and significantly better in {len(won)} of {_counted(count, 'test')} "
        f"({where})"
        f"{better}."
    )


def ranking_sentence(ranking: Ranking, budget: float, unit: str) -> str:
    """Who ranks first over all tasks, and who is not told apart from it.

    A block is a task: what the sentence says is meant to hold for other tasks too.
    """
    near = [
        name
        for name, rank in zip(ranking.names, ranking.ranks, strict=True)
        if rank - ranking.ranks[0] < ranking.difference and name != ranking.names[0]
    ]
    tail = (
        f"within the critical difference of it: {_listing(near)}"
        if near
        else "further than the critical difference ahead of all others"
    )
    return (
        f"Over the tasks, {formats.count(budget)} {unit}: {ranking.names[0]} has the "
        f"best mean rank of mean scores ({ranking.ranks[0]:.2f} of "
        f"{len(ranking.names)}; {ranking.blocks} tasks, Friedman "
        f"{formats.p_value(ranking.p_value)}, critical difference "
        f"{ranking.difference:.2f}), {tail}."
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _places(
    tests: Mapping[Place, Sequence[Contrast]], verdict: str, unit: str
) -> list[str]:
    return [
        f"{test.second} on {task} at {formats.count(budget)} {unit} "
        f"({formats.points(test.difference)} points, 95\u00a0% interval "
        f"{formats.points(test.low)} to {formats.points(test.high)}, superiority "
        f"{test.superiority:.2f}, {formats.p_value(test.p_value)})"
        for (task, budget), members in tests.items()
        for test in members
        if test.verdict == verdict
    ]


def _listing(names: Sequence[str]) -> str:
    shown = list(names[:_LISTED])
    if len(names) > _LISTED:
        shown.append(f"{len(names) - _LISTED} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
