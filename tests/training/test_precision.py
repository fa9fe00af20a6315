"""Training in bfloat16: what is cast, what stays float32, and how far results are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.data import epoch_order
from qnas_jax.nets import FORMS, CellSubnet, ChainSubnet, build_supernet, set_mode
from qnas_jax.spaces import SPACES, Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageTraining
from qnas_jax.training import (
    PathSampler,
    RetrainOptions,
    StandaloneModel,
    SupernetOptions,
    TrainingBatches,
    initial_retrain_state,
    make_optimizer,
    make_retrain_step,
)

BATCH = 8
ARCH = (1, 0)
PLAIN = {
    "batch_size": BATCH,
    "epochs": 2,
    "schedule": "constant",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 0.1,
}
# A product has a relative error of 2^-9; losses of some steps stay within this.
LOSS_TOLERANCE = 0.02
STEP_TOLERANCE = {"float32": 1e-5, "bfloat16": 0.03}  # of the gradient's norm
GRADIENT_TOLERANCE = 0.1  # of the norm of all gradients together


def copy(tree):
    """Plain arrays that survive donation."""
    pure = nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree
    return jax.tree.map(np.array, pure)


def first_batch(train, task, order):
    chosen = np.asarray(order)[:BATCH]
    return task.prepare(jnp.asarray(train.inputs[chosen])), train.targets[chosen]


def subnet_of(space):
    """A network whose classifier is far from its start."""
    subnet = ChainSubnet(space, ARCH, rngs=nnx.Rngs(jax.random.key(3)))
    subnet.head[-1].kernel[...] *= 50
    return subnet


@pytest.fixture(scope="module")
def retrain(space, train, task):
    """By precision: the state before and after four steps, and their losses."""
    found = {}
    for precision in ("float32", "bfloat16"):
        options = RetrainOptions(precision=precision, ema_decay=0.5, **PLAIN)
        model = StandaloneModel(subnet_of(space))
        optimizer = make_optimizer(options, 3)
        batches = TrainingBatches.of(
            train, task.with_options(ImageTraining(label_smoothing=0.0)), BATCH
        )
        step_fn = make_retrain_step(
            model, optimizer, options, batches, jax.random.key(4)
        )
        order = epoch_order(jax.random.key(0), 0, len(train))
        states, losses = [initial_retrain_state(model, task, optimizer)], [0.0]
        for _ in range(4):
            state = step_fn(jax.tree.map(jnp.copy, states[-1]), order)
            states.append(state)
            losses.append(float(state.totals.loss) / BATCH)
        found[precision] = states, np.diff(losses)
    return found


def assert_exact_state(state):
    """All arrays are float32, with digits that bfloat16 has not."""
    for leaf in jax.tree.leaves(state):
        assert leaf.dtype in (jnp.float32, jnp.int32)
    for part in (state.params, state.stats, state.moments):
        values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(part)])
        values = values[values != 0]
        rounded = np.asarray(jnp.asarray(values).astype(jnp.bfloat16), np.float32)
        assert (values != rounded).mean() > 0.4


def test_retraining_keeps_weights_moments_and_statistics_in_float32(retrain):
    states, _ = retrain["bfloat16"]
    assert_exact_state(states[-1])


def shuffled(input_shape, num_classes):
    """Shuffle blocks, and an inverted residual with attention."""
    ops = (
        op("shuffle", "shuffle", kernel=5),
        op("xception", "shuffle_xception"),
        op("mb", "mbconv", expansion=2, attention="se"),
    )
    sizes = [(8, 8, 1), (8, 20, 2), (20, 20, 1)]
    return NetworkSpace(
        name="shuffled",
        layers=tuple(
            Layer(*size, (one,)) for size, one in zip(sizes, ops, strict=True)
        ),
        stem=(fixed(3, 8, 1, "conv"),),
        head=(fixed(20, 20, 1, "global_average"), fixed(20, 10, 1, "classifier")),
        input_shape=input_shape,
        num_classes=num_classes,
    )


@pytest.mark.parametrize(
    ("build", "subnet"),
    [
        (SPACES["digits"], ChainSubnet),
        (shuffled, ChainSubnet),
        (SPACES["nas_bench_201"], CellSubnet),
    ],
)
def test_networks_compute_in_bfloat16_up_to_the_mean(build, subnet):
    """Shapes only: each op takes and gives bfloat16; the last block is float32."""
    space = build((32, 32, 3), 10)
    arch = np.asarray(space.num_ops) - 1
    model = StandaloneModel(
        nnx.eval_shape(lambda: subnet(space, arch, rngs=nnx.Rngs(jax.random.key(0))))
    )
    params = jax.eval_shape(
        lambda params: model.in_precision(params, "bfloat16"), model.params
    )
    exact = {
        jax.tree_util.keystr(path[:2], simple=True, separator=" ")
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if leaf.dtype == jnp.float32
    }
    assert exact == {f"head {len(space.head) - 1}"}
    outputs, stats = jax.eval_shape(
        lambda *arguments: model.train(*arguments, 0.1, jax.random.key(0)),
        params,
        model.stats,
        jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.bfloat16),
    )
    assert outputs.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(stats)} == {np.dtype("float32")}


def test_losses_of_retraining_are_close_to_those_of_float32(retrain):
    exact, rounded = retrain["float32"][1], retrain["bfloat16"][1]
    assert (exact != rounded).all()
    np.testing.assert_allclose(rounded, exact, rtol=LOSS_TOLERANCE)


def plain_gradient(subnet, train, task, order, precision):
    """Of the first step: the cast written out by the names of what is cast."""
    set_mode(subnet, "train")
    graph, params, stats = nnx.split(subnet, nnx.Param, nnx.BatchStat)
    images, labels = first_batch(train, task, order)

    @jax.jit
    @jax.grad
    def gradient(params, images):
        cast = nnx.to_pure_dict(params)
        for name in ("stem", "layers"):
            cast[name] = jax.tree.map(lambda p: p.astype(precision), cast[name])
        changed = jax.tree.map(lambda p: p, params)
        nnx.replace_by_pure_dict(changed, cast)
        model = nnx.merge(graph, changed, jax.tree.map(jnp.copy, stats))
        values = images.astype(precision)
        for block in (*model.stem, *model.layers):
            values = block(values)
            assert values.dtype == precision
        mean = values.astype(jnp.float32).mean(axis=(1, 2))
        classifier = model.head[-1]
        logits = mean @ classifier.kernel[...] + classifier.bias[...][None]
        assert logits.dtype == jnp.float32
        return -jax.nn.log_softmax(logits)[jnp.arange(BATCH), labels].mean()

    return copy(gradient(params, images))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_of_retraining_is_that_of_the_gradient_written_out(
    precision, retrain, space, train, task
):
    before, after, *_ = retrain[precision][0]
    order = epoch_order(jax.random.key(0), 0, len(train))
    gradient = plain_gradient(
        subnet_of(space), train, task, order, jnp.dtype(precision)
    )
    expected = jax.tree.map(
        lambda p, g: p - 0.1 * (g + 0.1 * p), copy(before.params), gradient
    )
    for found, wanted, start in zip(
        *map(jax.tree.leaves, (copy(after.params), expected, copy(before.params))),
        strict=True,
    ):
        assert abs(wanted - start).max() > 1e-5
        np.testing.assert_allclose(found, wanted, atol=2e-6)


@pytest.mark.slow
def test_gradients_in_bfloat16_are_close_to_those_in_float32(space, train, task):
    order = epoch_order(jax.random.key(0), 0, len(train))
    exact, rounded = (
        jax.tree.leaves(
            plain_gradient(subnet_of(space), train, task, order, jnp.dtype(name))
        )
        for name in ("float32", "bfloat16")
    )
    pairs = zip(exact, rounded, strict=True)
    difference = np.concatenate([np.ravel(one - other) for one, other in pairs])
    whole = np.concatenate([np.ravel(one) for one in exact])
    assert np.linalg.norm(difference) < GRADIENT_TOLERANCE * np.linalg.norm(whole)


def supernet_training(build_training, supernet, task, precision):
    """Training of one path whose classifier is far from its start."""
    options = SupernetOptions(precision=precision, **PLAIN)
    path = jnp.asarray([ARCH], jnp.int32)
    sampler = PathSampler(1, lambda order_key, key, state, share: (path, state))
    training = build_training(options, sampler, supernet=supernet, task=task)
    training.state.params["fixed"][-1] *= 50
    return training


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_step_of_the_supernet_is_that_of_the_network_cut_out(
    form, space, train, task, build_training
):
    """And the losses of later steps are close to those in float32."""
    supernet = build_supernet(space, form)
    order = epoch_order(jax.random.key(0), 0, len(train))
    task = task.with_options(ImageTraining(label_smoothing=0.0))
    losses = {}
    for precision in ("float32", "bfloat16"):
        training = supernet_training(build_training, supernet, task, precision)
        before = supernet.cut(training.state.params, training.state.stats, ARCH)
        state = training.step_fn(training.state, order)
        if (form, precision) != ("padded", "float32"):
            after = supernet.cut(state.params, state.stats, ARCH)
            expected = plain_gradient(before, train, task, order, jnp.dtype(precision))
            assert_step(before, after, expected, STEP_TOLERANCE[precision])
        state = training.step_fn(state, order, 3)
        losses[precision] = float(state.totals.loss)
        if precision == "bfloat16":
            assert_exact_state(state)
    assert losses["float32"] != losses["bfloat16"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=LOSS_TOLERANCE)


def assert_step(before, after, expected, tolerance):
    """Two networks differ by a step of SGD with this gradient, by its norm."""
    params = [copy(nnx.state(net, nnx.Param)) for net in (before, after)]
    found = jax.tree.map(lambda p, q: (p - q) / 0.1 - 0.1 * p, *params)
    pairs = list(zip(*map(jax.tree.leaves, (found, expected)), strict=True))
    away = np.concatenate([np.ravel(one - other) for one, other in pairs])
    whole = np.concatenate([np.ravel(other) for _, other in pairs])
    assert np.linalg.norm(away) < tolerance * np.linalg.norm(whole)
