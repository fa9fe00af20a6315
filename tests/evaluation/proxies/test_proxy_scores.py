"""Scores of a population in one call, on cells and on chains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.evaluation.proxies import PROXIES, proxy_scores
from qnas_jax.evaluation.proxies.network import ProxyNetwork
from qnas_jax.evaluation.proxies.scores import key_of_arch
from qnas_jax.nets import build_supernet, set_mode
from qnas_jax.spaces import CellSpace, Layer, NetworkSpace, fixed, op

EVERY = list(PROXIES)


@pytest.fixture(scope="module")
def cells():
    space = CellSpace("one", (4, 4, 2), 3, num_nodes=3, features=2, stages=1, cells=1)
    return build_supernet(space)


@pytest.fixture(scope="module")
def chain():
    """Two layers whose ops differ in size, kind and number of arrays."""
    first = (op("mb2", "mbconv", expansion=2), op("skip", "skip"))
    second = (op("conv", "conv", kernel=3), op("projection", "projection"))
    return build_supernet(
        NetworkSpace(
            name="two",
            stem=(fixed(2, 4, 1, "conv", kernel=3),),
            layers=(Layer(4, 4, 1, first), Layer(4, 6, 2, second)),
            head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
            input_shape=(4, 4, 2),
            num_classes=3,
        )
    )


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = jnp.float32(rng.standard_normal((4, 4, 4, 2)))
    return images, jnp.array([0, 1, 2, 1])


@pytest.mark.slow
def test_a_population_is_scored_as_each_alone(cells, batch):
    archs = np.array([[3, 2, 1], [4, 1, 3], [3, 3, 3]])
    key = jax.random.key(0)
    together = proxy_scores(cells, EVERY, archs, *batch, key)
    assert list(together) == EVERY
    backwards = proxy_scores(cells, EVERY, archs[::-1], *batch, key)
    other = proxy_scores(cells, EVERY, archs, *batch, jax.random.key(1))
    for name, scores in together.items():
        assert scores.shape == (3,) and scores.dtype == jnp.float32, name
        assert len(set(scores.tolist())) == 3, name
        np.testing.assert_array_equal(backwards[name], scores[::-1])
        assert (other[name] == scores).all() == bool(PROXIES[name].cost), name
    costs = cells.cost_table().cost(archs)
    np.testing.assert_array_equal(together["params"], costs["params"])
    np.testing.assert_array_equal(together["macs"], costs["macs"])


@pytest.mark.slow
def test_a_dead_network_never_wins(cells, batch):
    """Nothing leaves a cell of `none`; its twin of `skip_connect` is alive."""
    archs = np.array([[0] * 3, [1] * 3, [3] * 3])
    scores = proxy_scores(cells, EVERY, archs, *batch, jax.random.key(0))
    equal = {"params", "macs", "l2_norm", "plain"}
    for name, (dead, alive, _) in scores.items():
        assert not np.isnan([dead, alive]).any() and np.isfinite(alive), name
        assert name in equal or dead < alive, name
    assert scores["synflow"][0] == scores["zen"][0] == -np.inf


@nnx.jit
def loss_gradients(subnet, images, labels):
    def loss(subnet):
        logits = jax.nn.log_softmax(subnet(images))
        return -logits[jnp.arange(len(labels)), labels].mean()

    return nnx.grad(loss)(subnet)


def subnet_scores(subnet, images, labels):
    """Three scores of a network that is nothing but itself."""
    set_mode(subnet, "batch")
    values = dict(nnx.to_flat_state(nnx.state(subnet, nnx.Param)))
    gradients = nnx.to_flat_state(loss_gradients(subnet, images, labels))
    found = dict.fromkeys(("snip", "grad_norm", "l2_norm"), 0.0)
    for path, variable in gradients:
        weight, gradient = np.asarray(values[path][...]), np.asarray(variable[...])
        if path[-1] == "kernel":
            found["snip"] += np.abs(weight * gradient).sum()
            found["grad_norm"] += np.linalg.norm(gradient)
            found["l2_norm"] += np.linalg.norm(weight)
    return found


@pytest.mark.slow
def test_a_chain_against_the_subnet_cut_out(chain, batch):
    archs = np.array([[0, 0], [1, 1]])
    key = jax.random.key(3)
    names = ["snip", "grad_norm", "l2_norm", "params"]
    found = proxy_scores(chain, names, archs, *batch, key)
    weights_key, _ = jax.random.split(key)
    init = jax.jit(chain.init)
    for place, arch in enumerate(archs):
        plain_key, _ = jax.random.split(key_of_arch(weights_key, jnp.asarray(arch)))
        subnet = chain.cut(*init(plain_key), arch)
        want = subnet_scores(subnet, *batch)
        want["params"] = chain.cost_table().cost(arch)["params"]
        for name, value in want.items():
            assert float(found[name][place]) == pytest.approx(value, rel=1e-4), name


@pytest.fixture(scope="module")
def linear(chain):
    """Of the chain's ops skip and a strided projection, and the network cut out."""
    arch = jnp.array([1, 1])
    network = ProxyNetwork(chain)
    key = jax.random.key(5)
    path = jax.jit(network.path)(key, arch)
    return network, arch, path, chain.cut(*jax.jit(chain.init)(key), arch)


