"""Networks trained side by side against one after the other; compilation counted.

python -m experiments.benches.population [--networks=64] [--epochs=20] [--alone=3]
    [--forms=switch] [--at_once=0,1] [--space=digits] [--source=digits] [--name=NAME]
    [--batch_size=64] [--out=FILE]

Trains random networks on real data from scratch, together by one program
for the space (`training/population.py`), and some of them alone as the retraining of a
job does it: a program for each network, a step a call, a validation an epoch. The time
of one alone, scaled to all, is what they would take one after the other. Processor time
stands beside the time on the clock: it tells what the clock does on a busy machine.
"""

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import random_archs
from qnas_jax import data
from qnas_jax.evaluation import measure
from qnas_jax.evaluation.trained import measure_on_split
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import jit_network
from qnas_jax.nets import FORMS, Form, Supernet, build_supernet, resolve_form
from qnas_jax.spaces import NetworkSpace, SpaceOptions, build_space
from qnas_jax.tasks import Task, TaskOptions, make_task
from qnas_jax.training import (
    Candidate,
    PopulationTraining,
    RetrainOptions,
    StandaloneModel,
    Trained,
    TrainingBatches,
    TrainingOptions,
    initial_retrain_state,
    make_optimizer,
    make_retrain_step,
    run_epochs,
)


