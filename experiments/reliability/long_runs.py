"""Long runs: memory against generations and checkpoints, programs, resuming.

python -m experiments.reliability.long_runs [--generations=10000] [--population=10]
    [--cycles=1000] [--folder=runs/long_runs] [--figure=docs/long_runs.png]
    [--out=rows.jsonl]

A search by a user's function over so many generations, every architecture new, is
stopped before its end and goes on: with the state that was kept, and from its history
alone. Then the state of a small supernet's training is saved so many times, opened anew
and read back. Either is left out by 0, and not done again if the file of rows has it.
Memory is what the process holds (resident), and what of it is in use, as glibc counts.
"""

import contextlib
import functools
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import matplotlib.pyplot as plt
import numpy as np
from absl import app, flags, logging

from experiments.measuring.grids import Row
from experiments.measuring.processor_time import processor_seconds
from experiments.measuring.rows import append_rows, read_rows, table
from experiments.reliability.crash_jobs import write_files
from experiments.reliability.memory import memory_now
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.nets import build_supernet
from qnas_jax.runs import Checkpoints, WorkFolder
from qnas_jax.spaces import SPACES
from qnas_jax.stopping import Stopped
from qnas_jax.training import SupernetOptions, initial_supernet_state, make_optimizer

_COMPILING = "/jax/core/compile/backend_compile_duration"
_SAMPLES = 100  # of a run

MEMORY = ("resident MiB", "in use MiB")


class CompileCounter:
    """Counts the programs that JAX compiles in this process, from now on.

    Attributes:
      count: so far.
    """

    def __init__(self) -> None:
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self.hear)

    def hear(self, event: str, duration_secs: float, **more: str | int) -> None:
        """Called by JAX for whatever takes time."""
        self.count += event == _COMPILING


class LongSearch:
    """A search in a folder that can be stopped and gone on with.

    Attributes:
      workdir: its work folder.
      over: generations that are over.
    """

    def __init__(self, folder: pathlib.Path, generations: int, population: int):
        """Writes what it needs; what is in the folder goes.

        Args:
          folder: for its files.
          generations: of the search.
          population: architectures of each.
        """
        shutil.rmtree(folder, ignore_errors=True)
        write_files(folder / "files")
        self.workdir = folder / "run"
        self.over = 0
        self._generations = generations
        recipes = str(folder / "files" / "recipes.py")
        self._config = default_config()
        self._config.space.update(name="recipes", file=recipes)
        self._config.evaluator.update(name="function", file=recipes)
        self._config.search.update(
            strategy="random", generations=generations, population=population
        )

    def run(
        self, until: int, each: Callable[[int], object] = lambda generation: None
    ) -> float:
        """Searches until so many generations are over.

        Args:
          until: below those of the search.
          each: called with the number of every generation before it.

        Returns:
          Processor seconds until the first generation that was not known before.
        """
        present, known, started = [0], self.over, processor_seconds()
        waited: list[float] = []

        def progress(steps: Iterable[int], total: int, name: str) -> Iterator[int]:
            for step in steps:
                present[0] = self._generations - total + step
                if present[0] >= known and not waited:
                    waited.append(processor_seconds() - started)
                each(present[0])
                yield step

        setting = open_setting(
            self._config,
            WorkFolder(self.workdir),
            should_stop=lambda: present[0] == until - 1,
            progress=progress,
            say=lambda line: None,
        )
        with contextlib.suppress(Stopped):
            search_architecture(setting)
        self.over = until
        return waited[0]