@pytest.mark.slow
def test_the_flow_and_the_spread_of_a_chain(linear, batch):
    """Without attention and cut-off, in float64 NumPy: three linear layers."""
    images, _ = batch
    network, arch, path, subnet = linear
    ones = jnp.ones((1, 4, 4, 2))
    magnitudes = jax.tree.map(jnp.abs, path)
    run = jax.jit(network.run, static_argnames="normalised")
    passed = run(magnitudes, arch, ones, normalised=False)
    kernels = {
        path[:-1]: np.abs(np.asarray(variable[...], np.float64))
        for path, variable in nnx.to_flat_state(nnx.state(subnet, nnx.Param))
        if path[-1] == "kernel"
    }
    stem, project, classify = (
        next(kernel for path, kernel in kernels.items() if path[0] == part)
        for part in ("stem", "layers", "head")
    )
    padded = np.pad(np.ones((4, 4, 2)), [(1, 1), (1, 1), (0, 0)])
    hidden = np.zeros((4, 4, 4))
    for y, x in np.ndindex(4, 4):
        hidden[y, x] = np.einsum("ijc,ijco->o", padded[y : y + 3, x : x + 3], stem)
    hidden = hidden[::2, ::2] @ project.reshape(4, 6)
    want = hidden.mean(axis=(0, 1)) @ classify
    logits = np.asarray(passed.logits, np.float64) * np.exp(float(passed.log_scale))
    np.testing.assert_allclose(logits[0], want, rtol=1e-3)

    set_mode(subnet, "batch")
    nnx.jit(lambda subnet, images: subnet(images))(subnet, images)
    variances = [
        np.asarray(variable[...]).mean()
        for path, variable in nnx.to_flat_state(nnx.state(subnet, nnx.BatchStat))
        if path[-1] == "var"
    ]
    assert len(variances) == 2
    spread = run(path, arch, images).log_spread
    np.testing.assert_allclose(spread, 0.5 * np.log(variances).sum(), rtol=1e-4)


def test_relus_of_a_chain_are_seen(linear, batch):
    """Their number, and the inputs of the only one of a chain of linear ops."""
    images, _ = batch
    network, arch, path, subnet = linear

    @jax.jit
    def watched(path, arch):
        def watch(values):
            return jnp.stack([jnp.ones(()), jnp.square(values).mean()])

        return network.run(path, arch, images, watch=watch).watched

    number, square = watched(path, arch)
    (stem,) = subnet.stem
    set_mode(stem, "batch")
    want = np.square(stem.norm(stem.conv(images))).mean()
    assert number == 1 and float(square) == pytest.approx(float(want), rel=1e-5)
    other = jnp.array([0, 0])
    path = jax.jit(network.path)(jax.random.key(5), other)
    # Stem; expand and depth-wise; convolution.
    assert watched(path, other)[0] == 1 + 2 + 1


def test_normal_weights_of_a_chain(chain):
    """Every kernel is drawn anew from normal(0, 1), scales and shifts are not."""
    network = ProxyNetwork(chain)
    arch = jnp.array([0, 0])

    @jax.jit
    def draw(key):
        plain = network.path(key, arch)
        normal = network.redraw(key, plain, arch)
        squares, ones = (
            network.layer_sums(jax.tree.map(function, path), arch)
            for function, path in ((jnp.square, normal), (jnp.ones_like, plain))
        )
        return plain, normal, squares, ones

    plain, normal, squares, ones = draw(jax.random.key(0))
    # By hand: stem; expand, depth-wise, project; convolution; classifier.
    by_hand = [72, 32, 72, 32, 216, 18]
    assert sorted(ones[ones > 0].tolist()) == sorted(by_hand)
    assert float(squares.sum()) == pytest.approx(sum(by_hand), rel=0.2)
    for before, after in zip(
        plain["params"]["layers"], normal["params"]["layers"], strict=True
    ):
        same = np.asarray(before == after)
        assert same.any() and not same.all()


@pytest.mark.parametrize(
    ("names", "images", "message"),
    [
        (["synflow", "magic"], (2, 4, 4, 2), "got synflow, magic, expected some of"),
        ([], (2, 4, 4, 2), "got none"),
        (["snip"], (2, 8, 8, 2), r"got \(2, 8, 8, 2\), expected \(N, 4, 4, 2\)"),
        (["snip"], (0, 4, 4, 2), "N >= 1"),
    ],
)
def test_bad_input_is_named(chain, names, images, message):
    labels = jnp.zeros(images[0], jnp.int32)
    with pytest.raises(ValueError, match=message):
        proxy_scores(
            chain, names, [[0, 0]], jnp.zeros(images), labels, jax.random.key(0)
        )


def test_each_architecture_has_its_own_key():
    """All 625 keys differ, also of architectures with the same ops in another order."""
    archs = jnp.stack(jnp.unravel_index(jnp.arange(625), (5, 5, 5, 5)), axis=1)
    keys = jax.vmap(lambda arch: key_of_arch(jax.random.key(0), arch))(archs)
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == 625


def test_the_registry_says_what_it_needs():
    for name, proxy in PROXIES.items():
        assert proxy.name == name and proxy.paper and proxy.summary
        assert (proxy.score is None) == bool(proxy.cost)
