import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from scipy.stats import entropy

from qnas_jax.reporting import (
    architecture_diagram,
    ranking_bars,
    ranking_scatter,
    register_heatmap,
    search_curves,
    style,
    training_curves,
)
from qnas_jax.reporting.rows import Registers, read_run


def figure_of(draw, *args):
    """The figure itself, before it becomes PNG bytes."""
    return draw.__wrapped__(*args)


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def bar(tau, tenth):
    row = {"kendall_tau": tau, "tau_low": tau - 0.1, "tau_high": tau + 0.2}
    ends = (None, None) if tenth is None else (tenth - 0.1, tenth + 0.1)
    names = ("best_tenth_tau", "best_tenth_low", "best_tenth_high")
    return row | dict(zip(names, (tenth, *ends), strict=True))


def test_bars_are_as_long_as_tau_and_what_is_not_known_has_none():
    scores = {"loss": bar(0.7, 0.3), "macs": bar(-0.2, None)}
    (axes,) = figure_of(ranking_bars.ranking_bars, scores).axes
    over_all, tenth = (
        [part.get_width() for part in container.patches]
        for container in axes.containers
        if hasattr(container, "patches")
    )
    assert over_all == [0.7, -0.2] and tenth == [0.3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["loss", "MACs"]
    assert sorted(texts(axes)) == ["-0.20", "0.30", "0.70"]


def test_every_axis_with_data_is_labelled(synthetic):
    run = read_run(synthetic.workdir)
    winner = run.result["arch"]
    ranking = {"kendall_tau": 0.5, "spearman": 0.7, "true": [0.5], "scores": [0.3]}
    figures = [
        figure_of(training_curves.supernet_curves, run.supernet),
        figure_of(training_curves.pool_scores, run.pool),
        figure_of(training_curves.retrain_curves, run.retrain),
        figure_of(search_curves.search_progress, run.search, run.history),
        figure_of(search_curves.score_against_cost, run.history, winner),
        figure_of(register_heatmap.register_entropy, run.registers),
        figure_of(ranking_scatter.ranking_scatter, ranking),
        figure_of(ranking_bars.ranking_bars, {"loss": bar(0.7, 0.3)}),
    ]
    for figure in figures:
        for axes in figure.axes:
            assert axes.get_ylabel(), axes.get_title()
            assert axes.get_xlabel() or axes.get_label() == "<colorbar>"


def test_accuracies_are_in_percent(small):
    run = read_run(small.workdir)
    figure = figure_of(training_curves.supernet_curves, run.supernet)
    trained, valid = figure.axes[1].lines
    assert figure.axes[1].get_ylabel() == "Accuracy (%)"
    expected = [100 * row["accuracy"] for row in run.supernet]
    np.testing.assert_allclose(trained.get_ydata(), expected)
    np.testing.assert_array_equal(valid.get_xdata(), range(5, 41, 5))


def test_progress_is_over_evaluations(small):
    run = read_run(small.workdir)
    axes = figure_of(search_curves.search_progress, run.search, run.history).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    best = lines["best so far"]
    np.testing.assert_array_equal(best.get_xdata(), np.arange(20, 801, 20))
    np.testing.assert_array_equal(best.get_ydata(), [r["best"] for r in run.search])
    assert axes.get_xlabel() == "Evaluations"
    # One of the 800 evaluations failed and has no place among the points.
    assert len(axes.collections[0].get_offsets()) == 799


def test_winner_is_marked_where_it_was_evaluated(small):
    run = read_run(small.workdir)
    drawn = figure_of(search_curves.score_against_cost, run.history, small.winner)
    points, star = drawn.axes[0].collections
    row = [row for row in run.history if row["arch"] == small.winner][-1]
    expected = [row["costs"]["params"], row["score"]]
    np.testing.assert_allclose(star.get_offsets()[0], expected)
    assert len(points.get_offsets()) == 799


def test_costs_that_were_not_recorded_are_not_drawn():
    row = {"status": "ok", "score": 0.5, "costs": {"macs": 10}}
    assert search_curves.known_costs([row]) == ["macs"]
    assert search_curves.known_costs([row, row | {"costs": None}]) == []
    assert search_curves.known_costs([]) == []


def test_heat_map_shows_each_layers_own_ops(synthetic):
    registers = read_run(synthetic.workdir).registers
    draw = register_heatmap.register_heatmap
    figure = figure_of(draw, registers, synthetic.winner, None)
    panels = [a for a in figure.axes if a.get_title(loc="center").startswith("Layer")]
    assert len(panels) == synthetic.num_layers
    for layer, axes in enumerate(panels):
        num_ops = synthetic.num_ops[layer]
        drawn = np.reshape(axes.collections[0].get_array(), (num_ops, 40))
        expected = registers.probabilities[:, layer, :num_ops].T
        np.testing.assert_array_equal(drawn, expected)
        assert axes.lines[0].get_ydata()[0] == synthetic.winner[layer]
        shown = [label.get_text() for label in axes.get_yticklabels()]
        assert shown == [name[:14] for name in synthetic.names[:num_ops]]


@pytest.mark.parametrize("generations", [[0], [0, 10, 50], list(range(501))])
def test_registers_of_any_number_of_snapshots(generations):
    shape = (len(generations), 2, 3)
    weights = np.random.default_rng(0).random(shape).astype(np.float32)
    registers = Registers(
        weights,
        np.array([3, 2]),
        np.array(generations),
        np.array([["a", "b", "c"], ["a", "b", ""]]),
    )
    draw = register_heatmap.register_heatmap
    axes = figure_of(draw, registers, None, None).axes[0]
    edges = axes.collections[0].get_coordinates()[0, :, 0]
    assert np.all(np.diff(edges) > 0)
    inside = (edges[:-1] < generations) & (generations < edges[1:])
    assert inside.all()
    assert draw(registers, None, None) and register_heatmap.register_entropy(registers)


def test_entropy_against_scipy_and_by_hand():
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(6), (4, 3)).astype(np.float32)
    num_ops = np.array([6, 5, 1])
    registers = Registers(weights, num_ops, np.arange(4), np.full((3, 6), "op"))
    found = register_heatmap.normalised_entropy(registers)
    for layer, k in enumerate(num_ops[:2]):
        expected = entropy(weights[:, layer, :k], axis=1, base=k)
        np.testing.assert_allclose(found[:, layer], expected, atol=1e-6)
    np.testing.assert_array_equal(found[:, 2], 0)
    # 1/2, 1/4, 1/4 has 1.5 of at most log2(4) = 2 bits.
    by_hand = Registers(
        np.array([[[0.5, 0.25, 0.25, 0.0]]], np.float32),
        np.array([4]),
        np.array([0]),
        np.array([["a", "b", "c", "d"]]),
    )
    assert register_heatmap.normalised_entropy(by_hand)[0, 0] == pytest.approx(0.75)


