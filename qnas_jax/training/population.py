"""Candidates trained from scratch, side by side, by one program for the whole space.

Where a network's form has no control flow (`padded`), P networks are a `vmap`: weights,
momenta and statistics have a leading axis P. Where ops are switched to, `vmap` would
run all of them; there each call trains one network, and on a CPU as many calls run at
the same time as there are cores, which their small operations do not fill alone
(`experiments/benches/population.py`). Several devices train a part of a call's networks
each. Either way a call trains for an epoch, its state is donated, and programs are
compiled once for all architectures and lengths (`training/population_programs.py`).
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.kernels.device_memory import free_bytes, is_out_of_memory
from qnas_jax.nets import Slots, Supernet
from qnas_jax.stopping import Stopped
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.candidate import (
    Candidate,
    CandidateState,
    Trained,
    kept_bytes,
    take_apart,
)
from qnas_jax.training.counts import count_on_device
from qnas_jax.training.optimizer import TrainingOptions, make_schedule
from qnas_jax.training.population_programs import Programs, compile_programs
from qnas_jax.training.second_training import SecondTraining
from qnas_jax.training.threads import in_threads, num_cores

Run = Callable[[jax.Array], jax.Array]
"""Prepared inputs [N, ...] -> outputs [N, ...] of a trained network."""

Judge = Callable[[Run, Any], Any]
"""(network, data) -> what is wanted of a trained network, a tree of scalars."""

_SHARE = 0.5  # of the free memory of an accelerator; the rest is for a step's own


class PopulationTraining:
    """Trains any networks of a space; compiled when it is first used."""

    def __init__(
        self,
        supernet: Supernet,
        options: TrainingOptions,
        batches: TrainingBatches,
        judge: Judge,
        data: Any,
        *,
        at_once: int = 0,
        same_batches: bool = True,
        devices: Devices = Devices(),  # noqa: B008 - a frozen record
    ):
        """Compiles nothing yet.

        Args:
          supernet: the networks.
          options: of the optimiser; the length of a training is an argument of `train`.
          batches: the training split, and the task with its loss.
          judge: looks at each network at the end of its training.
          data: what the judge is given, a tree of arrays.
          at_once: networks trained at the same time; 0: as many as there are cores, on
            an accelerator as many as fit.
          same_batches: whether all candidates have one `batches_key`, so that a call
            prepares each batch once for all of its networks.
          devices: among which the networks of a call are divided.
        """
        self._supernet = supernet
        self._options = options.part(TrainingOptions)
        self._devices = devices
        self._batches = devices.replicated(batches)
        self._judge = judge
        self._data = devices.replicated(data)
        self._at_once = at_once
        self._same_batches = same_batches
        self._side_by_side = supernet.form == "padded"
        # Networks of a call, and calls at once, known when the first are trained.
        self._width = self._workers = 0
        self._programs: Programs | None = None
        self._known_rates: dict[tuple[int, float], np.ndarray] = {}
        self._second = SecondTraining(
            supernet, self._options, batches, self._judge_of_one, data
        )

    def _judge_of_one(
        self, params: Slots, stats: Slots, arch: jax.Array, data: Any
    ) -> Any:
        """What is wanted of a trained network, a tree of scalars."""

        def run(inputs: jax.Array) -> jax.Array:
            return self._supernet.apply(params, stats, arch, inputs, mode="running")[0]

        return self._judge(run, data)

    def train(
        self,
        candidates: Sequence[Candidate],
        epochs: int,
        *,
        tell: Callable[[int, Trained], object],
        should_stop: Callable[[], bool] = lambda: False,
        keep_weights: bool = False,
        learning_rate: float = 0.0,
    ) -> None:
        """Trains all candidates.

        Args:
          candidates: architectures and keys.
          epochs: length of each training; the schedule of the learning rate ends there.
          tell: called in this thread with the number of a candidate and what became of
            it, as soon as that is known.
          should_stop: asked every now and then.
          keep_weights: whether `Trained.weights` is wanted.
          learning_rate: the peak; 0: that of the options.

        Raises:
          Stopped: `should_stop` answered yes; what was finished is told.
          UserError: the memory does not suffice for one network.
        """
        rates = self._rates(epochs, learning_rate)
        left = list(range(len(candidates)))

        def told(number: int, trained: Trained) -> None:
            left.remove(number)
            tell(number, trained)

        while left:
            try:
                self._train(
                    candidates, list(left), rates, told, should_stop, keep_weights
                )
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)

    def _halve(self, error: BaseException) -> None:
        """Fewer networks at the same time, from now on."""
        least = self._devices.count if self._side_by_side else 1
        before = self._width if self._side_by_side else self._workers
        if before <= least:
            raise UserError(
                "training networks: out of memory with one at a time; take a "
                f"batch_size below {self._batches.batch_size}, or smaller networks"
            ) from error
        after = before // (2 * least) * least
        if self._side_by_side:
            self._width, self._programs = after, None
        else:
            self._workers = after
        logging.warning(
            "training networks: out of memory with %d at the same time, from now on %d",
            before,
            after,
        )

    def _train(
        self,
        candidates: Sequence[Candidate],
        numbers: list[int],
        rates: np.ndarray,
        tell: Callable[[int, Trained], object],
        should_stop: Callable[[], bool],
        keep_weights: bool,
    ) -> None:
        """Trains some of the candidates, see `train`."""
        programs = self.prepare(len(numbers))
        blocks = [
            numbers[first : first + self._width]
            for first in range(0, len(numbers), self._width)
        ]
        workers = min(self._workers, len(blocks))

        def work(block: list[int], stops: Callable[[], bool]) -> list[Trained]:
            own = [candidates[number] for number in block]
            started = time.perf_counter()
            state, archs, losses = self._train_block(programs, own, rates, stops)
            found = self._devices.fetch(
                programs.judge(state.params, state.stats, archs, self._data)
            )
            weights = None
            if keep_weights:
                weights = self._devices.fetch((state.params, state.stats))
            seconds = (time.perf_counter() - started) / (len(own) * workers)
            trained = take_apart(len(own), losses, found, weights, seconds)
            return [
                self._second.train(candidate, rates, stops, keep_weights=keep_weights)
                if each.diverged
                else each
                for candidate, each in zip(own, trained, strict=True)
            ]

        for block, trained in in_threads(work, blocks, workers, should_stop):
            for number, each in zip(block, trained, strict=True):
                tell(number, each)

    def _train_block(
        self,
        programs: Programs,
        block: list[Candidate],
        rates: np.ndarray,
        stops: Callable[[], bool],
    ) -> tuple[CandidateState, jax.Array, np.ndarray]:
        """Final state, architectures [P, L], and losses [epochs, P] of a call's worth.

        Networks that are missing are repeats of the first.
        """
        filled = block + block[:1] * (self._width - len(block))
        archs, keys, batches_keys = self._devices.divided(
            (
                jax.device_put(np.asarray([each.arch for each in filled], np.int32)),
                jnp.stack([each.weights_key for each in filled]),
                jnp.stack([each.batches_key for each in filled]),
            )
        )
        state = programs.start(keys, archs)
        key = batches_keys
        if self._same_batches:
            key = self._devices.replicated(block[0].batches_key)
        losses: list[jax.Array] = []
        for epoch, own_rates in enumerate(rates):
            if stops():
                raise Stopped
            # An epoch behind, so that an accelerator is not waited for.
            if epoch > 1 and not self._any_finite(losses[epoch - 2]):
                break
            plan = self._devices.replicated(
                (count_on_device(epoch), jax.device_put(own_rates))
            )
            state, loss = programs.epoch(state, archs, key, *plan, self._batches)
            losses.append(loss)
        return state, archs, np.stack(self._devices.fetch(losses))

    def _any_finite(self, losses: jax.Array) -> bool:
        return bool(np.isfinite(self._devices.fetch(losses)).any())

    def _rates(self, epochs: int, peak: float = 0.0) -> np.ndarray:
        """Learning rates float32 [epochs, S] of a training of this length."""
        asked = epochs, peak or self._options.learning_rate
        if asked not in self._known_rates:
            self._known_rates[asked] = self._new_rates(*asked)
        return self._known_rates[asked]

    def _new_rates(self, epochs: int, peak: float) -> np.ndarray:
        options = dataclasses.replace(self._options, epochs=epochs, learning_rate=peak)
        steps = self._batches.steps_per_epoch
        schedule = make_schedule(options, steps)
        rates = jax.vmap(schedule)(jnp.arange(epochs * steps))
        return np.asarray(rates, np.float32).reshape(epochs, steps)

    def prepare(self, asked: int) -> Programs:
        """Compiles the programs, if they are not; the first training does it anyway.

        Args:
          asked: networks that will be trained; on an accelerator a call has at most so
            many, from now on.

        Returns:
          The programs.
        """
        if self._programs is None:
            self._workers = self._calls_at_once()
            if not self._width:  # else what memory has room for
                each = self._networks_of_a_call(asked) if self._side_by_side else 1
                self._width = each * self._devices.count
            self._programs = compile_programs(
                self._supernet,
                self._options,
                self._batches,
                self._judge_of_one,
                self._data,
                width=self._width,
                same_batches=self._same_batches,
                devices=self._devices,
            )
        return self._programs

    def _calls_at_once(self) -> int:
        """Calls that run at the same time where each trains one network."""
        if self._side_by_side or self._devices.count > 1:
            return 1
        if self._at_once:
            return self._at_once
        return num_cores() if jax.default_backend() == "cpu" else 1

    def _networks_of_a_call(self, asked: int) -> int:
        """Those of one device."""
        asked = -(-(self._at_once or asked) // self._devices.count)
        free = free_bytes()
        if self._at_once or free is None:
            return asked
        return max(1, min(asked, int(_SHARE * free / self.bytes_of_a_network())))

    def bytes_of_a_network(self) -> int:
        """What a step keeps of one network."""
        return kept_bytes(self._supernet, self._options, self._batches)
