"""What the registry says of an evaluator, and what evaluators may be made of."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax

from qnas_jax.data import Dataset
from qnas_jax.devices import Devices
from qnas_jax.evaluation.at_once import AtOnce
from qnas_jax.evaluation.evaluator import Evaluator
from qnas_jax.evaluation.scoring import Weights
from qnas_jax.nets import Supernet
from qnas_jax.options import Options
from qnas_jax.spaces import SearchSpace
from qnas_jax.tasks import Task
from qnas_jax.user_code.kept_outcomes import KeptOutcomes


class Networks(Protocol):
    """Networks of a space, and the data for them; each is made when it is asked for."""

    @property
    def space(self) -> SearchSpace:
        """What is searched."""

    @property
    def dataset(self) -> Dataset:
        """The data, split."""

    @property
    def task(self) -> Task:
        """What networks are judged by."""

    @property
    def valid(self) -> tuple[jax.Array, jax.Array]:
        """Validation inputs [N, ...] and targets [N, ...] on the device."""

    @property
    def supernet(self) -> Supernet:
        """The networks of the space."""


class Parts(Networks, Protocol):
    """What a job has at hand; each part is made when an evaluator asks for it."""

    @property
    def reduced(self) -> Networks:
        """The same architectures as the supernet has them, perhaps smaller."""

    @property
    def train_task(self) -> Task:
        """The task, with what examples undergo where candidates are trained."""

    @property
    def weights(self) -> Weights:
        """Those of the trained supernet."""

    @property
    def at_once(self) -> AtOnce:
        """What is known to be too much for the memory of the device."""

    @property
    def devices(self) -> Devices:
        """Among which work is divided."""

    @property
    def kept_outcomes(self) -> KeptOutcomes | None:
        """Where evaluations that take long are kept until they are recorded."""

    @property
    def should_stop(self) -> Callable[[], bool]:
        """Whether the user asked to stop."""

    def key(self, stream: str) -> jax.Array:
        """The root key, a JAX key [], of a named stream of randomness."""


@dataclasses.dataclass(frozen=True)
class EvaluatorSpec:
    """A row of the registry of evaluators.

    Attributes:
      summary: one line: what a score is.
      make: (options, parts) -> evaluator.
      group: name of the group of its options; "": those of `evaluator` itself.
      options: record of these options.
      trains: whether a supernet has to be trained before.
      fidelities: whether it may know cheaper ways to evaluate.
    """

    summary: str
    make: Callable[[Any, Parts], Evaluator]
    group: str
    options: type[Options]
    trains: bool = False
    fidelities: bool = False
