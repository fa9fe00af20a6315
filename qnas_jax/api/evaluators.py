"""The evaluators of the package, for searches in Python."""

import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax

from qnas_jax.api.names import chosen, options_by_name
from qnas_jax.data import Dataset, on_device
from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.evaluation import EVALUATORS, AtOnce, Evaluator
from qnas_jax.evaluation.spec import EvaluatorSpec
from qnas_jax.evaluation.tables import TableOptions, load_table
from qnas_jax.nets import Supernet, build_supernet, resolve_form
from qnas_jax.spaces import BuildableSpace, SearchSpace
from qnas_jax.tasks import Task, TaskOptions, make_task

_OWN = ("supernet", "function")
"""Evaluators that are not made here: why, see `make_evaluator`."""


def make_evaluator(
    name: str,
    space: SearchSpace | None = None,
    dataset: Dataset | None = None,
    *,
    seed: int = 0,
    **options: Any,
) -> Evaluator:
    """Makes what scores architectures, for `search`.

    >>> import qnas_jax as qnas
    >>> data = qnas.load_dataset("digits")
    >>> space = qnas.make_space("digits_tiny", data.input_shape, data.num_classes)
    >>> proxy = qnas.make_evaluator("proxy", space, data, names=("params",))
    >>> qnas.search(space, proxy, budget=20, population=10).best_value > 10_000
    True

    Args:
      name: "train" (every architecture from scratch), "proxy" (no training at all),
        "table" (what a benchmark has recorded) or "recorded" (a history of a run). A
        function of yours needs none of this, and a supernet is trained by `run`.
      space: what is searched; a table has one of its own.
      dataset: for networks that are trained or looked at.
      seed: of the weights.
      **options: see `options_of("evaluators", name)`.

    Returns:
      The evaluator; `.space` is what it scores, where that is a table's.

    Raises:
      UserError: no such evaluator or option, or something is missing.
    """
    known = {each: spec for each, spec in EVALUATORS.items() if each not in _OWN}
    spec: EvaluatorSpec = chosen("evaluator", name, known)
    record = options_by_name(spec.options, options, spec.group)
    if space is None:
        if not isinstance(record, TableOptions):
            raise UserError(f"space: got None, expected one for the evaluator {name}")
        space = load_table(record).space
    return spec.make(record, _Parts(space, dataset, seed))


class _Parts:
    """What evaluators are made of, each part when it is asked for."""

    kept_outcomes = None
    devices = Devices()

    def __init__(self, space: SearchSpace, dataset: Dataset | None, seed: int):
        self.space = space
        self._dataset = dataset
        self._seed = seed
        self.at_once = AtOnce(lambda line: None)
        self.should_stop: Callable[[], bool] = lambda: False

    @property
    def dataset(self) -> Dataset:
        if self._dataset is None:
            raise UserError("dataset: got None, expected one of load_dataset")
        return self._dataset

    @cached_property
    def task(self) -> Task:
        return make_task(TaskOptions(), self.dataset)

    @property
    def train_task(self) -> Task:
        return self.task

    @cached_property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        return on_device(self.dataset.valid)

    @cached_property
    def supernet(self) -> Supernet:
        if not isinstance(self.space, BuildableSpace):
            raise UserError(
                f"space: got {self.space.name!r}, whose architectures are no networks"
            )
        supernet = build_supernet(self.space, resolve_form("auto"))
        supernet.cost_table()  # Ops are traced: those that do not fit are named here.
        return supernet

    @property
    def reduced(self) -> "_Parts":
        return self

    @property
    def weights(self) -> Any:
        raise UserError("weights: there is no trained supernet; qnas_jax.run has one")

    def key(self, stream: str) -> jax.Array:
        root = jax.random.key(self._seed)
        return jax.random.fold_in(root, zlib.crc32(stream.encode()))
