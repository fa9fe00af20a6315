"""Random numbers of a run: one stream a purpose, from the root seed alone."""

import jax
import numpy as np


def test_streams_differ_by_name_and_by_seed(tiny_config, make_setting):
    setting, again = make_setting(tiny_config), make_setting(tiny_config, "again")
    tiny_config.seed = 1
    other = make_setting(tiny_config, "other")
    names = ("search", "supernet/init", "retrain/winner/init", "retrain/random/init")
    streams = [each.key(name) for each in (setting, other) for name in names]
    data = {np.asarray(jax.random.key_data(key)).tobytes() for key in streams}
    assert len(data) == 2 * len(names)
    for name in names:
        np.testing.assert_array_equal(
            jax.random.key_data(setting.key(name)), jax.random.key_data(again.key(name))
        )
