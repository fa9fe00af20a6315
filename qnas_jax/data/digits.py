"""The embedded set: 1,797 real 8x8 digits that come with scikit-learn.

Source: Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998
(the test part of it), as `sklearn.datasets.load_digits`.
"""

import numpy as np

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions


def load_digits(options: PlaceOptions) -> SourceSplits:
    """Reads all digits as one split; grey values 0..16 are scaled to 0..255."""
    del options
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    split = image_split(images, bunch.target.astype(np.int32))
    return SourceSplits("digits", split, None, None, tuple(map(str, range(10))))
