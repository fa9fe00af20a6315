"""The embedded set: 1,797 real 8x8 digits, in `digits.npz` beside this file.

Source: Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998,
doi 10.24432/C50P49 (the test part of it; licence CC BY 4.0), in the order of
`sklearn.datasets.load_digits`.
"""

import pathlib

import numpy as np

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions

_FILE = pathlib.Path(__file__).with_name("digits.npz")


def load_digits(options: PlaceOptions) -> SourceSplits:
    """Reads all digits as one split; grey values 0..16 are scaled to 0..255."""
    del options
    with np.load(_FILE, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    grey = np.rint(images * (255 / 16)).astype(np.uint8)[..., None]
    split = image_split(grey, labels.astype(np.int32))
    return SourceSplits("digits", split, None, None, tuple(map(str, range(10))))
