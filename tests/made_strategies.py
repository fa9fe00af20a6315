"""Strategies for tests, by name and by what differs from their default options."""

from qnas_jax.searching import STRATEGIES, Strategy, make_strategy


def made(
    name: str,
    num_ops: tuple[int, ...],
    population: int = 20,
    generations: int = 50,
    **settings: object,
) -> Strategy:
    """Builds a strategy."""
    return make_strategy(
        name,
        num_ops,
        population=population,
        generations=generations,
        options=STRATEGIES[name].options(**settings),
    )


SMALL = {
    "predictor": {
        "members": 3,
        "hidden_units": 10,
        "fit_steps": 20,
        "candidates": 30,
        "random_candidates": 30,
    },
    "memory_registers": {"draws": 8},
}
"""Models as small as behave alike, where the default ones take long."""
