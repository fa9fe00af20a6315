"""The network of a cell space once more: static Python in float64 NumPy."""

import itertools

import jax
import numpy as np
from scipy import signal

from qnas_jax.spaces import CELL_OPS

EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


class Plain:
    """One network; keeps what it has seen of each ReLU and each normalisation.

    Attributes:
      relus: inputs of all ReLUs of the last run.
      spreads: log sqrt of the mean variance before each of its normalisations.
      features: what the mean over the pixels was taken of.
    """

    def __init__(self, normalised=True):
        self.normalised = normalised

    def conv(self, images, kernel, stride=1):
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

    def norm(self, values):
        if not self.normalised:
            return values
        variance = values.var(axis=(0, 1, 2))
        if variance.mean() > 0:
            self.spreads.append(0.5 * np.log(variance.mean()))
        return (values - values.mean(axis=(0, 1, 2))) / np.sqrt(variance + 1e-5)

    def relu(self, values):
        self.relus.append(values)
        return np.maximum(values, 0)

    def op(self, name, point, full, values):
        if name == "none":
            return 0 * values
        if name == "skip_connect":
            return values
        if name == "avg_pool_3x3":
            return pooled(values)
        kernel = point[None, None] if name == "nor_conv_1x1" else full
        return self.norm(self.conv(self.relu(values), kernel))

    def run(self, weights, arch, images):
        """Logits [N, classes]."""
        self.relus, self.spreads = [], []
        weights = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), weights)
        values = self.norm(self.conv(images, weights.stem))
        for stage, (point, full) in enumerate(weights.cells):
            if stage:
                block = weights.reductions[stage - 1]
                inner = self.norm(self.conv(self.relu(values), block.first, 2))
                inner = self.norm(self.conv(self.relu(inner), block.second))
                n, h, w, c = values.shape
                small = values.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
                values = inner + self.conv(small, block.shortcut)
            for cell in range(len(point)):
                nodes = [values, 0.0, 0.0, 0.0]
                for edge, (before, node) in enumerate(EDGES[: len(arch)]):
                    own = point[cell, edge], full[cell, edge], nodes[before]
                    nodes[node] = nodes[node] + self.op(CELL_OPS[arch[edge]], *own)
                values = nodes[EDGES[len(arch) - 1][1]]
        self.features = self.relu(self.norm(values))
        return self.features.mean(axis=(1, 2)) @ weights.classifier + weights.bias


def pooled(values):
    """Mean over the neighbours that exist, pixel by pixel."""
    output = np.zeros_like(values)
    _, height, width, _ = values.shape
    for y, x in itertools.product(range(height), range(width)):
        rows, columns = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
        output[:, y, x] = values[:, rows, columns].mean(axis=(1, 2))
    return output
