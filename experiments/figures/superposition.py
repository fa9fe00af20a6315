"""The picture of superposition: registers over a search, entangled and not."""

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.landscapes.chains import LANDSCAPES, chain_evaluator
from qnas_jax.reporting import style
from qnas_jax.searching import (
    EvaluateFn,
    SearchState,
    Strategy,
    make_strategy,
    scan_search,
)
from qnas_jax.searching import start as start_search
from qnas_jax.searching.registers.register_chain import bond_entropy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Superposition:
    """Registers of several strategies on one landscape.

    Attributes:
      probabilities: by strategy, float32 [G + 1, L, K], mean over the population.
      best: by strategy, int32 [L], the best arch of the search.
      scores: by strategy, that arch's score; the optimum has 1.
      entropy: float32 [G + 1], bits of entanglement between neighbouring layers of the
        entangled strategy, mean over the bonds and the population.
    """

    probabilities: dict[str, np.ndarray]
    best: dict[str, np.ndarray]
    scores: dict[str, float]
    entropy: np.ndarray


def superposition(
    landscape: str = "coupled", generations: int = 100, seed: int = 0
) -> Superposition:
    """Searches with Q-bits and with entangled registers, 6 layers of 8 ops.

    Args:
      landscape: a key of `LANDSCAPES`.
      generations: G.
      seed: of the instance and of both searches.

    Returns:
      What the registers looked like before each generation and at the end.
    """
    evaluate = chain_evaluator(LANDSCAPES[landscape](6, 8, seed))
    probabilities, best, scores = {}, {}, {}
    entropy: np.ndarray = np.zeros(0)
    for name in ("qbit", "entangled"):
        strategy = make_strategy(name, (8,) * 6, population=20, generations=generations)
        state, snapshots = _watch(strategy, evaluate, seed, generations)
        probabilities[name] = np.asarray(snapshots["probabilities"])
        best[name] = np.asarray(state.best_arch)
        scores[name] = float(state.best_score)
        entropy = np.asarray(snapshots.get("entropy", entropy))
    return Superposition(probabilities, best, scores, entropy)


def _watch(
    strategy: Strategy, evaluate: EvaluateFn, seed: int, generations: int
) -> tuple[SearchState, dict[str, jax.Array]]:
    key = jax.random.key(seed)

    def snapshot(state: SearchState, _: object = None) -> dict[str, jax.Array]:
        seen = {"probabilities": strategy.probabilities(state.strategy_state)}
        if hasattr(state.strategy_state, "chains"):
            bits = jax.vmap(bond_entropy)(state.strategy_state.chains)
            seen["entropy"] = bits.mean()
        return seen

    first = snapshot(start_search(strategy, key))
    state, seen = scan_search(strategy, evaluate, key, generations, record=snapshot)
    return state, {
        name: jnp.concatenate([first[name][None], seen[name]]) for name in seen
    }


@style.png
def superposition_figure(data: Superposition) -> "Figure":
    """Draws the registers of every layer, a row a strategy, and the entanglement.

    Args:
      data: of `superposition`.

    Returns:
      A figure.
    """
    figure = style.new_figure(11, 6.8)
    num_layers = len(next(iter(data.best.values())))
    grid = figure.add_gridspec(3, num_layers, height_ratios=(3, 3, 2))
    panels = []
    for row, (name, table_) in enumerate(data.probabilities.items()):
        for layer in range(num_layers):
            axes = figure.add_subplot(grid[row, layer])
            mesh = _draw_register(axes, table_[:, layer], int(data.best[name][layer]))
            axes.set_title(f"{name}, layer {layer}", fontsize=8.5)
            axes.set_xlabel("Generation", fontsize=8)
            panels.append(axes)
        panels[-num_layers].set_ylabel(
            f"Op index\n(best score {data.scores[name]:.2f})"
        )
    figure.colorbar(mesh, ax=panels, label="Probability", pad=0.01, aspect=40)
    bottom = figure.add_subplot(grid[2, :])
    bottom.plot(data.entropy, color=style.BLUE)
    bottom.set_ylim(bottom=0)
    bottom.set_xlabel("Generation")
    bottom.set_ylabel("Entropy (bits)")
    bottom.set_title("Entanglement between neighbouring layers, mean (qbit: none)")
    return figure


def _draw_register(axes: "Axes", probabilities: np.ndarray, winner: int) -> Any:
    generations, num_ops = probabilities.shape
    mesh = axes.pcolormesh(
        np.arange(generations + 1) - 0.5,
        np.arange(num_ops + 1) - 0.5,
        probabilities.T,
        cmap=style.amount_colors(),
        vmin=0,
        vmax=1,
    )
    axes.plot(
        [1.04],
        [winner],
        "<",
        color=style.VERMILLION,
        markersize=4,
        transform=axes.get_yaxis_transform(),
        clip_on=False,
    )
    axes.invert_yaxis()
    axes.grid(False)
    axes.tick_params(labelsize=7)
    style.whole_numbers(axes)
    return mesh