def data_options(source: str = "digits", name: str = "") -> data.DataOptions:
    """A data set, split as `configs/digits.py` does."""
    return data.DataOptions(
        source=source, name=name, valid_fraction=0.25, test_fraction=0.2
    )


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all forms train.

    Attributes:
      space: of the networks.
      task: what is learnt of the data.
      batches: of the training split.
      valid: inputs and targets of the validation split.
      options: of the optimiser, and the length.
    """

    space: NetworkSpace
    task: Task
    batches: TrainingBatches
    valid: tuple[jax.Array, jax.Array]
    options: TrainingOptions


@dataclasses.dataclass
class Clock:
    """Seconds since it was made, on the clock and of the processor."""

    wall: float = dataclasses.field(default_factory=time.perf_counter)
    processor: float = dataclasses.field(default_factory=time.process_time)

    def read(self) -> tuple[float, float]:
        """Both, in this order."""
        return time.perf_counter() - self.wall, time.process_time() - self.processor


def make_setting(
    space: str, options: TrainingOptions, source: data.DataOptions
) -> Setting:
    """Loads the data; no augmentation."""
    dataset = data.load(source)
    task = make_task(TaskOptions(), dataset)
    shape, words = task.input_shape, len(dataset.words)
    built = build_space(
        SpaceOptions(name=space),
        shape,
        task.num_outputs,
        words,
        language=dataset.kind == data.LANGUAGE,
    )
    assert isinstance(built, NetworkSpace)
    return Setting(
        built,
        task,
        TrainingBatches.of(dataset.train, task, options.batch_size),
        data.on_device(dataset.valid),
        options,
    )


def run(
    space: str,
    *,
    networks: int,
    options: TrainingOptions,
    alone: int,
    forms: Sequence[Form],
    at_once: Sequence[int] = (0,),
    source: data.DataOptions | None = None,
) -> Iterator[dict[str, Any]]:
    """Measures each form, and networks alone.

    Args:
      space: a registered chain of layers.
      networks: P.
      options: of each training.
      alone: networks that are trained by themselves.
      forms: of the networks trained together.
      at_once: numbers of them that are trained at the same time; 0: as by default.
      source: where the data come from; None: scikit-learn's digits.

    Yields:
      A row a way: seconds on the clock and of the processor for all P networks, of
      these compilation, and the mean score on the validation split (an accuracy, or of
      running text a loss); for networks together the ratio
      to one after the other.
    """
    setting = make_setting(space, options, source or data_options())
    archs = random_archs(setting.space, networks)
    seconds, scores = [], []
    clock = Clock()
    # Compiled once, whoever is trained.
    build_supernet(setting.space).init(jax.random.key(0))
    first = np.array([*clock.read()] * 2)
    for arch in archs[:alone]:
        clock = Clock()
        compiling, score = train_alone(setting, arch)
        seconds.append((*clock.read(), *compiling))
        scores.append(score)
    one = first + networks * np.mean(seconds, axis=0)
    yield _row("one after the other", setting, networks, one, scores)
    for form, number in itertools.product(forms, at_once):
        clock = Clock()
        compiling, scores = train_together(setting, form, archs, number)
        found = np.array([*clock.read(), *compiling])
        way = f"{form}, {number} at once" if number else form
        yield {
            **_row(way, setting, networks, found, scores),
            "ratio": float(one[0] / found[0]),
            "processor ratio": float(one[1] / found[1]),
        }


def _row(
    way: str, setting: Setting, networks: int, seconds: Any, scores: Sequence[float]
) -> dict[str, Any]:
    wall, processor, compiling, compiling_processor = map(float, seconds)
    return {
        "space": setting.space.name,
        "way": way,
        "networks": networks,
        "epochs": setting.options.epochs,
        "seconds": wall,
        "processor s": processor,
        "compiling s": compiling,
        "compiling, processor s": compiling_processor,
        setting.task.score: float(np.mean(scores)),
        "ratio": 1.0,
        "processor ratio": 1.0,
    }


def train_together(
    setting: Setting, form: Form, archs: np.ndarray, at_once: int
) -> tuple[tuple[float, float], list[float]]:
    """Trains archs int32 [P, L] side by side, so many at the same time.

    Returns:
      Seconds of compilation, on the clock and of the processor, and the score of each
      network on the validation split.
    """
    clock = Clock()
    training = make_training(setting, form, at_once)
    training.prepare(len(archs))
    compiling = clock.read()
    return compiling, accuracies_of(training, setting, archs)


def make_training(setting: Setting, form: Form, at_once: int = 0) -> PopulationTraining:
    """What trains networks side by side; nothing is compiled yet.

    Args:
      setting: what is trained.
      form: of the networks.
      at_once: networks that are trained at the same time; 0: as by default.
    """
    return PopulationTraining(
        build_supernet(setting.space, form),
        setting.options,
        setting.batches,
        measure_on_split,
        (setting.task, *setting.valid),
        at_once=at_once,
    )


def accuracies_of(
    training: PopulationTraining, setting: Setting, archs: np.ndarray
) -> list[float]:
    """Trains archs int32 [P, L]; gives their validation accuracies."""
    candidates = [
        Candidate(
            tuple(arch),
            jax.random.fold_in(jax.random.key(0), number),
            jax.random.key(0),
        )
        for number, arch in enumerate(archs.tolist())
    ]
    found: dict[int, Trained] = {}
    training.train(candidates, setting.options.epochs, tell=found.__setitem__)
    score = setting.task.score
    return [found[number].found[score] for number in range(len(archs))]


def train_alone(
    setting: Setting, arch: np.ndarray
) -> tuple[tuple[float, float], float]:
    """Trains a network as a job retrains it; arguments and results likewise."""
    supernet: Supernet = build_supernet(setting.space)
    batches, task = setting.batches, setting.task
    options = RetrainOptions(**dataclasses.asdict(setting.options))
    clock = Clock()
    model = StandaloneModel(supernet.cut(*supernet.init(jax.random.key(0)), arch))
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    step = make_retrain_step(model, optimizer, options, batches, jax.random.key(0))

    @jit_network
    def measure_on(weights: Any, inputs: jax.Array, targets: jax.Array) -> Any:
        return measure(
            task,
            functools.partial(model.predict, *weights),
            inputs,
            targets,
            500,
        )

    score = 0.0

    def on_epoch(state: Any, report: Any) -> Any:
        nonlocal score
        del report
        found = measure_on((state.params, state.stats), *setting.valid)
        score = float(found[task.score])
        return state

    state = initial_retrain_state(model, task, optimizer)
    first = step(state, jnp.arange(batches.num_examples))
    jax.block_until_ready(on_epoch(first, None))
    compiling = clock.read()
    run_epochs(
        initial_retrain_state(model, task, optimizer),
        step,
        key=jax.random.key(0),
        task=task,
        num_examples=batches.num_examples,
        steps_per_epoch=batches.steps_per_epoch,
        epochs=options.epochs,
        on_epoch=on_epoch,
        progress=lambda steps, total, description: steps,
        description="alone",
        should_stop=lambda: False,
    )
    return compiling, score


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    rows = list(
        run(
            _SPACE.value,
            networks=_NETWORKS.value,
            options=TrainingOptions(
                epochs=_EPOCHS.value, batch_size=_BATCH.value, learning_rate=0.1
            ),
            alone=_ALONE.value,
            forms=tuple(map(resolve_form, _FORMS.value)),
            at_once=tuple(map(int, _AT_ONCE.value)),
            source=data_options(_SOURCE.value, _NAME.value),
        )
    )
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "digits", "a registered space")
    _NETWORKS = flags.DEFINE_integer("networks", 64, "P", lower_bound=1)
    _EPOCHS = flags.DEFINE_integer("epochs", 20, "of each training", lower_bound=1)
    _ALONE = flags.DEFINE_integer("alone", 3, "networks trained alone", lower_bound=1)
    _FORMS = flags.DEFINE_multi_enum("forms", ["switch"], FORMS, "forms together")
    _AT_ONCE = flags.DEFINE_list("at_once", ["0"], "networks; 0: as by default")
    _SOURCE = flags.DEFINE_string("source", "digits", "where the data come from")
    _NAME = flags.DEFINE_string("name", "", "of the data set, where there are several")
    _BATCH = flags.DEFINE_integer("batch_size", 64, "examples of a step", lower_bound=1)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
