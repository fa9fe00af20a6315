"""Each conversion that is shown gives, when it is followed, the images that were."""

import numpy as np
import pytest

from qnas_jax.data.conversions import image_conversion

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 8, 8), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255
COLOUR = RNG.integers(0, 256, (20, 8, 6, 3), dtype=np.uint8)
SQUARE = RNG.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)

WRONG = {
    "floats to 1": (GREY / 255, GREY),
    "floats to 255": (GREY.astype(np.float32), GREY),
    "floats from -1": (GREY / 127.5 - 1, GREY),
    "floats to 65535": (GREY * 257.0, GREY),
    "floats around 0": (GREY / 64 - 2, GREY),
    "uint16": (GREY.astype(np.uint16) * 257, GREY),
    "12 bits": (GREY.astype(np.uint16) << 4, GREY),
    "int64": (GREY.astype(np.int64), GREY),
    "negative": (GREY.astype(np.int16) - 128, GREY),
    "bool": (GREY > 99, np.where(GREY > 99, 255, 0)),
    "int8 of 0 and 1": ((GREY > 99).astype(np.int8), np.where(GREY > 99, 255, 0)),
    "flat": (GREY.reshape(20, -1), GREY),
    "flat channels": (SQUARE.transpose(0, 3, 1, 2).reshape(20, -1), SQUARE),
    "flat floats": (GREY.reshape(20, -1) / 255, GREY),
    "channels first": (COLOUR.transpose(0, 3, 1, 2), COLOUR),
    "grey channels first": (GREY[:, None], GREY[..., None]),
    "floats, channels first": (COLOUR.transpose(0, 3, 1, 2) / 255, COLOUR),
    "examples last": (np.moveaxis(COLOUR, 0, -1), COLOUR),
    "five axes": (COLOUR[:, None], COLOUR),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_conversion_does_what_it_says(what):
    images, wanted = WRONG[what]
    conversion = image_conversion(images, 20)
    expression = conversion.removeprefix(": convert it by ").removesuffix(
        ", in all splits alike"
    )
    got = eval(expression, {"np": np, "x": images})
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got.astype(int), wanted, atol=1 if "ar" in what else 0)
    assert image_conversion(got, 20) is None


@pytest.mark.parametrize("images", [GREY, GREY[..., None], COLOUR, GREY[:, :, :3]])
def test_images_as_they_should_be_need_none(images):
    assert image_conversion(images, 20) is None


@pytest.mark.parametrize(
    "images", [GREY.astype(complex), np.full((20, 8, 8), np.nan), np.zeros(20)]
)
def test_what_cannot_be_converted_gets_no_advice(images):
    assert "reshape" not in (image_conversion(images, 20) or "")