def search_rows(folder: pathlib.Path, generations: int, population: int) -> list[Row]:
    """Memory and programs of a long search, and what going on with it takes.

    Args:
      folder: for its files.
      generations: of the search; the last two are left to those who go on.
      population: architectures of each.
    """
    search = LongSearch(folder, generations, population)
    programs = CompileCounter()
    rows: list[Row] = []

    def look(generation: int) -> None:
        if generation % max(1, generations // _SAMPLES) == 0:
            rows.append(
                {
                    "what": "search",
                    "number": generation,
                    **memory_now(),
                    "programs": programs.count,
                }
            )

    search.run(generations - 2, look)
    evaluations = (generations - 2) * population
    kept = search.run(generations - 1)
    (search.workdir / "search" / "progress.npz").unlink()
    replayed = search.run(generations)
    for how, seconds in (("kept state", kept), ("history alone", replayed)):
        rows.append({"what": how, "number": evaluations, "seconds": seconds})
    return rows


def checkpoint_rows(folder: pathlib.Path, cycles: int) -> Iterator[Row]:
    """Memory while the state of a training is saved, and opened anew, many times."""
    shutil.rmtree(folder, ignore_errors=True)
    setting = open_setting(default_config(), WorkFolder(folder / "run"))
    supernet = build_supernet(SPACES["digits_tiny"]((8, 8, 1), 10), "switch")
    optimizer = make_optimizer(SupernetOptions(), 10)
    state = initial_supernet_state(
        supernet, setting.task, optimizer, 5, jax.random.key(0)
    )
    for cycle in range(cycles):
        checkpoints = Checkpoints(folder / "checkpoints")
        saved = checkpoints.restore(state)
        state = state if saved is None else saved.state
        state = state.replace(step=state.step + 1)
        checkpoints.save(state)
        checkpoints.close()
        if cycle % max(1, cycles // _SAMPLES) == 0:
            yield {"what": "checkpoints", "number": cycle, **memory_now()}


def growth(
    rows: Sequence[Row], what: str, memory: str = "resident MiB", skipped: float = 0.2
) -> float:
    """Slope of the memory in KiB a unit, behind the first part of a run."""
    own = [row for row in rows if row["what"] == what]
    own = own[int(skipped * len(own)) :]
    numbers, values = ([row[n] for row in own] for n in ("number", memory))
    return float(1024 * np.polyfit(numbers, values, 1)[0])


def draw(rows: Sequence[Row], path: str) -> None:
    """Memory against generations and against checkpoints."""
    labels = {"search": "generation", "checkpoints": "saved, opened anew, read back"}
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for axis, (what, label) in zip(axes, labels.items(), strict=True):
        own = [row for row in rows if row["what"] == what]
        for memory in MEMORY:
            axis.plot([r["number"] for r in own], [r[memory] for r in own])
            if own:
                axis.annotate(
                    memory.removesuffix(" MiB"),
                    (own[-1]["number"], own[-1][memory]),
                    xytext=(0, -4),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                )
        axis.set(xlabel=label, ylabel="MiB")
        axis.set_ylim(bottom=0)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def say(rows: Sequence[Row], population: int) -> None:
    """Prints the growth, the programs and the seconds."""
    sampled = [row for row in rows if row["what"] in ("search", "checkpoints")]
    print(table(sampled[:: _SAMPLES // 10], ["what", "number", *MEMORY]))
    if any(row["what"] == "search" for row in rows):
        for memory in MEMORY:
            slope = growth(rows, "search", memory)
            evaluation = f"{slope / population:.2f} KiB an evaluation"
            print(f"search, {memory}: {slope:.2f} KiB a generation, {evaluation}")
        programs = [row["programs"] for row in rows if row["what"] == "search"]
        print(f"programs after the first sample: {programs[-1] - programs[1]}")
    if any(row["what"] == "checkpoints" for row in rows):
        for memory in MEMORY:
            slope = growth(rows, "checkpoints", memory)
            print(f"checkpoints, {memory}: {slope:.2f} KiB a cycle")
    for row in rows:
        if "seconds" in row:
            seconds = f"{row['seconds']:.1f} processor seconds to go on"
            print(f"{row['what']}: {seconds} after {row['number']} evaluations")


def main(_: Sequence[str]) -> None:
    """Measures what is asked for, and shows all rows."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    rows = read_rows(_OUT.value)
    have = {row["what"] for row in rows}
    parts: list[Callable[[], Iterable[Row]]] = []
    if _GENERATIONS.value and "search" not in have:
        size = _GENERATIONS.value, _POPULATION.value
        parts.append(functools.partial(search_rows, folder / "search", *size))
    if _CYCLES.value and "checkpoints" not in have:
        place = folder / "checkpoints"
        parts.append(functools.partial(checkpoint_rows, place, _CYCLES.value))
    for part in parts:
        new = list(part())
        append_rows(_OUT.value, new)
        rows += new
    say(rows, _POPULATION.value)
    if _FIGURE.value:
        draw(rows, _FIGURE.value)


if __name__ == "__main__":
    _GENERATIONS = flags.DEFINE_integer("generations", 10_000, "0: none", lower_bound=0)
    _POPULATION = flags.DEFINE_integer("population", 10, "", lower_bound=1)
    _CYCLES = flags.DEFINE_integer("cycles", 1_000, "checkpoints", lower_bound=0)
    _FOLDER = flags.DEFINE_string("folder", "runs/long_runs", "for work folders")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file")
    _OUT = flags.DEFINE_string("out", None, "JSONL file, read and written")
    app.run(main)
