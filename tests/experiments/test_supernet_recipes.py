"""Recipes for supernets: their formulas by hand, their steps on tiny networks."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.comparisons import supernet_recipes
from experiments.recipes import averaged, distillation, few_shot, progressive
from experiments.recipes.rank_loss import pair_weights
from experiments.recipes.recipe import Recipe, Setup
from experiments.recipes.registry import BASE, IMAGES, OPTIONS, RECIPES
from experiments.recipes.several_paths import learn_together
from qnas_jax import data
from qnas_jax.nets import build_supernet, take_path
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import TaskOptions, make_task
from qnas_jax.tasks.image_classification import ImageTraining
from qnas_jax.training import SupernetOptions, TrainingBatches

OPS = (op("conv", "conv"), op("conv1", "conv", kernel=1), op("skip", "skip"))


@pytest.fixture(scope="module")
def dataset():
    return data.load(data.DataOptions(max_train=64, max_valid=40, max_test=40))


@pytest.fixture(scope="module")
def space(dataset):
    """3 x 3 networks of two layers."""
    return NetworkSpace(
        name="tiny",
        layers=(Layer(4, 4, 1, OPS), Layer(4, 4, 1, OPS)),
        stem=(fixed(1, 4, 2, "conv"),),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 10, 1, "classifier")),
        input_shape=dataset.input_shape,
        num_classes=dataset.num_classes,
    )


@pytest.fixture(scope="module")
def laboratory(dataset, space):
    archs = np.array(list(np.ndindex(3, 3)), np.int32)
    truth = np.random.default_rng(0).random(9)
    return supernet_recipes.Laboratory(
        dataset, space, (archs, truth), score_examples=20, calibration_examples=16
    )


@pytest.fixture(scope="module")
def setup(dataset, space):
    supernet = build_supernet(space, "switch")
    task = make_task(TaskOptions(), dataset).with_options(
        ImageTraining(label_smoothing=0.0)
    )
    options = SupernetOptions(**{**OPTIONS, "batch_size": 8})
    return Setup(
        supernet=supernet,
        costs=supernet.cost_table(),
        options=options,
        batches=TrainingBatches.of(dataset.train, task, 8),
        path_images=96,
        key=jax.random.key(0),
    )


def hinges(losses, macs):
    """The sum over all ordered pairs, as a loop."""
    total = jnp.zeros(())
    for one in range(len(macs)):
        for other in range(len(macs)):
            if macs[one] > macs[other]:
                total += jnp.maximum(0.0, losses[one] - losses[other])
    return total


def test_weights_of_pairs_are_the_gradient_of_the_hinges():
    losses, macs = jnp.array([2.0, 1.0, 3.0, 0.5]), np.array([5.0, 5.0, 9.0, 1.0])
    by_hand = [1 - 0.5 + 0.5, 1 - 0.5 + 0.5, 1 + 3 * 0.5, 1 - 3 * 0.5]
    found = pair_weights(losses, jnp.asarray(macs), jnp.float32(0.5))
    np.testing.assert_allclose(found, by_hand)
    gradient = jax.grad(lambda values: values.sum() + 0.5 * hinges(values, macs))
    np.testing.assert_allclose(found, gradient(losses))


def test_an_average_forgets_faster_at_first():
    rows = {"fixed": [jnp.array([1.0])], "layers": [jnp.array([[3.0]])]}
    newer = {"fixed": [jnp.array([2.0])], "layers": [jnp.array([[3.0]])]}
    early = averaged.average(rows, newer, 0.9, jnp.int32(0))
    late = averaged.average(rows, newer, 0.9, jnp.int32(1000))
    np.testing.assert_allclose(early["fixed"][0], [1.9])
    np.testing.assert_allclose(late["fixed"][0], [1.1])
    np.testing.assert_allclose(late["layers"][0], [[3.0]])


def test_layers_open_from_the_first_to_the_last():
    archs, largest = jnp.array([[1, 1, 1, 1]]), jnp.array([[2, 2, 2, 2]])
    found = [
        progressive.opened(archs, largest, jnp.int32(step), 8)[0].tolist()
        for step in (0, 1, 2, 4, 5, 6)
    ]
    assert found == [
        [1, 2, 2, 2],
        [1, 2, 2, 2],
        [1, 1, 2, 2],
        [1, 1, 1, 2],
        [1, 1, 1, 2],
        [1, 1, 1, 1],
    ]


def test_targets_are_half_labels_half_teacher():
    labels = jnp.array([[1.0, 0.0, 0.0]])
    found = distillation.mixed(labels, jnp.log(jnp.array([[0.2, 0.2, 0.6]])))
    np.testing.assert_allclose(found, [[0.6, 0.1, 0.3]], atol=1e-6)


def first_batch(setup):
    order = jnp.arange(setup.batches.num_examples)
    return setup.batches.take(jax.random.key(1), order, jnp.int32(0))


@pytest.mark.parametrize("archs", [[[0, 1], [1, 2], [2, 0]], [[0, 1], [0, 1], [0, 2]]])
def test_paths_together_are_those_of_the_package(setup, archs):
    optimizer = setup.optimizer(4)
    learning, start = setup.learning(optimizer), setup.start(optimizer)
    archs, batch = jnp.array(archs), first_batch(setup)
    targets = jax.nn.one_hot(batch[1], 10)
    found = jax.jit(lambda s: learn_together(learning, s, archs, batch, targets))(start)
    expected = jax.jit(lambda s: learning.all_paths(s, archs, batch))(start)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        if jax.dtypes.issubdtype(one.dtype, jax.dtypes.prng_key):
            continue
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_step_with_pairs_is_one_down_their_whole_loss(setup):
    """Against autodiff of the loss written out."""
    optimizer = optax.sgd(1.0)
    learning, start = setup.learning(optimizer), setup.start(optimizer)
    archs, macs = jnp.array([[0, 0], [1, 2], [2, 1]]), np.array([1.0, 2.0, 3.0])
    batch = first_batch(setup)
    labels = jax.nn.one_hot(batch[1], 10)

    def whole(params):
        losses = []
        for arch in archs:
            outputs, _ = setup.supernet.apply(
                take_path(params, arch),
                take_path(start.stats, arch),
                arch,
                batch[0],
                mode="train",
            )
            log_probs = outputs - jax.nn.logsumexp(outputs, axis=1, keepdims=True)
            losses.append(-(labels * log_probs).sum(axis=1).mean())
        return sum(losses) + 0.3 * hinges(losses, macs)

    def step(state):
        def weigh(losses):
            return pair_weights(losses, jnp.asarray(macs), jnp.float32(0.3))

        return learn_together(learning, state, archs, batch, labels, weigh=weigh)

    found = jax.jit(step)(start).params
    gradient = jax.jit(jax.grad(whole))(start.params)
    expected = jax.tree.map(lambda p, g: p - g, start.params, gradient)
    moved = [float(jnp.abs(g).max()) for g in jax.tree.leaves(gradient) if g.size]
    assert max(moved) > 0.01
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_parts_of_few_shot_share_their_start_and_go_on_alone(setup):
    """Ten steps: four in common, two for the part of each op."""
    longer = dataclasses.replace(setup, path_images=10 * 24)
    found, seconds = few_shot.train_with(layer=1, share=0.4)(longer)
    trained = found[""]
    assert trained.layer == 1 and len(trained.parts) == 3 and seconds > 0
    rows = [params["layers"][1] for params, _ in trained.parts]
    # The skip, op 2, has no weights: its part leaves both rows as they were.
    for part, other in ((0, 1), (1, 0)):
        assert (rows[part][part] != rows[2][part]).any()
        np.testing.assert_array_equal(rows[part][other], rows[2][other])
    fixed = [np.concatenate(params["fixed"]) for params, _ in trained.parts]
    assert (fixed[0] != fixed[1]).any() and (fixed[1] != fixed[2]).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        BASE,
        "distilled from average",
        "few-shot",
        "largest path distilled",
        "layers one by one",
        "one path a step",
        "rank loss 0.5",
    ],
)
def test_rows_of_recipes(laboratory, name, monkeypatch):
    monkeypatch.setitem(OPTIONS, "batch_size", 8)
    few = Recipe(few_shot.train_with(layer=1, share=0.4))
    monkeypatch.setitem(RECIPES, "few-shot", few)
    grid = supernet_recipes.grid_of(laboratory, [name], [0], 240, width=1.0)
    rows = list(grid.run())
    variants = {
        BASE: ["", "average 0.95", "average 0.99"],
        "distilled from average": ["", "average"],
    }
    assert [row["variant"] for row in rows] == variants.get(name, [""])
    for row in rows:
        assert row["path-images"] == 240 and row["training s"] > 0
        assert all(-1 <= row[each] <= 1 for each in ("tau by loss", "best tenth"))
        assert row["width"] == 1.0 and 0 <= row["pick"] <= 1
    assert list(grid.run(rows)) == []


def test_equal_time_is_told_by_the_rows_of_equal_path_images(monkeypatch):
    asked = []

    class Counting(supernet_recipes.Laboratory):
        def __init__(self):
            pass

        def try_recipe(self, recipe, seed, path_images):
            asked.append(path_images)
            yield {"variant": ""}

    told = {"equal": "path_images", "base path-images": 1000, "side": 16}
    known = [
        {"recipe": BASE, "seed": 0, "training s": 2.0, **told},
        {"recipe": "clip 1", "seed": 0, "training s": 4.0, **told},
        {"recipe": "clip 1", "seed": 0, "training s": 9.0, **told, "side": 8},
    ]
    grid = supernet_recipes.grid_of(
        Counting(), ["clip 1"], [5], 1000, equal="time", known=known, side=16
    )
    (row,) = grid.run()
    assert asked == [500] and row["path-images"] == 500 and row["equal"] == "time"


def test_ranking_of_a_known_order():
    truth = np.arange(20) / 20
    loss = 1.0 - truth
    loss[[18, 19]] = loss[[19, 18]]
    found = supernet_recipes.ranking(loss, truth, truth)
    assert found["tau by accuracy"] == 1.0 and found["best tenth"] == -1.0
    assert found["tau by loss"] == pytest.approx(1 - 2 / 190)
    assert found["pick"] == pytest.approx(18 / 20)
    nothing = supernet_recipes.ranking(np.full(20, np.nan), np.zeros(20), truth)
    assert nothing["tau by loss"] == nothing["tau by accuracy"] == 0.0


def test_gains_are_paired_by_seed(tmp_path):
    rows = [
        {
            "recipe": recipe,
            "variant": "",
            "equal": "path_images",
            "seed": seed,
            "training s": 1.0,
            "tau by loss": tau,
            "tau by accuracy": 0.1,
            "best tenth": 0.2,
            "pick": 0.9,
        }
        for recipe, seed, tau in [
            (BASE, 0, 0.5),
            (BASE, 1, 0.7),
            ("clip 1", 0, 0.6),
            ("clip 1", 1, 0.7),
        ]
    ]
    base, clip = supernet_recipes.summarise(rows)
    assert base["tau by loss"] == pytest.approx(0.6) and base["gain"] == 0
    assert base["sd"] == pytest.approx(0.2 / np.sqrt(2))
    assert clip["gain"] == pytest.approx(0.05) and clip["seeds"] == 2
    assert clip["sd of gain"] == pytest.approx(0.1 / np.sqrt(2))
    file = tmp_path / "rows.jsonl"
    assert supernet_recipes.read_rows(str(file)) == []
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert supernet_recipes.read_rows(str(file)) == rows


def test_every_recipe_has_options_that_exist():
    for recipe in RECIPES.values():
        SupernetOptions(**{**OPTIONS, **recipe.options})
        ImageTraining(**{**IMAGES, **recipe.images})
