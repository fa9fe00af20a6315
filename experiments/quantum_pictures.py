"""Three pictures, each computed by simulation: tunnelling, interference, superposition.

python -m experiments.quantum_pictures [--folder=docs] [--out=rows.jsonl]
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.barrier import Barrier, tunnelling_rows
from experiments.rows import table, write_rows
from qnas_jax.evaluation.chain_landscapes import LANDSCAPES, chain_evaluator
from qnas_jax.kernels.grover import amplify
from qnas_jax.reporting import style
from qnas_jax.search import SearchOptions, advance, generation_keys, make_strategy
from qnas_jax.search import start as start_search
from qnas_jax.search.registers.register_chain import bond_entropy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NUM_QUBITS, _BARRIER_START, _STEPS, _TIME = 48, 10, 400, 40.0
_HEIGHTS = {4.0: style.ORANGE, 6.0: style.BLUE}


def tunnelling(widths: Sequence[int] = range(9)) -> list[dict[str, float]]:
    """Success of quantum and thermal annealing, a row a barrier."""
    return tunnelling_rows(
        _NUM_QUBITS,
        _BARRIER_START,
        widths,
        list(_HEIGHTS),
        time=_TIME,
        steps=_STEPS,
        betas=(1.0, 2.0, 4.0, 8.0, 16.0),
    )


@style.png
def tunnelling_figure(rows: list[dict[str, float]]) -> "Figure":
    """Draws the cost, and the success by the width of the barrier.

    Args:
      rows: of `tunnelling`.

    Returns:
      A figure of two panels.
    """
    figure = style.new_figure(10, 3.8)
    cost, success = figure.subplots(1, 2, width_ratios=(2, 3))
    weights = np.arange(_NUM_QUBITS // 2 + 3)
    for width, color in ((1, style.SKY), (6, style.BLUE)):
        costs = Barrier(_NUM_QUBITS, _BARRIER_START, width, 6.0).costs()
        cost.step(
            weights,
            costs[weights],
            where="mid",
            color=color,
            label=f"height 6, width {width}",
        )
    cost.set_title("The cost: Hamming weight and a barrier")
    cost.set_xlabel(f"Number of ones among {_NUM_QUBITS} bits")
    cost.set_ylabel("Cost (units of one bit)")
    cost.legend(loc="upper left")
    for height, color in _HEIGHTS.items():
        of_height = [row for row in rows if row["height"] == height]
        widths = np.array([row["width"] for row in of_height])
        for process, dash in (("quantum", "-"), ("thermal", "--")):
            chances = np.array([row[process] for row in of_height])
            label = f"{process}, height {height:.0f}"
            style.plot_line(success, widths, chances, color, label, dash)
    success.set_ylim(0, 1.03)
    success.set_title(f"Success after {_STEPS} steps or sweeps")
    success.set_xlabel("Width of the barrier (number of weights)")
    success.set_ylabel("Probability of the optimum")
    success.legend(loc=(0.36, 0.7))
    style.whole_numbers(success)
    return figure


@dataclasses.dataclass(frozen=True)
class Interference:
    """Amplitudes over Grover iterations.

    Attributes:
      marked: float [G + 1], of one marked item.
      unmarked: float [G + 1], of one that is not.
      num_items: N.
      num_marked: M.
    """

    marked: np.ndarray
    unmarked: np.ndarray
    num_items: int
    num_marked: int


def interference(
    num_items: int = 256, num_marked: int = 1, iterations: int = 30
) -> Interference:
    """Simulates Grover iterations on all N amplitudes.

    Args:
      num_items: N.
      num_marked: M, in 1 .. N - 1.
      iterations: G.

    Returns:
      The amplitudes of the first and the last item.
    """
    marked = jnp.arange(num_items) < num_marked

    def after(count: jax.Array) -> jax.Array:
        return amplify(marked, count, implementation="reference")

    amplitudes = np.asarray(jax.vmap(after)(jnp.arange(iterations + 1)))
    return Interference(amplitudes[:, 0], amplitudes[:, -1], num_items, num_marked)


@style.png
def interference_figure(data: Interference) -> "Figure":
    """Draws both amplitudes, the closed form and the probability of success.

    Args:
      data: of `interference`.

    Returns:
      A figure of two panels.
    """
    figure = style.new_figure(10, 3.6)
    amplitudes, chance = figure.subplots(1, 2)
    counts = np.arange(len(data.marked))
    fine = np.linspace(0, counts[-1], 400)
    theta = np.arcsin(np.sqrt(data.num_marked / data.num_items))
    marked = np.sin((2 * fine + 1) * theta)
    rest = np.cos((2 * fine + 1) * theta)
    share = np.sqrt([data.num_marked, data.num_items - data.num_marked])
    for curve, points, color, label in (
        (marked / share[0], data.marked, style.VERMILLION, "marked item"),
        (rest / share[1], data.unmarked, style.BLUE, "every other item"),
    ):
        amplitudes.plot(fine, curve, color=color, linewidth=1, alpha=0.6)
        amplitudes.plot(counts, points, "o", color=color, markersize=3.5, label=label)
    amplitudes.axhline(0, color=style.GREY, linewidth=0.8)
    amplitudes.set_ylabel("Amplitude")
    amplitudes.set_title(f"{data.num_items} items, {data.num_marked} marked")
    chance.plot(fine, marked**2, color=style.INK, label="sin²((2k + 1) θ)")
    chance.plot(
        counts,
        data.num_marked * data.marked**2,
        "o",
        color=style.VERMILLION,
        markersize=3.5,
        label="simulated",
    )
    chance.set_ylabel("Probability to measure a marked item")
    chance.set_title("More iterations than the best number lose it again")
    amplitudes.legend(loc="lower left")
    chance.legend(loc="upper right")
    for axes in (amplitudes, chance):
        axes.set_xlabel("Grover iterations k")
        style.whole_numbers(axes)
    return figure


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
    probabilities, best, scores, entropy = {}, {}, {}, np.zeros(0)
    for name in ("qbit", "entangled"):
        strategy = make_strategy((8,) * 6, SearchOptions(strategy=name))
        state, snapshots = _watch(strategy, evaluate, seed, generations)
        probabilities[name] = np.asarray(snapshots["probabilities"])
        best[name] = np.asarray(state.best_arch)
        scores[name] = float(state.best_score)
        entropy = np.asarray(snapshots.get("entropy", entropy))
    return Superposition(probabilities, best, scores, entropy)


def _watch(strategy: Any, evaluate: Any, seed: int, generations: int) -> Any:
    key = jax.random.key(seed)

    def snapshot(state: Any) -> dict[str, jax.Array]:
        seen = {"probabilities": strategy.probabilities(state.strategy_state)}
        if hasattr(state.strategy_state, "chains"):
            bits = jax.vmap(bond_entropy)(state.strategy_state.chains)
            seen["entropy"] = bits.mean()
        return seen

    def generation(state: Any, _: None) -> tuple[Any, dict[str, jax.Array]]:
        ask_key, evaluate_key = generation_keys(key, state.generation)
        archs = strategy.ask(ask_key, state.strategy_state)
        archs, scores = evaluate(evaluate_key, archs)
        return advance(strategy, state, archs, scores), snapshot(state)

    state = start_search(strategy, key)
    state, seen = jax.lax.scan(generation, state, length=generations)
    last = snapshot(state)
    return state, {
        name: jnp.concatenate([seen[name], last[name][None]]) for name in seen
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


def main(argv: Sequence[str]) -> None:
    """Draws all three and prints the numbers of the first."""
    del argv
    folder = pathlib.Path(_FOLDER.value)
    folder.mkdir(parents=True, exist_ok=True)
    rows = tunnelling()
    print(table(rows, list(rows[0])))
    write_rows(_OUT.value, rows)
    for name, figure in (
        ("tunnelling", tunnelling_figure(rows)),
        ("interference", interference_figure(interference())),
        ("superposition", superposition_figure(superposition())),
    ):
        (folder / f"{name}.png").write_bytes(figure)


if __name__ == "__main__":
    _FOLDER = flags.DEFINE_string("folder", "docs", "folder for the PNG files")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
