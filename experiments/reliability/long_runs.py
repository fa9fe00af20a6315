"""Long runs: memory against generations and checkpoints, programs, resuming.

python -m experiments.reliability.long_runs [--generations=10000] [--population=10]
    [--cycles=1000] [--folder=runs/long_runs] [--figure=long_runs.png]
    [--out=rows.jsonl]

A search by a user's function over so many generations, every architecture new, is
stopped before its end and goes on: with the state that was kept, and from its history
alone. Then the state of a small supernet's training is saved so many times.
"""

import contextlib
import ctypes
import pathlib
import resource
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import matplotlib.pyplot as plt
import numpy as np
from absl import app, flags, logging

from experiments.measuring.grids import Row
from experiments.measuring.processor_time import processor_seconds
from experiments.measuring.rows import table, write_rows
from experiments.reliability.crash_jobs import write_files
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


def resident_mib() -> float:
    """Resident memory of this process now, without what is only free to be used.

    glibc keeps freed memory, in as many pools as there were threads; it is asked to
    give it back before.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


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
                    "resident MiB": resident_mib(),
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
            yield {
                "what": "checkpoints",
                "number": cycle,
                "resident MiB": resident_mib(),
            }


def growth(rows: Sequence[Row], what: str, skipped: float = 0.1) -> float:
    """Slope of the resident memory in KiB a unit, behind the first part of a run."""
    own = [row for row in rows if row["what"] == what]
    own = own[int(skipped * len(own)) :]
    numbers, memory = ([row[n] for row in own] for n in ("number", "resident MiB"))
    return float(1024 * np.polyfit(numbers, memory, 1)[0])


def draw(rows: Sequence[Row], path: str) -> None:
    """Resident memory against generations and against checkpoints."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    labels = {"search": "generation", "checkpoints": "saved and read back"}
    for axis, (what, label) in zip(axes, labels.items(), strict=True):
        own = [row for row in rows if row["what"] == what]
        axis.plot([r["number"] for r in own], [r["resident MiB"] for r in own])
        axis.set(xlabel=label, ylabel="resident MiB")
        axis.set_ylim(bottom=0)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(_: Sequence[str]) -> None:
    """Prints the growth, the programs and the seconds."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    rows = search_rows(folder / "search", _GENERATIONS.value, _POPULATION.value)
    write_rows(_OUT.value, rows)
    rows += checkpoint_rows(folder / "checkpoints", _CYCLES.value)
    write_rows(_OUT.value, rows)
    sampled = [row for row in rows if row["what"] in ("search", "checkpoints")]
    print(table(sampled[:: _SAMPLES // 10], ["what", "number", "resident MiB"]))
    per_generation = growth(rows, "search")
    print(f"search: {per_generation:.2f} KiB a generation", end="")
    print(f", {per_generation / _POPULATION.value:.2f} KiB an evaluation")
    programs = [row["programs"] for row in rows if row["what"] == "search"]
    print(f"programs after the first sample: {programs[-1] - programs[1]}")
    print(f"checkpoints: {growth(rows, 'checkpoints'):.2f} KiB a cycle")
    for row in rows:
        if "seconds" in row:
            seconds = f"{row['seconds']:.1f} processor seconds to go on"
            print(f"{row['what']}: {seconds} after {row['number']} evaluations")
    if _FIGURE.value:
        draw(rows, _FIGURE.value)


if __name__ == "__main__":
    _GENERATIONS = flags.DEFINE_integer("generations", 10_000, "", lower_bound=200)
    _POPULATION = flags.DEFINE_integer("population", 10, "", lower_bound=1)
    _CYCLES = flags.DEFINE_integer("cycles", 1_000, "checkpoints", lower_bound=20)
    _FOLDER = flags.DEFINE_string("folder", "runs/long_runs", "for work folders")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
