"""What a user can write to make arrays the images and labels that we read.

Expressions are NumPy's, in terms of `x` and `y`. They are shown, never run.
"""

import math

import numpy as np

_CHANNELS = (1, 3, 4)
_DEPTHS = (10, 12, 14, 16)  # bits of cameras and scanners


def image_conversion(images: np.ndarray, num_labels: int) -> str | None:
    """How to make an array uint8 [N, H, W] or [N, H, W, C], values 0..255.

    Args:
      images: what was got, of any shape and type.
      num_labels: N.

    Returns:
      None if it is such an array; else the end of an error message, empty if there is
      no more to say.
    """
    layout = _layout("x", images, num_labels)
    if images.dtype == np.uint8 and layout == "x" and images.ndim in (3, 4):
        return None
    values = _values(images)
    if values is None or layout is None:
        return "" if values is None else _ending(values)
    return _ending(values.replace("x", layout))


def _ending(expression: str) -> str:
    return "" if expression == "x" else f": convert it by {expression}"


def _values(images: np.ndarray) -> str | None:
    """An expression that is uint8; None: there is none."""
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return "x"
    if kind == "b":
        return "np.where(x, 255, 0).astype(np.uint8)"
    if kind not in "iuf" or not images.size:
        return None
    low, high = images.min().item(), images.max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    if kind == "f":
        return _from_floats(low, high)
    if low >= 0 and high <= 1:
        return "np.where(x, 255, 0).astype(np.uint8)"
    if low >= 0 and high <= 255:
        return "x.astype(np.uint8)"
    if low >= 0:
        bits = min((b for b in _DEPTHS if high < 2**b), default=high.bit_length())
        return f"(x >> {bits - 8}).astype(np.uint8)"
    return _between(low, high)


def _from_floats(low: float, high: float) -> str:
    if low >= 0 and high <= 1:
        return "np.rint(255 * x).astype(np.uint8)"
    if low >= 0 and high <= 255:
        return "np.rint(x).astype(np.uint8)"
    if low >= 0 and high <= 65535:
        return "np.rint(x / 257).astype(np.uint8)"
    if low >= -1 and high <= 1:
        return "np.rint(127.5 * (x + 1)).astype(np.uint8)"
    return _between(low, high)


def _between(low: float, high: float) -> str:
    return (
        f"np.rint(255 * np.clip((x - {low:.6g}) / {high - low:.6g}, 0, 1))"
        ".astype(np.uint8), in all splits alike"
    )


def _layout(x: str, images: np.ndarray, num_labels: int) -> str | None:
    """An expression that is [N, H, W] or [N, H, W, C]; None: there is none."""
    shape = images.shape
    if len(shape) == 2:
        return _unflattened(x, shape[1])
    if len(shape) in (3, 4) and shape[0] != num_labels == shape[-1]:
        return f"np.moveaxis({x}, -1, 0)"
    if len(shape) == 4 and shape[1] in _CHANNELS and shape[3] > max(_CHANNELS):
        return f"{x}.transpose(0, 2, 3, 1)"
    if len(shape) == 5 and 1 in shape[1:]:
        return f"np.squeeze({x}, {shape.index(1, 1)})"
    return x if len(shape) in (3, 4) else None


def _unflattened(x: str, num_values: int) -> str | None:
    """Rows of square images, grey or of three channels one after another."""
    side = math.isqrt(num_values)
    if side > 1 and side * side == num_values:
        return f"{x}.reshape(-1, {side}, {side})"
    side = math.isqrt(num_values // 3)
    if side > 1 and 3 * side * side == num_values:
        return f"{x}.reshape(-1, 3, {side}, {side}).transpose(0, 2, 3, 1)"
    return None


def label_conversion(labels: np.ndarray) -> str:
    """How to make an array integers [N]; the end of an error message."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        return ": convert it by y[:, 0]"
    if labels.ndim == 2:
        return ": convert one-hot labels by y.argmax(1)"
    if labels.ndim != 1:
        return ""
    if labels.dtype.kind in "US":
        return (
            ": convert names by class_names, y = np.unique(y, return_inverse=True), "
            "and save class_names as well"
        )
    if labels.dtype.kind == "b":
        return ": convert it by y.astype(np.int64)"
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        return ": convert it by y.astype(np.int64)"
    return ", the numbers of classes"
