"""Which proxies are for networks that look words up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation.proxies import PROXIES, proxy_scores
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import NetworkSpace, chain, fixed, op

OPS = (op("ff", "text_feed_forward"), op("skip", "text_skip"))
NUMBERS = np.array([[3, 7, 0], [5, 0, 0], [2, 2, 9]])


@pytest.fixture(scope="module")
def supernet():
    return build_supernet(
        NetworkSpace(
            name="few",
            layers=chain(6, [(6, 1)], OPS),
            stem=(fixed(2, 6, 1, "text_embedding", words=10),),
            head=(fixed(6, 6, 1, "text_average"), fixed(6, 2, 1, "classifier")),
            input_shape=(3, 2),
            num_classes=2,
        )
    )


def scores(supernet, names):
    inputs = jnp.asarray(np.stack(np.divmod(NUMBERS, 256), -1), jnp.float32)
    archs, labels = np.array([[0], [1]]), jnp.array([0, 1, 1])
    return proxy_scores(supernet, names, archs, inputs, labels, jax.random.key(0))


def test_those_that_take_inputs_for_quantities_are_refused(supernet):
    wrong = [name for name, proxy in PROXIES.items() if proxy.quantities]
    assert sorted(wrong) == ["jacob_cov", "synflow", "zen"]
    for name in wrong:
        with pytest.raises(
            UserError, match=f"proxies: got {name}, expected some of snip, .* of words"
        ):
            scores(supernet, ["params", name])


def test_the_others_tell_a_network_from_one_without_layers(supernet):
    names = [name for name, proxy in PROXIES.items() if not proxy.quantities]
    found = scores(supernet, [name for name in names if name != "nwot"])
    fixed_ones = 10 * 5 + 2 * 5 + 6 * 2 + 2  # words, normalisation, classifier
    layer = 2 * 5 + 5 * 10 + 10 + 10 * 5
    assert found["params"].tolist() == [fixed_ones + layer, fixed_ones]
    for name in ("snip", "grad_norm", "plain"):
        assert np.isfinite(found[name]).all() and np.ptp(found[name]) > 0, name
