"""The ops of images in NumPy and SciPy, in float64."""

import numpy as np
from plain_cell_network import pooled
from scipy import signal, special


class Arithmetic:
    """The ops of `OPS` in float64; `new` holds the running statistics afterwards."""

    def __init__(self, arrays, mode, prefix=""):
        self.arrays, self.mode, self.prefix = arrays, mode, prefix
        self.new = {}

    def __getitem__(self, name):
        return self.arrays[f"{self.prefix}{name}"]

    def has(self, name):
        return any(key.startswith(f"{self.prefix}{name}.") for key in self.arrays)

    def within(self, name):
        inner = Arithmetic(self.arrays, self.mode, f"{self.prefix}{name}.")
        inner.new = self.new
        return inner

    def norm(self, name, values):
        mean, var = values.mean((0, 1, 2)), values.var((0, 1, 2))
        old_mean, old_var = self[f"{name}.mean"], self[f"{name}.var"]
        keep = {"train": 0.9, "running": 1.0, "batch": 0.0}[self.mode]
        self.new[f"{self.prefix}{name}.mean"] = keep * old_mean + (1 - keep) * mean
        self.new[f"{self.prefix}{name}.var"] = keep * old_var + (1 - keep) * var
        if self.mode == "running":
            mean, var = old_mean, old_var
        scaled = (values - mean) / np.sqrt(var + 1e-5)
        return scaled * self[f"{name}.scale"] + self[f"{name}.bias"]

    def depthwise(self, name, values, stride):
        kernel = self[f"{name}.kernel"]
        return np.stack(
            [
                correlate(values[..., c], kernel[..., c], stride)
                for c in range(values.shape[-1])
            ],
            axis=-1,
        )

    def pointwise(self, name, values):
        kernel = self[f"{name}.kernel"]
        parts = np.split(values, len(kernel), axis=-1)
        products = [part @ matrix for part, matrix in zip(parts, kernel, strict=True)]
        return np.concatenate(products, axis=-1)

    def full(self, name, values, stride):
        kernel = self[f"{name}.kernel"]
        if kernel.ndim == 3:
            return self.pointwise(name, values)
        channels = [
            sum(
                correlate(values[..., i], kernel[..., i, o], stride)
                for i in range(kernel.shape[2])
            )
            for o in range(kernel.shape[3])
        ]
        return np.stack(channels, axis=-1)

    def conv(self, values, stride, activation="relu6"):
        values = self.full("conv", values, stride)
        return ACTIVATIONS[activation](self.norm("norm", values))

    def mbconv(self, values, stride, activation="relu6", **_):
        act = ACTIVATIONS[activation]
        hidden = values
        if self.has("expand"):
            hidden = act(self.norm("expand_norm", self.pointwise("expand", hidden)))
        hidden = self.depthwise("depthwise", hidden, stride)
        hidden = act(self.norm("depthwise_norm", hidden))
        if self.has("attention"):
            hidden = hidden * self.within("attention").gate(hidden.mean((1, 2)))
        output = self.norm("project_norm", self.pointwise("project", hidden))
        return values + output if output.shape == values.shape else output

    def gate(self, mean):
        if self.has("squeeze"):
            hidden = self.pointwise("squeeze", mean) + self["squeeze_bias"]
            hidden = self.pointwise("excite", np.maximum(hidden, 0))
            gate = np.clip((hidden + self["excite_bias"] + 3) / 6, 0, 1)
        else:
            taps = self["kernel"].ravel()
            gate = special.expit(
                np.stack([np.correlate(row, taps, mode="same") for row in mean])
            )
        return gate[:, None, None]

    def skip(self, values, stride):
        return self.within("conv").conv(values, stride) if self.has("conv") else values

    def projection(self, values, stride):
        if not self.has("conv"):
            return values
        kernel = self["conv.conv.kernel"]
        strided = values[:, ::stride, ::stride]
        return self.within("conv").norm(
            "norm", strided @ kernel.reshape(kernel.shape[-2:])
        )

    def separable(self, values, name, stride):
        block = self.within(name)
        return block.norm("norm", block.depthwise("conv", values, stride))

    def shuffled(self, values, stride, main):
        if self.has("shortcut"):
            passed = self.separable(values, "shortcut.layers.0", stride)
            passed = self.within("shortcut.layers.1").conv(passed, 1, "relu")
            entry = values
        else:
            # Two groups of channels, transposed: the shuffle of the paper.
            *pixels, channels = values.shape
            mixed = np.moveaxis(values.reshape(*pixels, channels // 2, 2), -1, -2)
            passed, entry = mixed[..., 0, :], mixed[..., 1, :]
        return np.concatenate([passed, main(entry)], axis=-1)

    def shuffle(self, values, stride, **_):
        def main(entry):
            hidden = self.within("main.layers.0").conv(entry, 1, "relu")
            hidden = self.separable(hidden, "main.layers.1", stride)
            return self.within("main.layers.2").conv(hidden, 1, "relu")

        return self.shuffled(values, stride, main)

    def shuffle_xception(self, values, stride):
        def main(hidden):
            for position in range(3):
                step = stride if position == 0 else 1
                hidden = self.separable(hidden, f"main.layers.{2 * position}", step)
                block = self.within(f"main.layers.{2 * position + 1}")
                hidden = block.conv(hidden, 1, "relu")
            return hidden

        return self.shuffled(values, stride, main)

    def global_average(self, values, stride):
        return values.mean((1, 2))

    def classifier(self, values, stride):
        return values @ self["kernel"] + self["bias"]

    linear = classifier

    def zero(self, values, stride):
        return 0 * values

    def average_pool(self, values, stride):
        return pooled(values)

    def relu_conv(self, values, stride, activated=True):
        values = np.maximum(values, 0) if activated else values
        return self.conv(values, stride, "none")

    def residual_reduction(self, values, stride):
        inner = self.within("first").relu_conv(values, stride)
        inner = self.within("second").relu_conv(inner, 1)
        n, h, w, c = values.shape
        squares = values.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
        return inner + self.pointwise("shortcut", squares)

    def convolution(self, values, stride):
        return self.full("conv", values, stride)

    def basic_block(self, values, stride):
        inner = self.norm("first_norm", self.full("first", values, stride))
        inner = self.full("second", np.maximum(inner, 0), 1)
        inner = self.norm("second_norm", inner)
        # Of an odd number of new channels one more stands behind the old ones.
        start = (inner.shape[-1] - values.shape[-1]) // 2
        inner[..., start : start + values.shape[-1]] += values[:, ::stride, ::stride]
        return np.maximum(inner, 0)

    def dense_layer(self, values, stride):
        inner = np.maximum(self.norm("norm", values), 0)
        inner = self.norm("hidden_norm", self.pointwise("squeeze", inner))
        added = self.full("conv", np.maximum(inner, 0), 1)
        assert inner.shape[-1] == 4 * added.shape[-1]
        return np.concatenate([values, added], axis=-1)

    def transition(self, values, stride):
        inner = np.maximum(self.norm("norm", values), 0)
        inner = self.pointwise("conv", inner)
        rows, columns = (range(0, size - 1, 2) for size in inner.shape[1:3])
        squares = [
            [inner[:, i : i + 2, j : j + 2].mean((1, 2)) for j in columns] for i in rows
        ]
        return np.array(squares).transpose(2, 0, 1, 3)

    def norm_relu(self, values, stride):
        return np.maximum(self.norm("norm", values), 0)


ACTIVATIONS = {
    "relu6": lambda values: np.clip(values, 0, 6),
    "relu": lambda values: np.maximum(values, 0),
    "none": lambda values: values,
}


def correlate(images, kernel, stride):
    """[N, H, W] with [k, k], zeros around."""
    full = [signal.correlate2d(each, kernel, mode="same") for each in images]
    return np.stack(full)[:, ::stride, ::stride]
