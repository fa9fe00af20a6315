"""The network of a cell space once more: static Python in float64 NumPy."""

import itertools

import numpy as np
from flax import nnx
from scipy import signal

EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def arrays_of(subnet):
    """The arrays of a network that was cut out, float64 by dotted name."""
    state = nnx.state(subnet)
    return {
        ".".join(map(str, path)): np.array(variable[...], np.float64)
        for path, variable in nnx.to_flat_state(state)
    }


class Plain:
    """One network; keeps what it has seen of each ReLU and each normalisation.

    Attributes:
      relus: inputs of all ReLUs of the last run.
      spreads: log sqrt of the mean variance before each of its normalisations.
      features: what the mean over the pixels was taken of.
      new: the statistics afterwards, by name.
    """

    def __init__(self, arrays, arch, cells, mode="batch"):
        """Mode None leaves normalisation out."""
        self.arrays, self.mode, self.cells = arrays, mode, cells
        self.ops = [NAMES[op] for op in arch]

    def conv(self, images, kernel, stride=1):
        if kernel.ndim == 3:
            kernel = kernel[None]  # 1 x 1, one group
        border = kernel.shape[0] // 2
        padded = np.pad(images, [(0, 0), (border, border), (border, border), (0, 0)])
        output = [
            sum(
                signal.correlate(image[..., i], kernel[..., i, o], mode="valid")
                for i in range(kernel.shape[2])
            )
            for image in padded
            for o in range(kernel.shape[3])
        ]
        output = np.reshape(output, (len(images), kernel.shape[3], *output[0].shape))
        return output.transpose(0, 2, 3, 1)[:, ::stride, ::stride]

    def norm(self, values, name):
        if self.mode is None:
            return values
        mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
        if variance.mean() > 0:
            self.spreads.append(0.5 * np.log(variance.mean()))
        old = [self.arrays[f"{name}.{each}"] for each in ("mean", "var")]
        keep = {"train": 0.9, "running": 1.0, "batch": 0.0}[self.mode]
        for each, before, found in zip(
            ("mean", "var"), old, (mean, variance), strict=True
        ):
            self.new[f"{name}.{each}"] = keep * before + (1 - keep) * found
        if self.mode == "running":
            mean, variance = old
        scale, shift = (self.arrays[f"{name}.{each}"] for each in ("scale", "bias"))
        return (values - mean) / np.sqrt(variance + 1e-5) * scale + shift

    def relu(self, values):
        self.relus.append(values)
        return np.maximum(values, 0)

    def relu_conv(self, values, name, stride=1):
        kernel = self.arrays[f"{name}.conv.kernel"]
        return self.norm(self.conv(self.relu(values), kernel, stride), f"{name}.norm")

    def edge(self, op, values, name):
        if op == "none":
            return 0 * values
        if op == "skip_connect":
            return values
        if op == "avg_pool_3x3":
            return pooled(values)
        return self.relu_conv(values, name)

    def cell(self, values, name):
        edges = EDGES[: len(self.ops)]
        nodes = [values, 0.0, 0.0, 0.0]
        for number, (before, node) in enumerate(edges):
            own = f"{name}.ops.{number}"
            nodes[node] = nodes[node] + self.edge(self.ops[number], nodes[before], own)
        return nodes[edges[-1][1]]

    def reduction(self, values, name):
        inner = self.relu_conv(values, f"{name}.first", 2)
        inner = self.relu_conv(inner, f"{name}.second")
        n, h, w, c = values.shape
        small = values.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
        return inner + self.conv(small, self.arrays[f"{name}.shortcut.kernel"])

    def run(self, images):
        """Logits [N, classes]."""
        self.relus, self.spreads, self.new = [], [], {}
        stem = self.conv(images, self.arrays["stem.0.conv.kernel"])
        values = self.norm(stem, "stem.0.norm")
        for stage in itertools.count():
            if stage and f"reductions.{stage - 1}.shortcut.kernel" not in self.arrays:
                break
            if stage:
                values = self.reduction(values, f"reductions.{stage - 1}")
            for cell in range(self.cells):
                values = self.cell(values, f"stages.{stage}.{cell}")
        self.features = self.relu(self.norm(values, "head.0.norm"))
        means = self.features.mean(axis=(1, 2))
        return means @ self.arrays["head.2.kernel"] + self.arrays["head.2.bias"]


NAMES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def pooled(values):
    """Mean over the neighbours that exist, pixel by pixel."""
    output = np.zeros_like(values)
    _, height, width, _ = values.shape
    for y, x in itertools.product(range(height), range(width)):
        rows, columns = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
        output[:, y, x] = values[:, rows, columns].mean(axis=(1, 2))
    return output
