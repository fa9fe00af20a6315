"""Scores of a population in one call, on cells and on chains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.evaluation.proxies import PROXIES, ChainNetwork, proxy_scores
from qnas_jax.nets import CellNetwork, cost_table, set_mode
from qnas_jax.spaces import CellSpace, Layer, NetworkSpace, fixed, op

CHEAP = ["snip", "synflow", "nwot", "params", "flops"]


@pytest.fixture(scope="module")
def cells():
    return CellNetwork(CellSpace("two", (4, 4, 2), 3, features=2, stages=2, cells=1))


@pytest.fixture(scope="module")
def chain():
    """Two layers whose ops differ in size, kind and number of arrays."""
    first = (op("mb2", "mbconv", expansion=2), op("skip", "skip"))
    second = (
        op("mb1_se", "mbconv", kernel=5, expansion=1, attention="se"),
        op("projection", "projection"),
    )
    return ChainNetwork(
        NetworkSpace(
            name="two",
            stem=(fixed(2, 4, 1, "conv", kernel=3),),
            layers=(Layer(4, 4, 1, first), Layer(4, 6, 2, second)),
            head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
            image_shape=(4, 4, 2),
            num_classes=3,
        )
    )


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = jnp.float32(rng.standard_normal((4, 4, 4, 2)))
    return images, jnp.array([0, 1, 2, 1])


def test_a_population_is_scored_as_each_alone(cells, batch):
    archs = np.random.default_rng(1).integers(0, 5, (3, 6))
    key = jax.random.key(0)
    together = proxy_scores(cells, CHEAP, archs, *batch, key)
    assert list(together) == CHEAP
    for name, scores in together.items():
        assert scores.shape == (3,) and scores.dtype == jnp.float32, name
    backwards = proxy_scores(cells, CHEAP, archs[::-1], *batch, key)
    for name in CHEAP:
        np.testing.assert_array_equal(backwards[name], together[name][::-1])
    other = proxy_scores(cells, CHEAP, archs, *batch, jax.random.key(1))
    assert (other["snip"] != together["snip"]).all()
    costs = cells.cost_table().cost(archs)
    np.testing.assert_array_equal(together["params"], costs["params"])
    np.testing.assert_array_equal(together["flops"], costs["macs"])


@pytest.mark.slow
def test_a_dead_network_never_wins(cells, batch):
    """Nothing leaves a cell of `none`; its twin of `skip_connect` is alive."""
    archs = np.array([[0] * 6, [1] * 6])
    scores = proxy_scores(cells, list(PROXIES), archs, *batch, jax.random.key(0))
    equal = {"params", "flops", "l2_norm", "plain"}
    for name, (dead, alive) in scores.items():
        assert not np.isnan([dead, alive]).any() and np.isfinite(alive), name
        assert name in equal or dead < alive, name
    assert scores["synflow"][0] == scores["zen"][0] == -np.inf


def subnet_scores(chain, key, arch, images, labels):
    """snip, grad_norm, jacob_cov's rows and BN spreads of the network cut out."""
    weights = chain.init(jax.random.split(key, 3)[0])
    subnet = chain._supernet.cut(weights["params"], weights["stats"], arch)
    set_mode(subnet, "batch")

    def loss(subnet, images):
        logits = jax.nn.log_softmax(subnet(images))
        return -logits[jnp.arange(len(labels)), labels].mean()

    gradients = nnx.to_flat_state(nnx.grad(loss)(subnet, images))
    values = dict(nnx.to_flat_state(nnx.state(subnet, nnx.Param)))
    snip = grad_norm = l2_norm = 0.0
    for path, gradient in gradients:
        weight, gradient = np.asarray(values[path][...]), np.asarray(gradient[...])
        if path[-1] == "kernel":
            snip += np.abs(weight * gradient).sum()
            grad_norm += np.linalg.norm(gradient)
            l2_norm += np.linalg.norm(weight)
    return {"snip": snip, "grad_norm": grad_norm, "l2_norm": l2_norm}


@pytest.mark.slow
def test_a_chain_against_the_subnet_cut_out(chain, batch):
    archs = np.array([[0, 0], [1, 1], [0, 1]])
    key = jax.random.key(3)
    names = ["snip", "grad_norm", "l2_norm", "params"]
    found = proxy_scores(chain, names, archs, *batch, key)
    for place, arch in enumerate(archs):
        want = subnet_scores(chain, key, arch, *batch)
        want["params"] = cost_table(chain.space).cost(arch)["params"]
        for name, value in want.items():
            assert float(found[name][place]) == pytest.approx(value, rel=1e-4), name


@pytest.mark.slow
def test_the_flow_and_the_spread_of_a_chain(chain, batch):
    """Without attention and cut-off, in float64 NumPy: three linear layers."""
    images, _ = batch
    key = jax.random.key(5)
    arch = jnp.array([1, 1])  # skip, then a strided point-wise projection
    weights = chain.path(chain.init(key), arch)
    ones = jnp.ones((1, 4, 4, 2))
    magnitudes = jax.tree.map(jnp.abs, weights)
    passed = chain.run(magnitudes, arch, ones, normalised=False)

    subnet = chain._supernet.cut(
        *(chain.init(key)[kind] for kind in ("params", "stats")), arch
    )
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
    subnet(images)
    variances = [
        np.asarray(variable[...]).mean()
        for path, variable in nnx.to_flat_state(nnx.state(subnet, nnx.BatchStat))
        if path[-1] == "var"
    ]
    assert len(variances) == 2
    spread = chain.run(weights, arch, images).log_spread
    np.testing.assert_allclose(spread, 0.5 * np.log(variances).sum(), rtol=1e-4)


def test_normal_weights_of_a_chain(chain):
    """Every kernel is drawn anew from normal(0, 1), scales and shifts are not."""
    plain, normal = (chain.init(jax.random.key(0), normal=n) for n in (False, True))
    arch = jnp.array([0, 0])
    sums = chain.layer_sums(jax.tree.map(jnp.square, chain.path(normal, arch)), arch)
    counts = chain.layer_sums(
        jax.tree.map(jnp.ones_like, chain.path(plain, arch)), arch
    )
    sums, counts = np.asarray(sums), np.asarray(counts)
    # By hand: stem; expand, depth-wise, project; depth-wise, attention, project; head.
    by_hand = [72, 32, 72, 32, 100, 4, 4, 24, 18]
    assert sorted(counts[counts > 0]) == sorted(by_hand)
    assert sums.sum() == pytest.approx(sum(by_hand), rel=0.2)
    for before, after in zip(plain["params"]["layers"], normal["params"]["layers"]):
        same = np.asarray(before == after)
        assert same.any() and not same.all()


@pytest.mark.parametrize(
    ("names", "images", "message"),
    [
        (["synflow", "magic"], (2, 4, 4, 2), "got synflow, magic, expected some of"),
        ([], (2, 4, 4, 2), "got none"),
        (["snip", "nwot"], (2, 4, 4, 2), "got nwot, which look at ReLUs"),
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


def test_the_registry_says_what_it_needs():
    for name, proxy in PROXIES.items():
        assert proxy.name == name and proxy.paper and proxy.summary
        assert (proxy.score is None) == bool(proxy.cost)
