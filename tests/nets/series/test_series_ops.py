"""Every op for series against the same arithmetic in NumPy, and its counted costs."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import special

from qnas_jax.kernels import force_implementation
from qnas_jax.nets import MODES, build_op, build_supernet, set_mode
from qnas_jax.nets.series import SERIES_OPS
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op

LENGTH = 9


class Arithmetic:
    """The ops of `SERIES_OPS` in float64; `new` holds the statistics afterwards."""

    def __init__(self, arrays, mode):
        self.arrays, self.mode, self.new = arrays, mode, {}

    def __getitem__(self, name):
        return self.arrays[name]

    def has(self, name):
        return any(key.startswith(f"{name}.") for key in self.arrays)

    def norm(self, name, values):
        mean, var = values.mean((0, 1)), values.var((0, 1))
        old = self[f"{name}.mean"], self[f"{name}.var"]
        keep = {"train": 0.9, "running": 1.0, "batch": 0.0}[self.mode]
        self.new[f"{name}.mean"] = keep * old[0] + (1 - keep) * mean
        self.new[f"{name}.var"] = keep * old[1] + (1 - keep) * var
        if self.mode == "running":
            mean, var = old
        scaled = (values - mean) / np.sqrt(var + 1e-5)
        return scaled * self[f"{name}.scale"] + self[f"{name}.bias"]

    def point(self, name, values):
        return values @ self[f"{name}.kernel"][0]

    def conv(self, kernel, values, stride, dilation=1):
        """[k, C_in, C_out], or [k, 1, C] with a channel each."""
        steps = range(0, values.shape[1], stride)
        out = []
        for step in steps:
            total = 0.0
            for tap, matrix in enumerate(kernel):
                seen = step + (tap - (len(kernel) - 1) // 2) * dilation
                if 0 <= seen < values.shape[1]:
                    own = values[:, seen]
                    full = matrix.shape[0] == own.shape[1] != 1
                    total = total + (own @ matrix if full else own * matrix[0])
            out.append(total)
        return np.stack(out, axis=1)

    def window(self, values, size, stride, what):
        half = size // 2
        steps = range(0, values.shape[1], stride)
        return np.stack(
            [what(values[:, max(s - half, 0) : s + half + 1], axis=1) for s in steps],
            axis=1,
        )

    def projected(self, values):
        if not self.has("project"):
            return values
        return self.norm("project.layers.1", self.point("project.layers.0", values))

    def series_conv(self, x, stride, dilation=1, activation="relu"):
        x = self.norm("norm", self.conv(self["conv.kernel"], x, stride, dilation))
        return np.maximum(x, 0) if activation == "relu" else x

    def series_separable(self, x, stride, dilation=1, **_):
        hidden = x
        if self.has("expand"):
            hidden = self.norm("expand_norm", self.point("expand", hidden))
            hidden = np.maximum(hidden, 0)
        hidden = self.conv(self["depthwise.kernel"], hidden, stride, dilation)
        hidden = np.maximum(self.norm("depthwise_norm", hidden), 0)
        if self.has("attention"):
            mean = hidden.mean(1, keepdims=True)
            mean = (
                self.point("attention.squeeze", mean) + self["attention.squeeze_bias"]
            )
            mean = self.point("attention.excite", np.maximum(mean, 0))
            gate = np.clip((mean + self["attention.excite_bias"] + 3) / 6, 0, 1)
            hidden = hidden * gate
        out = self.norm("project_norm", self.point("project", hidden))
        return x + out if out.shape == x.shape else out

    def series_inception(self, x, stride):
        narrow = self.point("bottleneck", x) if self.has("bottleneck") else x
        branches = [
            self.conv(self[f"convs.{i}.kernel"], narrow, stride) for i in range(3)
        ]
        largest = self.window(x, 3, stride, np.max)
        branches.append(self.point("pooled", largest))
        return np.maximum(self.norm("norm", np.concatenate(branches, -1)), 0)

    def series_residual(self, x, stride):
        values = x
        for i in range(3):
            values = self.conv(self[f"convs.{i}.kernel"], values, stride)
            values = self.norm(f"norms.{i}", values)
            values = np.maximum(values, 0) if i < 2 else values
        passed = self.point("shortcut", x) if self.has("shortcut") else x
        return np.maximum(values + self.norm("shortcut_norm", passed), 0)

    def series_inception_residual(self, x, stride):
        values = x
        for i in range(3):
            start = f"modules.{i}."
            own = {
                name.removeprefix(start): array
                for name, array in self.arrays.items()
                if name.startswith(start)
            }
            module = Arithmetic(own, self.mode)
            values = module.series_inception(values, stride)
            self.new |= {start + name: new for name, new in module.new.items()}
        passed = self.norm("shortcut_norm", self.point("shortcut", x))
        return np.maximum(values + passed, 0)

    def series_pool(self, x, stride, pooling="average"):
        what = np.max if pooling == "max" else np.mean
        return self.projected(self.window(x, self.size, stride, what))

    def series_recurrence(self, x, stride, backwards=False):
        gate = special.expit(self.point("unit.gate", x) + self["unit.gate_bias"])
        new = self.point("unit.candidate", x) + self["unit.candidate_bias"]
        state, states = np.zeros_like(new[:, 0]), np.zeros_like(new)
        times = range(x.shape[1])
        for t in reversed(times) if backwards else times:
            state = (1 - gate[:, t]) * state + gate[:, t] * new[:, t]
            states[:, t] = state
        out = self.norm("norm", states[:, ::stride])
        return x + out if out.shape == x.shape else out

    def series_skip(self, x, stride):
        return self.projected(x[:, ::stride])


def layer(in_features, out_features, stride, kind, **options):
    return Layer(in_features, out_features, stride, (op("x", kind, **options),))


# With the parameters and multiply-accumulates of one series of 9 steps, by hand.
CASES = {
    "conv": (layer(3, 5, 1, "series_conv", kernel=5), 75 + 10, 9 * 75),
    "conv_s2": (layer(3, 4, 2, "series_conv", dilation=3), 36 + 8, 5 * 36),
    "conv_linear": (
        layer(3, 2, 3, "series_conv", kernel=1, activation="none"),
        6 + 4,
        3 * 6,
    ),
    "separable": (
        layer(4, 4, 1, "series_separable", kernel=5, dilation=2),
        (20 + 8) + (16 + 8),
        9 * (20 + 16),
    ),
    "separable_s2": (
        layer(4, 6, 2, "series_separable", expansion=2),
        (32 + 16) + (24 + 16) + (48 + 12),
        9 * 32 + 5 * (24 + 48),
    ),
    "separable_se": (
        layer(4, 4, 1, "series_separable", expansion=2, attention="se"),
        (32 + 16) + (24 + 16) + (16 + 2 + 16 + 8) + (32 + 8),
        9 * (32 + 24 + 32) + 16 + 16,
    ),
    # Kernels 9, 5 and 3 between 2 channels.
    "inception": (
        layer(4, 8, 1, "series_inception", kernel=9),
        8 + 4 * 17 + 8 + 16,
        9 * (8 + 4 * 17 + 8),
    ),
    # Kernels 12, 6 and 3.
    "inception_s2": (
        layer(4, 8, 2, "series_inception", kernel=12),
        8 + 4 * 21 + 8 + 16,
        9 * 8 + 5 * (4 * 21 + 8),
    ),
    "inception_of_one": (
        layer(1, 8, 1, "series_inception", kernel=4),
        2 * 8 + 2 + 16,
        9 * (2 * 8 + 2),
    ),
    "residual": (
        layer(2, 3, 1, "series_residual"),
        (48 + 45 + 27 + 6) + 4 * 6,
        9 * (48 + 45 + 27 + 6),
    ),
    "residual_same": (
        layer(3, 3, 1, "series_residual"),
        (72 + 45 + 27) + 4 * 6,
        9 * (72 + 45 + 27),
    ),
    # Kernels 40, 20 and 10 within each of three modules.
    "inception_residual": (
        layer(2, 4, 1, "series_inception_residual"),
        (2 + 70 + 2 + 8) + 2 * (4 + 70 + 4 + 8) + (8 + 8),
        9 * (2 + 70 + 2 + 2 * (4 + 70 + 4) + 8),
    ),
    "average": (layer(4, 4, 1, "series_pool", kernel=5), 0, 0),
    "average_s2": (layer(4, 6, 2, "series_pool"), 24 + 12, 5 * 24),
    "max": (layer(4, 4, 2, "series_pool", pooling="max"), 0, 0),
    "recurrence": (layer(4, 4, 1, "series_recurrence"), 2 * 20 + 8, 9 * 32),
    "recurrence_s2": (
        layer(4, 6, 2, "series_recurrence", backwards=True),
        2 * 30 + 12,
        9 * 48,
    ),
    "skip": (layer(4, 4, 1, "series_skip"), 0, 0),
    "skip_s2": (layer(4, 6, 2, "series_skip"), 24 + 12, 5 * 24),
}


def test_every_op_has_a_case():
    assert {each.ops[0].kind for each, *_ in CASES.values()} == set(SERIES_OPS)


@pytest.mark.parametrize("name", CASES)
def test_op(name, randomise, arrays_of):
    """In each mode: outputs and new statistics."""
    own, *_ = CASES[name]
    spec = own.ops[0]
    rng = np.random.default_rng(2)
    series = rng.standard_normal((3, LENGTH, own.in_features), dtype=np.float32)
    for mode in MODES:
        module = build_op(own, 0, nnx.Rngs(0))
        nnx.update(module, randomise(nnx.state(module)))
        set_mode(module, mode)
        arithmetic = Arithmetic(arrays_of(module), mode)
        arithmetic.size = dict(spec.options).get("kernel", 3)
        options = {k: v for k, v in spec.options if k != "kernel"}
        wanted = getattr(arithmetic, spec.kind)(
            series.astype(np.float64), own.stride, **options
        )
        output = module(jnp.asarray(series))
        assert output.shape == wanted.shape and output.dtype == jnp.float32
        np.testing.assert_allclose(output, wanted, rtol=2e-4, atol=2e-5)
        stats = arrays_of(module, nnx.BatchStat)
        assert stats.keys() == arithmetic.new.keys()
        for place, value in stats.items():
            want = arithmetic.new[place]
            np.testing.assert_allclose(value, want, rtol=2e-5, atol=2e-6)


def test_costs_by_hand():
    """Of each op, between a stem and a head that are counted too."""
    for name, (own, params, macs) in CASES.items():
        classes = own.out_features
        space = NetworkSpace(
            name=name,
            layers=(own,),
            stem=(),
            head=(
                fixed(classes, classes, 1, "global_average"),
                fixed(classes, 2, 1, "classifier"),
            ),
            input_shape=(LENGTH, own.in_features),
            num_classes=2,
        )
        with force_implementation("reference"):
            costs = build_supernet(space).cost_table().cost(np.zeros((1, 1), int))
        head = 2 * classes
        assert costs["params"].item() == params + head + 2, name
        assert costs["macs"].item() == macs + head, name


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (layer(4, 6, 1, "series_inception"), "got 6 features, expected a multiple of"),
        (layer(4, 4, 2, "series_residual"), "residual: got stride 2, expected 1"),
        (layer(4, 4, 2, "series_inception_residual"), "got stride 2, expected 1"),
        (layer(4, 4, 1, "series_separable", attention="x"), "attention: got 'x', exp"),
    ],
)
def test_wrong_ops_are_named(own, message):
    with pytest.raises(ValueError, match=message):
        build_op(own, 0, nnx.Rngs(0))


def test_an_unknown_pooling_is_named():
    module = build_op(layer(4, 4, 1, "series_pool", pooling="sum"), 0, nnx.Rngs(0))
    with pytest.raises(ValueError, match="pooling: got 'sum', expected average or max"):
        module(jnp.zeros((1, 5, 4)))


def test_a_recurrence_by_hand():
    """Gates of a half: states are halved and half of the input is added."""
    module = build_op(layer(1, 1, 1, "series_recurrence"), 0, nnx.Rngs(0))
    module.unit.gate.kernel[...] = jnp.zeros((1, 1, 1))
    module.unit.candidate.kernel[...] = jnp.ones((1, 1, 1))
    states = module.unit(jnp.array([8.0, 0.0, 4.0]).reshape(1, 3, 1))
    np.testing.assert_allclose(states.ravel(), [4.0, 2.0, 3.0], rtol=1e-6)
