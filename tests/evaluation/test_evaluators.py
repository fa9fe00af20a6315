"""What all evaluators of the registry have in common."""

import itertools
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Dataset, image_split, on_device
from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.evaluation import (
    EVALUATORS,
    AtOnce,
    EvaluatorOptions,
    MemoisedEvaluator,
    ScoredBy,
    ScoringOptions,
    make_evaluator,
    scores_of,
)
from qnas_jax.evaluation.proxies import ProxyOptions
from qnas_jax.evaluation.recorded import RecordedOptions
from qnas_jax.evaluation.tables import TableOptions
from qnas_jax.evaluation.trained import CandidateOptions
from qnas_jax.nets import build_supernet
from qnas_jax.options import OptionError
from qnas_jax.searching import host_search, make_strategy, scan_search
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.status import Status
from qnas_jax.tasks import ImageClassification

KEY = jax.random.key(5)
ARCHS = np.array(list(itertools.product(range(3), range(2))), np.int32)


class Parts(SimpleNamespace):
    """A run whose supernet was never trained."""

    def key(self, stream):
        assert stream in ("proxy", "train")
        return jax.random.key(1)

    @property
    def reduced(self):
        return self


@pytest.fixture(scope="module")
def parts():
    first = (op("conv", "conv"), op("mb2", "mbconv", expansion=2), op("skip", "skip"))
    space = NetworkSpace(
        name="tiny",
        layers=(
            Layer(4, 4, 1, first),
            Layer(4, 6, 2, (op("wide", "conv"), op("point", "conv", kernel=1))),
        ),
        stem=(fixed(1, 4, 1, "conv"),),
        head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
        input_shape=(8, 8, 1),
        num_classes=3,
    )
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 8, 8, 1), dtype=np.uint8)
    split = image_split(images, np.arange(24, dtype=np.int32) % 3)
    dataset = Dataset("random", split, split, split, ("a", "b", "c"))
    supernet = build_supernet(space)
    params, stats = supernet.init(jax.random.key(0))
    params["fixed"][-1] = params["fixed"][-1] * 100
    return Parts(
        space=space,
        kept_outcomes=None,
        at_once=AtOnce(),
        devices=Devices(),
        should_stop=lambda: False,
        dataset=dataset,
        task=ImageClassification.of(dataset),
        train_task=ImageClassification.of(dataset),
        valid=on_device(split),
        supernet=supernet,
        weights=(params, stats),
    )


@pytest.fixture(scope="module")
def makers(parts, tmp_path_factory):
    """Each evaluator of the registry, made once."""
    folder = tmp_path_factory.mktemp("evaluators")
    rows = [
        ",".join((*names, str(0.1 * place)))
        for place, names in enumerate(itertools.product(*parts.space.choices))
    ]
    (folder / "table.csv").write_text("\n".join(["first,second,value", *rows]))
    (folder / "mine.py").write_text(
        "def evaluate(arch, indices):\n    return len(arch[0]) + indices[1] / 3\n"
    )
    options = {
        "supernet": ScoringOptions(statistics="batch"),
        "table": TableOptions(
            source="file",
            file=str(folder / "table.csv"),
            arch_columns="first, second",
            op_names="conv, mb2, skip; wide, point",
            validation_columns="value",
        ),
        "proxy": ProxyOptions(names=("l2_norm", "params"), images=4),
        "function": None,
        "train": CandidateOptions(epochs=2, batch_size=8),
        "recorded": RecordedOptions(file=str(folder / "history.jsonl")),
    }
    (folder / "history.jsonl").write_text(
        "".join(
            json.dumps({"arch": arch, "score": place / 8}) + "\n"
            for place, arch in enumerate(ARCHS.tolist())
        )
    )
    own = {"function": {"file": str(folder / "mine.py"), "workers": 1}}
    made = {
        name: make_evaluator(
            EvaluatorOptions(name=name, **own.get(name, {})), options[name], parts
        )
        for name in EVALUATORS
    }
    yield made
    made["function"].close()


@pytest.mark.parametrize("name", EVALUATORS)
def test_an_evaluator_answers_row_by_row(makers, name):
    evaluator = makers[name]
    found = evaluator(KEY, ARCHS)
    assert evaluator.score.metric in found.metrics
    assert found.status.dtype == jnp.int32 and (found.status == Status.OK).all()
    for values in (*found.metrics.values(), *found.costs.values()):
        assert values.shape == (6,) and values.dtype == jnp.float32
    assert len(np.unique(np.stack(list(found.metrics.values())), axis=1).T) > 1
    assert len(found.reasons) in (0, 6)
    turned = evaluator(KEY, ARCHS[::-1])
    for metric, values in found.metrics.items():
        np.testing.assert_allclose(turned.metrics[metric], values[::-1], rtol=1e-6)


@pytest.mark.parametrize("name", EVALUATORS)
def test_a_search_finds_what_scores_best(makers, name):
    """On the host through the memo, and as one program if the evaluator is JAX."""
    evaluator = makers[name]
    scores = np.asarray(scores_of(evaluator, evaluator(KEY, ARCHS)))
    strategy = make_strategy("exhaustive", (3, 2), population=2, generations=3)
    memo = MemoisedEvaluator(evaluator, lambda archs: {})
    *_, last = host_search(strategy, memo, KEY, 3)
    assert float(last.after.best_score) == pytest.approx(scores.max(), rel=1e-6)
    assert sorted(row.arch for row in memo.history) == list(map(tuple, ARCHS.tolist()))
    assert {row.status for row in memo.history} == {"ok"}
    if evaluator.traceable:
        run = jax.jit(lambda key: scan_search(strategy, ScoredBy(evaluator), key, 3)[0])
        assert float(run(KEY).best_score) == pytest.approx(scores.max(), rel=1e-6)


def test_what_only_some_have(makers):
    proxies = makers["proxy"](KEY, ARCHS).metrics
    assert set(proxies) == {"l2_norm", "params"}
    metrics = {"accuracy", "loss", "balanced_accuracy", "macro_f1"}
    assert set(makers["supernet"](KEY, ARCHS).metrics) == metrics
    assert makers["supernet"].score == ("accuracy", True)


def test_a_table_of_other_architectures_is_refused(parts, tmp_path):
    (tmp_path / "t.csv").write_text("first,second,value\nconv,wide,1\nskip,wide,2\n")
    options = TableOptions(
        source="file",
        file=str(tmp_path / "t.csv"),
        arch_columns="first, second",
        validation_columns="value",
    )
    with pytest.raises(UserError, match="table t: got 2 layers of conv, skip or w"):
        make_evaluator(EvaluatorOptions(name="table"), options, parts)


def test_options_are_checked_before_anything_is_made():
    with pytest.raises(OptionError, match="file: got '', allowed: a Python file where"):
        EvaluatorOptions(name="function")
    with pytest.raises(OptionError, match=r"names: got .*magic.*, allowed: "):
        ProxyOptions(names=("synflow", "magic"))


def test_groups_of_options_have_one_owner_each():
    groups = [spec.group for spec in EVALUATORS.values() if spec.group]
    assert len(set(groups)) == len(groups)
    assert [name for name, spec in EVALUATORS.items() if spec.trains] == ["supernet"]