def test_diagram_has_a_box_a_layer_inside_the_figure(synthetic):
    layers = read_run(synthetic.workdir).result["layers"]
    figure = figure_of(architecture_diagram.architecture_diagram, layers)
    axes = figure.axes[0]
    boxes = [patch for patch in axes.patches if hasattr(patch, "get_boxstyle")]
    boxes = [box for box in boxes if box.get_width() > 0.9]
    assert len(boxes) == len(layers) == synthetic.num_layers + 2
    right = axes.get_xlim()[1]
    bottom = axes.get_ylim()[0]
    for box in boxes:
        assert box.get_x() >= 0 and box.get_x() + box.get_width() <= right
        assert box.get_y() >= 0 and box.get_y() + box.get_height() <= bottom
    written = texts(axes)
    for row in layers:
        assert row["op"] in written
        assert f"{row['in_features']} → {row['out_features']}" in written
    shares = [float(t.split()[0]) for t in written if t.endswith("of params")]
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(layers))


def test_edges_of_a_cell_have_no_arrows(small):
    first, second, *rest = small.layers()
    edges = [second | {"edge": name} for name in ("0-1", "0-2", "1-2")]
    chain, cells = (
        figure_of(architecture_diagram.architecture_diagram, [first, *middle, *rest])
        for middle in ([second], edges)
    )
    written = texts(cells.axes[0])
    assert {"edge 0-1", "edge 0-2", "edge 1-2"} <= set(written)

    def arrows(figure):
        notes = [getattr(note, "arrow_patch", None) for note in figure.axes[0].texts]
        return sum(arrow is not None for arrow in notes)

    assert arrows(chain) == len(rest) + 1
    assert arrows(cells) == len(rest) - 1


