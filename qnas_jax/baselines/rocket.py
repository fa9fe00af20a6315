"""Random convolutions over time, and a linear classifier of what they respond.

Each kernel is drawn and never trained; of its responses to a series two numbers are
kept, the share that is positive and the largest. Ridge regression on the classes
follows, its penalty chosen by leaving one out, for which there is a closed form.

Source: Dempster, Petitjean & Webb, ROCKET: exceptionally fast and accurate time series
classification using random convolutional kernels, Data Min. Knowl. Disc. 34 (2020),
section 3. Differs in 2,000 kernels instead of 10,000; series are not normalised one by
one, as a task normalises them all alike; and with several channels a kernel sees a
random set of them, of 2^u channels, as in the authors' later public code.
"""

import dataclasses
import functools
import itertools

import numpy as np

from qnas_jax.baselines.classifier import Classifier, Predict
from qnas_jax.baselines.missing import without_gaps

KERNELS = 2000
_LENGTHS = (7, 9, 11)
_PENALTIES = np.logspace(-3, 3, 10)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One random convolution.

    Attributes:
      weights: float32 [length, C], of mean 0 in each channel that it sees, else 0.
      bias: added to each response.
      dilation: steps between the taps.
      padding: zeros before and after a series.
    """

    weights: np.ndarray
    bias: float
    dilation: int
    padding: int


def draw_kernels(
    rng: np.random.Generator, count: int, steps: int, channels: int
) -> list[Kernel]:
    """Draws kernels for series of a length.

    Weights are normal, the bias uniform in [-1, 1), lengths 7, 9 or 11; the dilation is
    2^u, u uniform up to where a kernel spans the series; every other kernel is padded
    so that it has as many responses as there are steps. Where a series is shorter than
    a kernel, all are.

    Args:
      rng: what draws.
      count: of kernels.
      steps: T.
      channels: C.

    Returns:
      The kernels.
    """
    return [_draw_kernel(rng, steps, channels) for _ in range(count)]


def _draw_kernel(rng: np.random.Generator, steps: int, channels: int) -> Kernel:
    length = int(rng.choice(_LENGTHS))
    seen = int(2 ** rng.uniform(0, np.log2(min(channels, length) + 1)))
    chosen = rng.permutation(channels)[:seen]
    weights = np.zeros((length, channels), np.float32)
    drawn = rng.normal(size=(length, seen))
    weights[:, chosen] = drawn - drawn.mean(axis=0)
    bias = float(rng.uniform(-1, 1))
    longest = max((steps - 1) / (length - 1), 1.0)
    dilation = int(2 ** rng.uniform(0, np.log2(longest)))
    padded = bool(rng.integers(2)) or steps < length
    return Kernel(weights, bias, dilation, (length - 1) * dilation // 2 * padded)


def features(series: np.ndarray, kernels: list[Kernel]) -> np.ndarray:
    """What is kept of the responses to each series.

    Args:
      series: float32 [N, T, C] without gaps.
      kernels: K of them.

    Returns:
      float32 [N, 2 K]: the shares that are positive, then the largest responses.
    """
    found = np.empty((2, len(kernels), len(series)), np.float32)
    order = sorted(range(len(kernels)), key=lambda place: _form(kernels[place]))
    for form, group in itertools.groupby(order, lambda place: _form(kernels[place])):
        places = list(group)
        alike = [kernels[place] for place in places]
        weights = np.stack([kernel.weights.ravel() for kernel in alike])
        biases = np.array([kernel.bias for kernel in alike], np.float32)
        responses = weights @ _windows(series, *form) + biases[:, None]  # [N, k, T']
        found[0, places] = (responses > 0).mean(axis=2).T
        found[1, places] = responses.max(axis=2).T
    return found.reshape(2 * len(kernels), len(series)).T


def _form(kernel: Kernel) -> tuple[int, int, int]:
    """Kernels of one form see the same windows."""
    return len(kernel.weights), kernel.dilation, kernel.padding


def _windows(
    series: np.ndarray, length: int, dilation: int, padding: int
) -> np.ndarray:
    """What a kernel sees at each place: float32 [N, length C, T']."""
    padded = np.pad(series, ((0, 0), (padding, padding), (0, 0)))
    outputs = padded.shape[1] - (length - 1) * dilation
    taps = [
        padded[:, tap * dilation : tap * dilation + outputs] for tap in range(length)
    ]
    windows = np.stack(taps, axis=1)  # [N, length, T', C]
    return windows.swapaxes(2, 3).reshape(len(series), -1, outputs)


def fit_rocket(
    series: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    *,
    count: int = KERNELS,
) -> Predict:
    """Draws kernels and fits the linear classifier.

    Args:
      series: float32 [N, T, C]; NaN counts as 0.
      labels: int [N].
      rng: what draws the kernels.
      count: of kernels.

    Returns:
      The class of the largest of the linear functions.
    """
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kernels = draw_kernels(rng, count, *series.shape[1:])
    transform = functools.partial(_features_in_parts, kernels=kernels)
    linear = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=_PENALTIES))
    linear.fit(transform(series), labels)
    return lambda others: linear.predict(transform(others))


def _features_in_parts(series: np.ndarray, kernels: list[Kernel]) -> np.ndarray:
    """`features`, of as many series at once as memory is no matter for."""
    at_once = max(1, 2**20 // series[0].size)
    parts = [
        features(without_gaps(series[start : start + at_once]), kernels)
        for start in range(0, len(series), at_once)
    ]
    return np.concatenate(parts)


ROCKET = Classifier(fit_rocket, at_once=1024, needs="sklearn")
