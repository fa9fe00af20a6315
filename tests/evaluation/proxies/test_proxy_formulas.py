"""Every proxy by hand on a network of two layers, and against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plain_cell_network import Plain, arrays_of

from qnas_jax.evaluation.proxies import PROXIES
from qnas_jax.evaluation.proxies.jacobian import correlation
from qnas_jax.evaluation.proxies.network import Measured, ProxyNetwork
from qnas_jax.evaluation.proxies.subject import Subject, agreement
from qnas_jax.nets import build_supernet, put_path
from qnas_jax.spaces import CellSpace

MEASURED = [name for name, proxy in PROXIES.items() if proxy.score is not None]


class TwoLayers:
    """Logits relu(x A) B, whatever the architecture."""

    def run(self, weights, arch, images, *, normalised=True, watch=None):
        hidden = images.reshape(len(images), 2) @ weights[0]
        features = jax.nn.relu(hidden)
        watched = None if watch is None else watch(hidden)
        spread = 0.5 if normalised else 0.0
        return Measured(features @ weights[1], features, watched, spread, 0.0)

    def layer_sums(self, values, arch):
        return jnp.stack([value.sum() for value in values])


def test_by_hand():
    """A = B = identity, images (1, 0) of class 0 and (0, 1) of class 1.

    The loss gradient to the logits of the first is (-q, q) / 2, q = 1 / (1 + e); one
    ReLU of each image is open.
    """
    eye = jnp.eye(2)
    images = eye.reshape(2, 1, 1, 2)
    # (1, 1) and (1, 1) + 0.01 (1, -1), through 2 A: features move by 0.02 and 0.02.
    noise = jnp.ones_like(images), jnp.array([1.0, -1.0] * 2).reshape(images.shape)
    labels = jnp.array([0, 1])

    @jax.jit
    def scores(arch):
        subject = Subject(
            TwoLayers(),
            arch,
            (eye, eye),
            images,
            labels,
            normal_weights=(2 * eye, eye),
            noise=noise,
        )
        return {name: PROXIES[name].score(subject) for name in MEASURED}

    q, k = 1 / (1 + np.e), 1e-5
    want = {
        # Each of the layers carries the whole flow, the two logits of ones.
        "synflow": np.log(2 + 2),
        "snip": q + q,
        "grad_norm": q + q / 2**0.5,
        "plain": -q - q,
        # The image gradients (1, 0) and (0, 1) have correlation -1.
        "jacob_cov": -(np.log(2 + k) + 1 / (2 + k) + np.log(k) + 1 / k),
        # No ReLU is open for both images: K = 2 I.
        "nwot": np.log(4),
        "zen": np.log(0.04) + 0.5,
        "l2_norm": 2 * 2**0.5,
    }
    assert set(want) == set(MEASURED)
    found = scores(jnp.array([1.0]))
    for name, value in want.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-5), name


def test_agreement_by_hand():
    values = jnp.array([[1.0, -1, 2, 0], [3, 1, 1, -1], [-1, -2, -3, -4]])
    np.testing.assert_array_equal(agreement(values), [[4, 3, 2], [3, 4, 1], [2, 1, 4]])


def test_correlation_against_numpy():
    rows = np.random.default_rng(0).standard_normal((4, 9))
    found = correlation(jnp.float32(rows))
    np.testing.assert_allclose(found, np.corrcoef(rows), atol=1e-6)
    rows[1] = 2.0
    found = correlation(jnp.float32(rows))
    np.testing.assert_array_equal(found[1], 1)


def slopes(function, array):
    """Central differences of a function of an array, float64."""
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        before = array[place]
        values = []
        for step in (1e-5, -1e-5):
            array[place] = before + step
            values.append(function())
        array[place] = before
        gradient[place] = (values[0] - values[1]) / 2e-5
    return gradient


class Reference:
    """All proxies of a cell network from `Plain` and finite differences."""

    def __init__(self, arrays, normal_arrays, arch, images, labels, noise):
        """The arrays are those of one network that was cut out, by name."""
        self.arrays, self.normal_arrays = arrays, normal_arrays
        self.arch, self.images, self.labels = arch, images.copy(), labels
        self.noise = noise

    def plain(self, arrays, mode="batch"):
        return Plain(arrays, self.arch, cells=1, mode=mode)

    @staticmethod
    def layers(arrays):
        """The weights of each convolution and the linear layer, as views."""
        return [array for name, array in arrays.items() if name.endswith("kernel")]

    def loss(self):
        logits = self.plain(self.arrays).run(self.images)
        logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -logits[np.arange(len(self.labels)), self.labels].mean()

    def by_gradients(self):
        found = dict.fromkeys(("snip", "grad_norm", "plain", "l2_norm"), 0.0)
        for layer in self.layers(self.arrays):
            gradient = slopes(self.loss, layer)
            found["snip"] += np.abs(layer * gradient).sum()
            found["grad_norm"] += np.linalg.norm(gradient)
            found["plain"] += (layer * gradient).sum()
            found["l2_norm"] += np.linalg.norm(layer)
        return found

    def synflow(self):
        arrays = {name: np.abs(array) for name, array in self.arrays.items()}
        ones = np.ones((1, *self.images.shape[1:]))

        def flow():
            return self.plain(arrays, mode=None).run(ones).sum()

        return np.log(
            sum((layer * slopes(flow, layer)).sum() for layer in self.layers(arrays))
        )

    def jacob_cov(self):
        def logits():
            return self.plain(self.arrays).run(self.images).sum()

        rows = slopes(logits, self.images).reshape(len(self.images), -1)
        values = np.linalg.eigvals(np.corrcoef(rows)).real + 1e-5
        return -np.sum(np.log(values) + 1 / values)

    def nwot(self):
        plain = self.plain(self.arrays)
        plain.run(self.images)
        codes = np.concatenate(
            [values.reshape(len(self.images), -1) > 0 for values in plain.relus], axis=1
        )
        hamming = (codes[:, None] != codes[None]).sum(axis=2)
        return np.log(np.linalg.det(codes.shape[1] - hamming))

    def zen(self):
        first, second = (self.plain(self.normal_arrays) for _ in range(2))
        start, step = self.noise
        first.run(start)
        second.run(start + 0.01 * step)
        difference = np.abs(first.features - second.features).sum() / len(start)
        return np.log(difference) + sum(first.spreads)


def cut(network, path, arch):
    """The arrays of one path, by name."""
    shapes = jax.eval_shape(network.supernet.init, jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    index = jnp.asarray(arch)
    params, stats = zeros
    params = put_path(params, index, path["params"])
    stats = put_path(stats, index, path["stats"])
    return arrays_of(network.supernet.cut(params, stats, arch))


@pytest.mark.slow
def test_against_finite_differences():
    space = CellSpace("one", (4, 4, 2), 3, num_nodes=3, features=2, stages=1, cells=1)
    network = ProxyNetwork(build_supernet(space))
    draw, redraw = jax.jit(network.path), jax.jit(network.redraw)
    rng = np.random.default_rng(2)
    images = rng.standard_normal((4, 4, 4, 2))
    noise = tuple(rng.standard_normal((2, *images.shape)))
    labels = np.array([0, 2, 1, 2])

    @jax.jit
    def scores(arch, weights, normal, images, noise):
        subject = Subject(
            network,
            arch,
            weights,
            images,
            jnp.asarray(labels),
            normal_weights=normal,
            noise=noise,
        )
        return {name: PROXIES[name].score(subject) for name in MEASURED}

    single = [jnp.float32(images), tuple(jnp.float32(each) for each in noise)]
    for arch in ((3, 2, 3), (2, 4, 1)):
        index = jnp.asarray(arch)
        weights = draw(jax.random.key(0), index)
        normal = redraw(jax.random.key(1), weights, index)
        found = scores(index, weights, normal, *single)
        arrays, normal_arrays = (cut(network, w, arch) for w in (weights, normal))
        reference = Reference(arrays, normal_arrays, arch, images, labels, noise)
        want = reference.by_gradients() | {
            name: getattr(reference, name)()
            for name in ("synflow", "jacob_cov", "nwot", "zen")
        }
        assert set(want) == set(found)
        for name, value in want.items():
            got = float(found[name])
            assert got == pytest.approx(value, rel=2e-3, abs=2e-4), (arch, name)


def test_the_flow_does_not_overflow():
    """Fifty cells of 3 x 3 convolutions carry more than float32 can say."""
    space = CellSpace("deep", (4, 4, 3), 3, num_nodes=3, features=4, stages=1, cells=50)
    network = ProxyNetwork(build_supernet(space))
    arch, images = (3,) * 3, jnp.ones((1, 4, 4, 3))
    weights = jax.jit(network.path)(jax.random.key(0), jnp.asarray(arch))

    @jax.jit
    def score(arch):
        subject = Subject(network, arch, weights, images, jnp.array([0]))
        return PROXIES["synflow"].score(subject)

    found = float(score(jnp.asarray(arch)))
    arrays = {
        name: np.abs(array) for name, array in cut(network, weights, arch).items()
    }
    flow = Plain(arrays, arch, 50, mode=None).run(np.asarray(images)).sum()
    # Each weight's share of the flow is at most all of it; some layers carry all.
    layers = 2 + 50 * 3
    assert flow > 1e38
    assert np.log(2 * flow) < found < np.log(layers * flow)


def test_a_pass_against_the_plain_network():
    """Two stages: logits, features, ReLUs and spreads; also without normalisation."""
    space = CellSpace("two", (4, 6, 2), 3, features=2, stages=2, cells=2)
    network = ProxyNetwork(build_supernet(space))
    images = np.random.default_rng(0).standard_normal((3, 4, 6, 2))
    archs = [(3, 1, 2, 4, 3, 2), (0, 3, 1, 1, 0, 4), (0,) * 6]
    # In the small values that stay in range without normalisation a bias drowns them.
    (named,) = network.supernet.row_arrays("params")["fixed"][-1]
    bias = next(array for array in named if array.name.endswith("bias"))

    @jax.jit
    def draw(arch):
        path = network.path(jax.random.key(0), arch)
        path = network.redraw(jax.random.key(1), path, arch)
        row = path["params"]["fixed"][-1]
        path["params"]["fixed"][-1] = row.at[bias.start : bias.start + 3].set(0)
        return path

    @jax.jit
    def passes(path, arch):
        batch = jnp.float32(images)
        normalised = network.run(
            path, arch, batch, watch=lambda values: values.mean()[None]
        )
        return normalised, network.run(path, arch, batch, normalised=False)

    for arch in archs:
        index = jnp.asarray(arch)
        path = draw(index)
        found, bare = passes(path, index)
        arrays = cut(network, path, arch)
        plain = Plain(arrays, arch, cells=2)
        logits = plain.run(images)
        for name, want in (
            ("logits", logits),
            ("features", plain.features),
            ("watched", [sum(values.mean() for values in plain.relus)]),
            ("log_spread", sum(plain.spreads)),
            ("log_scale", 0.0),
        ):
            got = np.asarray(getattr(found, name))
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-4, err_msg=name)
        want = Plain(arrays, arch, cells=2, mode=None).run(images)
        got = bare.logits * jnp.exp(bare.log_scale)
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4 * np.abs(want).max())
