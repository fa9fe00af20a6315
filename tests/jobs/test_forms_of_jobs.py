"""Jobs in padded form, in bfloat16, with strict fairness; and without memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs.nas import supernet
from qnas_jax.runs import read_rows


@pytest.mark.slow
def test_a_supernet_is_trained_and_scored_padded_in_bfloat16(tiny_config, make_setting):
    tiny_config.supernet.update(form="padded", sampler="strict_fair", epochs=2)
    tiny_config.supernet.update(pool_share=0.0, distillation=0.5)
    tiny_config.supernet.update(precision="bfloat16", steps_per_call=3)
    tiny_config.scoring.update(precision="bfloat16", score_block=2)
    setting = make_setting(tiny_config)
    said = []
    setting.say = said.append
    supernet.train_supernet(setting)
    assert said == ["supernet: form padded, bfloat16, 3 steps a call"]
    rows = read_rows(setting.folder.path / "metrics.jsonl")
    first, second = (row["loss"] for row in rows)
    assert second < first < 2.5  # of ten classes: log(10) = 2.3 at the start
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(setting.weights))
    evaluator = setting.supernet_evaluator(setting.config.scoring)(setting.weights)
    found = evaluator(setting.key("any"), np.int32([[0, 0], [1, 1], [1, 2]]))
    assert np.isfinite(found.metrics["loss"]).all()


@pytest.mark.parametrize(
    ("precision", "also"),
    [("float32", ", or supernet.precision=bfloat16"), ("bfloat16", "")],
)
def test_a_step_that_does_not_fit_is_one_line(
    precision, also, tiny_config, make_setting, monkeypatch
):
    def step_fn(state, order, count):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating")

    tiny_config.supernet.update(precision=precision)
    monkeypatch.setattr(supernet, "make_supernet_step", lambda *_, **__: step_fn)
    with pytest.raises(UserError) as caught:
        supernet.train_supernet(make_setting(tiny_config))
    line = "supernet: out of memory; take a supernet.batch_size below 32" + also
    assert str(caught.value) == line


def test_a_pool_on_top_of_strict_fairness(tiny_config, make_setting):
    """First searched when it is told to, and as large as the space has room for."""
    tiny_config.supernet.update(sampler="strict_fair", epochs=4)
    tiny_config.supernet.update(pool_start=2, pool_every=1, pool_size=3)
    setting = make_setting(tiny_config)
    supernet.train_supernet(setting)
    rows = read_rows(setting.folder.path / "metrics.jsonl")
    pools = [row for row in rows if row["stage"] == "pool"]
    assert [pool["epoch"] for pool in pools] == [2, 3]
    for pool in pools:
        assert len({tuple(arch) for arch in pool["archs"]}) == 3
    losses = [row["loss"] for row in rows if row["stage"] == "supernet"]
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(setting.weights))
