"""Images in one size: by hand, and through the sources that have several."""

import numpy as np
import pytest
from PIL import Image

from qnas_jax.data import DataOptions, load, peek
from qnas_jax.data.fitting import fit_image
from qnas_jax.options import OptionError


def triangles(size, first, last, count):
    """Weights [count, size] of a triangle filter as wide as the reduction."""
    scale = (last - first) / count
    centres = first + (np.arange(count)[:, None] + 0.5) * scale
    away = np.abs(np.arange(size) + 0.5 - centres) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - away)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("shape", "result", "rows", "columns"),
    [
        ((6, 4), (2, 2), (1, 5), (0, 4)),  # upright: rows 1 to 4 are the square
        ((5, 11), (5, 5), (0, 5), (3, 8)),  # wide: five columns in the middle
        ((9, 20), (3, 6), (0, 9), (1, 19)),
        ((3, 3), (7, 7), (0, 3), (0, 3)),
    ],
)
def test_the_middle_by_a_second_implementation(shape, result, rows, columns):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 1), np.uint8)
    down = triangles(shape[0], *rows, result[0])
    across = triangles(shape[1], *columns, result[1])
    expected = down @ image[..., 0] @ across.T
    np.testing.assert_allclose(fit_image(image, *result)[..., 0], expected, atol=1.01)


def test_as_it_is_larger_and_each_channel_by_itself():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    assert fit_image(image, 5, 6) is image
    fitted = fit_image(image, 12, 9)
    assert fitted.shape == (12, 9, 3) and fitted.dtype == np.uint8
    for channel in range(3):
        alone = fit_image(image[..., channel, None], 12, 9)
        np.testing.assert_array_equal(fitted[..., channel, None], alone)
    constant = np.full((7, 3, 1), 90, np.uint8)
    assert (fit_image(constant, 4, 4) == 90).all()


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            shape = (*rng.integers(5, 30, 2), 3)
            path = tmp_path / "photos" / name / f"{number}.png"
            Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)

    def options(**more):
        cache = str(tmp_path / "cache")
        path = str(tmp_path / "photos")
        return DataOptions(source="folder", path=path, cache_dir=cache, **more)

    return options


def test_photos_of_several_sizes(photos):
    with pytest.raises(ValueError, match="or set data.image_size to a side in pixels"):
        load(photos())
    small = load(photos(image_size=8))
    assert small.input_shape == (8, 8, 3) == peek(photos(image_size=8))[0]
    larger = load(photos(image_size=12))  # another kept copy
    assert larger.input_shape == (12, 12, 3)
    again = load(photos(image_size=8))
    np.testing.assert_array_equal(again.train.inputs, small.train.inputs)


@pytest.mark.parametrize("source", ["digits", "series"])
def test_other_sources_have_one_size(source):
    with pytest.raises(OptionError, match="image_size: got 8, allowed: 0 when source"):
        DataOptions(source=source, path="x.csv", image_size=8)
