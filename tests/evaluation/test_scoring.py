"""Population scoring against networks cut out one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.evaluation import (
    STATISTICS,
    ScoreOf,
    ScoringOptions,
    SupernetEvaluator,
    make_population_scorer,
    scoring,
)
from qnas_jax.nets import FORMS, OPS, build_supernet, set_mode
from qnas_jax.nets.visiting import visiting_order
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageClassification

TASK = ImageClassification(
    mean=np.float32([0.4]), std=np.float32([0.3]), input_shape=(8, 8, 1), num_outputs=3
)
ARCHS = np.array([[0, 0], [1, 1], [2, 0], [1, 1], [0, 0], [2, 1], [1, 1]], np.int32)


def tiny_space(*head):
    """3 x 2 ops of different sizes."""
    first = (
        op("conv", "conv"),
        op("mb2", "mbconv", kernel=3, expansion=2),
        op("skip", "skip"),
    )
    second = (op("conv3", "conv"), op("conv1", "conv", kernel=1))
    return NetworkSpace(
        name="tiny",
        layers=(Layer(4, 4, 1, first), Layer(4, 6, 2, second)),
        stem=(fixed(1, 4, 1, "conv"),),
        head=(
            *(fixed(6, 6, 1, kind) for kind in head),
            fixed(6, 6, 1, "global_average"),
            fixed(6, 3, 1, "classifier"),
        ),
        input_shape=(8, 8, 1),
        num_classes=3,
    )


def used_weights(supernet):
    """Weights as if trained: classifier and statistics far from their start."""
    params, stats = supernet.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    params["fixed"][-1] = params["fixed"][-1] * 100
    stats = jax.tree.map(
        lambda row: jnp.asarray(rng.uniform(0.2, 1.5, row.shape), row.dtype), stats
    )
    return params, stats


def random_images(count, seed=1):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)
    return jnp.asarray(images), jnp.asarray(rng.integers(0, 3, count), jnp.int32)


@pytest.fixture(scope="module")
def supernet():
    return build_supernet(tiny_space())


@pytest.fixture(scope="module")
def weights(supernet):
    return used_weights(supernet)


@pytest.fixture(scope="module")
def build(supernet):
    """Scorers by their options, each compiled once for the module."""
    made = {}

    def build(**options):
        name = tuple(sorted(options.items()))
        if name not in made:
            calibration, _ = random_images(22, seed=2)
            made[name] = make_population_scorer(
                supernet, TASK, ScoringOptions(**options), calibration
            )
        return made[name]

    return build


def runner(subnet, mode):
    """images -> logits and the batch statistics that the network reports."""
    set_mode(subnet, mode)
    graph, params, stats = nnx.split(subnet, nnx.Param, nnx.BatchStat)

    @jax.jit
    def run(params, stats, images):
        model = nnx.merge(graph, params, stats)
        logits = model(TASK.prepare(images))
        return logits, nnx.state(model, nnx.BatchStat)

    return lambda images: run(params, stats, images)


def each_arch(compute):
    """Applies a slow function to each distinct one of `ARCHS`."""
    known = {arch: compute(np.array(arch)) for arch in set(map(tuple, ARCHS.tolist()))}
    return [known[arch] for arch in map(tuple, ARCHS.tolist())]


def plain_scores(logits, labels):
    """Accuracy and mean cross-entropy in NumPy."""
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -log_probs[np.arange(len(labels)), labels]
    return (logits.argmax(axis=1) == labels).mean(), losses.mean()


def assert_scores(found, expected, atol=1e-5):
    np.testing.assert_allclose(found["accuracy"], [e[0] for e in expected], atol=1e-6)
    np.testing.assert_allclose(found["loss"], [e[1] for e in expected], atol=atol)


def test_running_scores_equal_numpy_on_cut_networks(supernet, weights, build):
    images, labels = random_images(30)
    found = build(statistics="running", score_chunk=8)(weights, ARCHS, images, labels)
    assert found["accuracy"].dtype == found["loss"].dtype == jnp.float32

    def score_alone(arch):
        run = runner(supernet.cut(*weights, arch), "running")
        return plain_scores(run(images)[0], labels)

    expected = each_arch(score_alone)
    assert_scores(found, expected)
    assert len({round(e[1], 3) for e in expected}) == 4
    assert len({e[0] for e in expected}) >= 2


def test_batch_scores_equal_numpy_on_cut_networks(supernet, weights, build):
    images, labels = random_images(24)
    found = build(statistics="batch", score_chunk=8)(weights, ARCHS, images, labels)

    def score_alone(arch):
        run = runner(supernet.cut(*weights, arch), "batch")
        logits = [run(images[i : i + 8])[0] for i in (0, 8, 16)]
        return plain_scores(np.concatenate(logits), labels)

    expected = each_arch(score_alone)
    assert_scores(found, expected)


def test_recalibrated_scores_use_the_means_of_the_calibration_batches(
    supernet, weights, build
):
    images, labels = random_images(30)
    calibration, _ = random_images(22, seed=2)
    score = build(score_chunk=7, calibration_examples=20, calibration_batch=8)
    found = score(weights, ARCHS, images, labels)

    def score_alone(arch):
        subnet = supernet.cut(*weights, arch)
        batches = calibration[:8], calibration[8:16]  # 20 images hold two batches
        run = runner(subnet, "batch")
        states = [run(batch)[1] for batch in batches]
        # The first normalisation's statistics by hand: biased moments of a batch.
        for batch, state in zip(batches, states, strict=True):
            output = np.asarray(subnet.stem[0].conv(TASK.prepare(batch)))
            norm = state["stem"][0]["norm"]
            axes = (0, 1, 2)
            np.testing.assert_allclose(norm["mean"][...], output.mean(axes), atol=1e-5)
            np.testing.assert_allclose(norm["var"][...], output.var(axes), rtol=1e-4)
        nnx.update(subnet, jax.tree.map(lambda a, b: (a + b) / 2, *states))
        return plain_scores(runner(subnet, "running")(images)[0], labels)

    expected = each_arch(score_alone)
    assert_scores(found, expected)
    running = build(statistics="running", score_chunk=8)
    difference = found["loss"] - running(weights, ARCHS, images, labels)["loss"]
    assert np.abs(difference).min() > 1e-3


@pytest.mark.parametrize("statistics", STATISTICS)
def test_scores_do_not_depend_on_company_or_order(statistics, weights, build):
    images, labels = random_images(30)
    score = build(statistics=statistics, score_chunk=8)
    found = score(weights, ARCHS, images, labels)
    alone = [score(weights, arch[None], images, labels) for arch in ARCHS]
    order = np.random.default_rng(0).permutation(len(ARCHS))
    turned = score(weights, ARCHS[order], images, labels)
    for name in ("accuracy", "loss"):
        values = np.asarray(found[name])
        one_by_one = np.concatenate([one[name] for one in alone])
        np.testing.assert_allclose(values, one_by_one, atol=1e-6)
        np.testing.assert_array_equal(turned[name], values[order])
        for repeats in ([0, 4], [1, 3, 6]):
            assert len(set(values[repeats].tolist())) == 1


@pytest.mark.parametrize(
    ("statistics", "count", "chunks"),
    [
        # A partial last chunk, even chunks, one that is not filled.
        ("running", 30, (8, 15, 64)),
        ("recalibrate", 30, (8, 15, 64)),
        ("running", 5, (8, 5)),
    ],
)
def test_chunk_size_changes_memory_not_scores(
    statistics, count, chunks, weights, build
):
    images, labels = random_images(count)
    found = [
        build(statistics=statistics, score_chunk=chunk)(weights, ARCHS, images, labels)
        for chunk in chunks
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other["accuracy"], found[0]["accuracy"], atol=1e-6)
        np.testing.assert_allclose(other["loss"], found[0]["loss"], atol=1e-5)


def test_fewer_calibration_examples_than_a_batch_are_one_batch(weights, build):
    images, labels = random_images(30)
    found = [
        build(calibration_examples=5, calibration_batch=size, score_chunk=8)(
            weights, ARCHS[:3], images, labels
        )["loss"]
        for size in (5, 128)
    ]
    np.testing.assert_array_equal(*found)


@pytest.fixture(scope="module")
def padded():
    return build_supernet(tiny_space(), "padded")


@pytest.mark.parametrize(
    ("statistics", "block"), [("running", 3), ("recalibrate", 3), ("batch", 7)]
)
def test_blocks_of_a_padded_supernet_score_as_one_by_one(
    statistics, block, padded, weights, build
):
    """Four distinct architectures: blocks that are not full, and one for all."""
    images, labels = random_images(30)
    options = {"statistics": statistics, "score_chunk": 8}
    calibration, _ = random_images(22, seed=2)
    score = make_population_scorer(
        padded, TASK, ScoringOptions(score_block=block, **options), calibration
    )
    found = score(weights, ARCHS, images, labels)
    expected = build(**options)(weights, ARCHS, images, labels)
    for name in ("accuracy", "loss"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_scores_in_bfloat16_are_close_to_those_in_float32(form, weights, build):
    images, labels = random_images(30)
    options = {"statistics": "recalibrate", "score_chunk": 8}
    calibration, _ = random_images(22, seed=2)
    score = make_population_scorer(
        build_supernet(tiny_space(), form),
        TASK,
        ScoringOptions(precision="bfloat16", **options),
        calibration,
    )
    found = score(weights, ARCHS, images, labels)["loss"]
    expected = build(**options)(weights, ARCHS, images, labels)["loss"]
    assert found.dtype == jnp.float32
    assert (np.asarray(found) != np.asarray(expected)).all()
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_scoring_copies_nothing_but_the_architectures(supernet, weights):
    """They are copied explicitly; what compiling copies has been copied before."""
    images, labels = random_images(30)
    calibration, _ = random_images(22, seed=2)
    options = ScoringOptions(score_chunk=8)
    evaluator = SupernetEvaluator(
        weights=weights,
        inputs=images,
        targets=labels,
        score_population=make_population_scorer(supernet, TASK, options, calibration),
        score=ScoreOf.of(TASK),
    )
    key = jax.random.key(0)
    expected = evaluator(key, ARCHS).metrics
    with jax.transfer_guard("disallow"):
        found = evaluator(key, ARCHS[::-1].copy()).metrics
    np.testing.assert_array_equal(found["loss"][::-1], expected["loss"])


class CountedConv(OPS["conv"]):
    """Writes down how many batches ran through it."""

    batches: list[int] = []

    def __call__(self, images):
        jax.debug.callback(lambda: self.batches.append(1))
        return super().__call__(images)


@pytest.fixture
def counted(monkeypatch):
    """A scorer whose head counts; chunks of 8 of 30 images: four batches an arch."""
    monkeypatch.setitem(OPS, "counted_conv", CountedConv)
    supernet = build_supernet(tiny_space("counted_conv"))
    options = ScoringOptions(statistics="running", score_chunk=8)
    calibration, _ = random_images(22, seed=2)
    score = make_population_scorer(supernet, TASK, options, calibration)
    weights = used_weights(supernet)
    CountedConv.batches.clear()

    def run(archs):
        scores = score(weights, archs, *random_images(30))
        jax.block_until_ready(scores)
        jax.effects_barrier()
        batches = len(CountedConv.batches)
        CountedConv.batches.clear()
        return batches, scores

    return run


def test_repeated_archs_are_computed_once(counted):
    assert counted(ARCHS)[0] == 4 * 4
    assert counted(np.tile(ARCHS[:1], (7, 1)))[0] == 4
    distinct = [[a, b] for a in range(3) for b in range(2)]
    batches, scores = counted(np.array([*distinct, [0, 1]], np.int32))
    assert batches == 6 * 4
    assert scores["loss"][1] == scores["loss"][6]


def test_one_program_scores_all_populations(counted, monkeypatch):
    """What plans the walk is called once: when the program is traced."""
    traces = []

    def traced(archs):
        traces.append(archs.shape)
        return visiting_order(archs)

    monkeypatch.setattr(scoring, "visiting_order", traced)
    counted(ARCHS)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        counted(rng.integers((3, 2), size=(7, 2)))
    assert traces == [(7, 2)]


def temporary_bytes(score, weights, population, count):
    images, labels = random_images(count)
    archs = jnp.asarray(np.resize(ARCHS, (population, 2)))
    lowered = jax.jit(score).lower(weights, archs, images, labels)
    return lowered.compile().memory_analysis().temp_size_in_bytes


def test_memory_is_that_of_one_chunk(supernet, weights):
    calibration, _ = random_images(22, seed=2)
    options = ScoringOptions(statistics="running", score_chunk=64)
    score = make_population_scorer(supernet, TASK, options, calibration)
    few = temporary_bytes(score, weights, 2, 64)
    activation = 64 * 8 * 8 * 4 * 4  # one layer's output for one chunk
    assert few > activation
    assert temporary_bytes(score, weights, 64, 64) - few < activation
    assert temporary_bytes(score, weights, 2, 2048) - few < activation


def test_weights_that_are_not_finite_score_nothing(weights, build):
    images, labels = random_images(30)
    params, stats = weights
    layers = [params["layers"][0].at[1].set(jnp.nan), params["layers"][1]]
    broken = {"fixed": params["fixed"], "layers": layers}, stats
    score = build(statistics="running", score_chunk=8)
    found = score(broken, ARCHS, images, labels)
    bad = ARCHS[:, 0] == 1
    assert np.isnan(found["loss"][bad]).all()
    np.testing.assert_array_equal(found["accuracy"][bad], 0.0)
    whole = score(weights, ARCHS, images, labels)
    np.testing.assert_array_equal(found["loss"][~bad], whole["loss"][~bad])


def test_archs_of_another_length_are_refused(weights, build):
    score = build(statistics="running", score_chunk=8)
    for archs in (ARCHS[:, :1], ARCHS[0], np.zeros((2, 3), np.int32)):
        with pytest.raises(AssertionError, match="shape"):
            score(weights, archs, *random_images(30))
