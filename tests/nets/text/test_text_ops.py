"""Every op for text against the same arithmetic in NumPy, and its counted costs."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import special

from qnas_jax.errors import UserError
from qnas_jax.kernels import force_implementation
from qnas_jax.nets import build_op, build_supernet
from qnas_jax.nets.text import TEXT_OPS
from qnas_jax.nets.text.layers import positions
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op

WORDS = np.array([5, 7, 1])  # of each sentence, of 7 places
LENGTH = 7


class Arithmetic:
    """The ops of one sentence [T, C], all of its words there, in float64."""

    def __init__(self, arrays):
        self.arrays = arrays

    def __getitem__(self, name):
        array = self.arrays[name]
        return array[0] if array.ndim == 3 and array.shape[0] == 1 else array

    def norm(self, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * self["norm.scale"] + self["norm.bias"]

    def text_conv(self, x, kernel=3, causal=False):
        sides = (kernel - 1, 0) if causal else (kernel // 2,) * 2
        around = np.pad(x, (sides, (0, 0)))
        taps = self["conv.kernel"]
        steps = range(len(x))
        out = [sum(around[t + tap] @ taps[tap] for tap in range(kernel)) for t in steps]
        return np.maximum(out, 0) @ self["project.kernel"]

    def text_recurrence(self, x, backwards=False):
        gate = special.expit(x @ self["unit.gate.kernel"] + self["unit.gate_bias"])
        new = x @ self["unit.candidate.kernel"] + self["unit.candidate_bias"]
        state, states = np.zeros(x.shape[1]), np.zeros_like(x)
        for t in reversed(range(len(x))) if backwards else range(len(x)):
            state = states[t] = (1 - gate[t]) * state + gate[t] * new[t]
        return states

    def text_attention(self, x, heads=1, causal=False):
        q, k, v = (x @ self[f"attention.{n}.kernel"] for n in ("query", "key", "value"))
        size = q.shape[1] // heads
        mixed = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            logits = q[:, own] @ k[:, own].T / np.sqrt(size)
            if causal:
                logits[np.triu_indices(len(x), 1)] = -np.inf
            mixed.append(special.softmax(logits, axis=-1) @ v[:, own])
        return np.concatenate(mixed, -1) @ self["attention.project.kernel"]

    def text_feed_forward(self, x, expansion=2):
        wide = x @ self["expand.kernel"] + self["expand_bias"]
        return np.maximum(wide, 0) @ self["project.kernel"]


def layer(kind, features=4, **options):
    return Layer(features + 1, features + 1, 1, (op("x", kind, **options),))


# With the parameters and multiply-accumulates of a sentence of 7 words, by hand.
CASES = {
    "conv": (layer("text_conv", kernel=5), 8 + 5 * 16 + 16, 7 * (5 * 16 + 16)),
    "causal_conv": (
        layer("text_conv", kernel=4, causal=True),
        8 + 4 * 16 + 16,
        7 * (4 * 16 + 16),
    ),
    "recurrence": (layer("text_recurrence"), 8 + 2 * (16 + 4), 7 * 32),
    "backwards": (layer("text_recurrence", backwards=True), 8 + 40, 7 * 32),
    # The products of queries with keys, and of weights with values: 7 x 7 x 6 each.
    "attention": (layer("text_attention", 5), 10 + 120, 7 * 120 + 2 * 7 * 7 * 6),
    "heads": (
        layer("text_attention", 5, heads=3),
        10 + 120,
        7 * 120 + 2 * 7 * 7 * 6,
    ),
    "causal_heads": (
        layer("text_attention", 5, heads=2, causal=True),
        10 + 120,
        7 * 120 + 2 * 7 * 7 * 6,
    ),
    "feed_forward": (
        layer("text_feed_forward", expansion=3),
        8 + 48 + 12 + 48,
        7 * 96,
    ),
    "skip": (layer("text_skip"), 0, 0),
}
# Of `test_text_heads` and `test_lstm` the last three.
OTHERS = {"text_embedding", "text_average", "text_pool", "text_logits", "text_lstm"}


def sentences(features, seed=2):
    """Values [3, T, C + 1] with zeros behind the end, and the mask."""
    rng = np.random.default_rng(seed)
    there = np.arange(LENGTH) < WORDS[:, None]
    values = rng.standard_normal((3, LENGTH, features)) * there[..., None]
    return np.concatenate([values, there[..., None]], -1).astype(np.float32)


def test_every_op_has_a_case():
    kinds = {each.ops[0].kind for each, *_ in CASES.values()}
    assert kinds | OTHERS == set(TEXT_OPS)


@pytest.mark.parametrize("name", CASES)
def test_op(name, randomise, arrays_of):
    own, *_ = CASES[name]
    spec = own.ops[0]
    module = build_op(own, 0, nnx.Rngs(0))
    nnx.update(module, randomise(nnx.state(module)))
    arithmetic = Arithmetic(arrays_of(module))
    values = sentences(own.in_features - 1)
    wanted = values.astype(np.float64)
    if spec.kind != "text_skip":
        for sentence, words in zip(wanted, WORDS, strict=True):
            x = sentence[:words, :-1]
            change = getattr(arithmetic, spec.kind)
            x += change(arithmetic.norm(x), **dict(spec.options))
    output = module(jnp.asarray(values))
    assert output.shape == values.shape and output.dtype == jnp.float32
    np.testing.assert_allclose(output, wanted, rtol=2e-4, atol=2e-5)
    # What lies behind the end changes nothing, whatever it is and how long.
    longer = np.pad(values, ((0, 0), (0, 2), (0, 0)))
    longer[..., :-1] += 9 * (longer[..., -1:] == 0)
    np.testing.assert_allclose(
        np.asarray(module(jnp.asarray(longer)))[:, :LENGTH][values[..., -1] > 0],
        np.asarray(output)[values[..., -1] > 0],
        rtol=2e-5,
        atol=2e-6,
    )


@pytest.mark.parametrize("name", ["causal_conv", "causal_heads", "recurrence"])
def test_a_later_word_never_moves_an_earlier_one(name, randomise):
    own, *_ = CASES[name]
    module = build_op(own, 0, nnx.Rngs(0))
    nnx.update(module, randomise(nnx.state(module)))
    values = sentences(own.in_features - 1)
    changed = values.copy()
    changed[1, 4:, :-1] += np.random.default_rng(5).standard_normal((3, 1))
    before, after = (
        np.asarray(module(jnp.asarray(each)))[1] for each in (values, changed)
    )
    np.testing.assert_array_equal(before[:4], after[:4])
    assert (np.abs(before[4:] - after[4:]).max(-1) > 1e-3).all()


def test_words_are_looked_up_exactly_in_either_precision():
    numbers = np.array([[2, 257, 65_535, 0], [1, 65_534, 0, 0]])
    make = TEXT_OPS["text_embedding"]
    module = make(2, 4, 1, words=65_536, rngs=nnx.Rngs(0))
    table = np.arange(65_536, dtype=np.float32)[:, None] * [1, -1, 0.5]
    module.table[...] = jnp.asarray(table, jnp.float32)
    digits = jnp.asarray(np.stack(np.divmod(numbers, 256), -1))
    waves = 0.03 * np.array([[0, 0, 1], [np.sin(1), np.sin(1e-4), np.cos(1)]])
    for dtype in (jnp.float32, jnp.bfloat16):
        found = np.asarray(module(digits.astype(dtype)).astype(jnp.float32))
        np.testing.assert_array_equal(found[..., 3], numbers > 0)
        assert not found[numbers == 0].any()
        wanted = table[numbers[:, :2]] + waves
        np.testing.assert_allclose(found[:, :2, :3], wanted, rtol=2**-8, atol=1e-6)
    assert not np.asarray(module(jnp.zeros((1, 2, 2)))).any()
    module = make(2, 4, 1, words=3, rngs=nnx.Rngs(0))
    last, beyond = module(jnp.float32([[[0, 2]], [[1, 2]]]))
    np.testing.assert_array_equal(last, beyond)


def test_places_by_hand():
    np.testing.assert_allclose(
        positions(3, 4)[2], [np.sin(2), np.sin(2e-4), np.cos(2), np.cos(2e-4)]
    )
    assert positions(5, 3).shape == (5, 3) and positions(1, 1).tolist() == [[0]]


def test_mean_of_the_words_that_are_there(randomise, arrays_of):
    module = TEXT_OPS["text_average"](5, 5, 1, rngs=nnx.Rngs(0))
    nnx.update(module, randomise(nnx.state(module)))
    arithmetic = Arithmetic(arrays_of(module))
    values = sentences(4)
    wanted = [
        [*arithmetic.norm(sentence[:words, :-1].astype(np.float64)).mean(0), 1]
        for sentence, words in zip(values, WORDS, strict=True)
    ]
    np.testing.assert_allclose(module(jnp.asarray(values)), wanted, atol=2e-6)
    assert not np.asarray(module(jnp.zeros((1, 3, 5)))).any()


def test_costs_by_hand():
    """Of each op, between a stem and a head that are counted too."""
    for name, (own, params, macs) in CASES.items():
        width = own.out_features
        space = NetworkSpace(
            name=name,
            layers=(own,),
            stem=(fixed(2, width, 1, "text_embedding", words=10),),
            head=(
                fixed(width, width, 1, "text_average"),
                fixed(width, 3, 1, "classifier"),
            ),
            input_shape=(LENGTH, 2),
            num_classes=3,
        )
        with force_implementation("reference"):
            costs = build_supernet(space).cost_table().cost(np.zeros((1, 1), int))
        around = (10 + 2) * (width - 1) + width * 3 + 3
        assert costs["params"][0] - around == params, name
        assert costs["macs"][0] - width * 3 == macs, name


@pytest.mark.parametrize(
    ("sizes", "kind", "options", "message"),
    [
        ((5, 6, 1), "text_conv", {}, "got 5 -> 6 features with stride 1, expected the"),
        ((5, 5, 2), "text_recurrence", {}, "stride 2, expected the same number, and 1"),
        ((5, 5, 2), "text_skip", {}, "text_skip: got 5 -> 5 features with stride 2"),
        ((5, 5, 1), "text_attention", {"heads": 3}, "got 3 heads of 5 channels, expe"),
        ((1, 5, 1), "text_embedding", {"words": 3}, "got 1 features and stride 1, exp"),
        ((5, 4, 1), "text_average", {}, "got 5 -> 4 features, expected the same"),
    ],
)
def test_what_does_not_fit_is_one_line(sizes, kind, options, message):
    with pytest.raises(UserError, match=message) as caught:
        build_op(Layer(*sizes, (op("x", kind, **options),)), 0, nnx.Rngs(0))
    assert "\n" not in str(caught.value)
