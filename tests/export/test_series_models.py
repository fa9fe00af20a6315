"""A model for series with gaps: every form says the same."""

import jax.numpy as jnp
import numpy as np
import pytest
from written_models import a_network

from qnas_jax.errors import UserError
from qnas_jax.export import (
    Series,
    files,
    load_model,
    write_model,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.runs import write_json
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op

SERIES_SPACE = NetworkSpace(
    name="recordings",
    layers=(
        Layer(
            8, 8, 1, (op("separable", "series_separable", kernel=5, attention="se"),)
        ),
        Layer(8, 12, 2, (op("inception", "series_inception", kernel=9),)),
        Layer(12, 12, 1, (op("recurrence", "series_recurrence", backwards=True),)),
        Layer(12, 12, 1, (op("pool", "series_pool", pooling="max"),)),
        Layer(12, 16, 1, (op("average", "series_pool"),)),
        Layer(16, 16, 2, (op("skip", "series_skip"),)),
    ),
    stem=(fixed(3, 8, 1, "series_conv", kernel=7, dilation=2),),
    head=(fixed(16, 16, 1, "global_average"), fixed(16, 3, 1, "classifier")),
    input_shape=(21, 3),
    num_classes=3,
)


def some_series(count=100):
    """Two channels, some values missing."""
    rng = np.random.default_rng(3)
    series = rng.normal(3, 2, (count, 21, 2)).astype(np.float32)
    series[rng.random(series.shape) < 0.1] = np.nan
    series[1:, 18:] = np.nan
    return series


def test_a_network_for_series_with_gaps_is_the_same_in_all_forms(tmp_path):
    arch, names = np.zeros(6, int), ("low", "middle", "high")
    inputs = Series((21, 2), (3.0, 2.5), (2.0, 1.5), names, masked=True, data="waves")
    network, series = a_network(SERIES_SPACE, arch), some_series()
    written = write_model(
        tmp_path,
        SERIES_SPACE,
        arch,
        network,
        inputs,
        examples=series,
        calibration=series,
    )
    assert written.remarks == []
    assert written.differences.keys() == {files.SOURCE, files.STABLEHLO, files.ONNX}
    assert max(written.differences.values()) < 1e-4
    told = {"inputs": "series", "input_shape": [21, 2], "class_names": names}
    write_json(tmp_path / files.FACTS, with_digests(told, tmp_path))
    model = load_model(tmp_path)
    mean, std = np.float32([3.0, 2.5]), np.float32([2.0, 1.5])
    missing = np.isnan(series)
    values = np.where(missing, 0, (series - mean) / std)
    mask = ~missing.all(axis=-1, keepdims=True)
    expected = np.asarray(network(jnp.concatenate([values, mask], axis=-1)))
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(model(series), expected, atol=2e-4)
    for form, limit in ((files.ONNX, 1e-4), (files.INT8, 0.3 * np.ptp(expected))):
        run = run_onnx((tmp_path / form).read_bytes())
        for count in (1, 3, 100):
            assert np.abs(run(series[:count]) - expected[:count]).max() < limit
    with pytest.raises(UserError, match=r"series: got .*expected numbers \[N, 21, 2\]"):
        model(series[..., 0])