def test_long_names_stay_inside_their_box(small):
    layer = small.layers()[1] | {"op": "a_very_long_name_of_an_op_of_a_user_" * 3}
    figure = figure_of(architecture_diagram.architecture_diagram, [layer])
    figure.draw_without_rendering()
    axes = figure.axes[0]
    box = axes.patches[0].get_window_extent()
    name = next(t for t in axes.texts if t.get_text().startswith("a_very"))
    extent = name.get_window_extent()
    assert box.x0 < extent.x0 and extent.x1 < box.x1


def test_style_leaves_no_trace(small):
    before = dict.copy(matplotlib.rcParams)
    assert training_curves.retrain_curves(read_run(small.workdir).retrain)
    assert dict.copy(matplotlib.rcParams) == before


def test_heavy_packages_load_on_use_and_pyplot_never(small):
    script = """
import pathlib, sys
from qnas_jax.reporting import write_report
heavy = ("matplotlib", "jinja2", "scipy", "jax")
assert not [name for name in heavy if name in sys.modules]
write_report(pathlib.Path(sys.argv[1]))
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script, str(small.workdir)], check=True)


def test_networks_keep_their_colours(small):
    run = read_run(small.workdir)
    figure = figure_of(training_curves.retrain_curves, run.retrain)
    colors = {"winner": style.BLUE, "random": style.ORANGE, "largest": style.GREEN}
    for name, color in colors.items():
        lines = [
            line for line in figure.axes[0].lines if line.get_label().startswith(name)
        ]
        assert len(lines) == 2
        expected = color.lower()
        assert {to_hex(line.get_color()) for line in lines} == {expected}


def test_ramp_gets_darker_step_by_step():
    colors = style.amount_colors()(np.linspace(0, 1, 100))[:, :3]
    lightness = colors @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) < 0)
    assert lightness[0] == pytest.approx(1.0)


def test_formula_like_op_names_are_drawn_as_they_are(small):
    layer = small.layers()[1] | {"op": r"$\frac{$"}
    data = architecture_diagram.architecture_diagram([layer])
    assert Image.open(io.BytesIO(data)).size == (1500, 207)


def test_further_networks_have_colours_of_their_own():
    names = ["winner", "random_1", "resnet8", "largest"]
    found = style.network_colors(names)
    assert (found["winner"], found["largest"]) == ("blue", "green")
    assert (found["random_1"], found["resnet8"]) == ("orange", "purple")
    many = style.network_colors([f"random_{number}" for number in range(8)])
    assert len(set(many.values())) == 6 and many["random_0"] == many["random_6"]


def test_accuracy_axes_show_where_curves_are_told_apart(small):
    run = read_run(small.workdir)
    accuracy = figure_of(training_curves.retrain_curves, run.retrain).axes[1]
    late = np.concatenate([line.get_ydata()[20:] for line in accuracy.lines])
    low, high = accuracy.get_ylim()
    assert low < late.min() < late.max() < high
    assert high - low < 1.2 * np.ptp(late) < 20
