"""Regenerates the tables and figures of the README, each by its own command.

python -m experiments.run_all --data_dir=FOLDER [--quick] [--folder=FOLDER]
    [--only=comparison,...] [--peer=FOLDER] [--publish]

Every part writes its rows (JSONL) and figures below the folder and prints its table
into `<part>.txt`; a part that fails is named at the end and stops no other. From the
rows that are there, and from nothing else, `README_results.md` is made. The quick form
takes fewer seeds and smaller jobs, and leaves out what takes long to compile.
`--publish` puts the tables into the README and the figures into `docs`, once every part
has its rows. The folder of `--peer` holds the public BQNAS code (see
experiments/torch_peer.py).
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from absl import app, flags

from experiments import readme_results as results

ROOT = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Part:
    """One command.

    Attributes:
      name: of its files.
      words: script and arguments; {base} is where its files go, {data} the data.
      full: further arguments of the full form.
      quick: those of the quick form; None leaves it out there.
      lines: what the README says of its rows.
      figures: files below {base}, by their names in `docs`.
      peer: whether it takes `--peer`.
    """

    name: str
    words: str
    full: str = ""
    quick: str | None = ""
    lines: Callable[[results.Rows], results.Lines] | None = None
    figures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    peer: bool = False

    @property
    def shown(self) -> str:
        """The command as the README names it."""
        kept = [word for word in self.words.split() if "{base}" not in word]
        return "python " + " ".join(kept).replace("{data}", "FOLDER")


_ROWS = "--out={base}.jsonl"
_JOB = f"-m experiments.whole_jobs {_ROWS} --folder={{base}} "
PARTS = (
    Part(
        "digits",
        _JOB + "--config=digits",
        quick="--seeds=1",
        lines=results.digits,
        figures={"registers.png": "seed_0/figures/register_heatmap.png"},
    ),
    Part(
        "cifar10",
        _JOB + "--config=cifar10_small --seeds=1",
        quick="--overrides=data.max_train=2000,supernet.epochs=1,search.generations=3,"
        "retrain.epochs=1",
        lines=results.cifar10,
    ),
    Part(
        "comparison",
        "-m experiments.compare_strategies --data_dir={data} --folder={base}",
        quick="--quick",
        lines=results.comparison,
        figures={
            "comparison.png": "figures/regret_curves.png",
            "ranks.png": "figures/ranks_100.png",
        },
    ),
    Part(
        "searches",
        f"-m experiments.bench_search --data_dir={{data}} {_ROWS}",
        full="--many=100000",
        quick="--passes=3",
        lines=results.searches,
    ),
    Part(
        "samplers",
        f"-m experiments.sampler_ablation --data_dir={{data}} {_ROWS}",
        quick="--quick",
        lines=results.samplers,
    ),
    Part(
        "proxies",
        f"-m experiments.zero_cost_proxies --data_dir={{data}} {_ROWS}",
        quick="--num_archs=50 --num_images=16",
        lines=results.proxies,
    ),
    Part(
        "hamiltonian_search",
        f"-m experiments.hamiltonian_search --data_dir={{data}} {_ROWS} "
        "--figure={base}.png",
        quick="--seeds=3 --large_seeds=1 --evaluations=50",
        lines=results.hamiltonian,
        figures={"hamiltonian_search.png": ".png"},
    ),
    Part(
        "search_rules",
        f"-m experiments.search_rules --data_dir={{data}} {_ROWS}",
        quick="--seeds=3",
    ),
    Part(
        "statevector",
        f"-m experiments.bench_statevector {_ROWS} "
        "--cases=value-20,gradient-20,batch_gradient-12",
        quick="--passes=2",
        lines=results.statevector,
    ),
    Part(
        "circuits",
        f"-m experiments.bench_circuits {_ROWS}",
        quick="--qubits=12 --passes=3",
        lines=results.circuits,
    ),
    Part(
        "scoring",
        f"-m experiments.bench_scoring --simple=0 {_ROWS}",
        quick=None,
        lines=results.scoring,
        peer=True,
    ),
    Part(
        "scoring_digits",
        f"-m experiments.bench_scoring --space=digits --small {_ROWS}",
        quick="--passes=2",
        lines=results.scoring,
    ),
    Part(
        "training",
        f"-m experiments.bench_training --nogradient {_ROWS}",
        quick=None,
        lines=results.training,
        peer=True,
    ),
    Part(
        "ablations", f"-m experiments.ablations --data_dir={{data}} {_ROWS}", quick=None
    ),
)


def command(
    part: Part, *, quick: bool, folder: pathlib.Path, data: str, peer: str = ""
) -> list[str]:
    """The command line of a part.

    Args:
      part: what to run; it has a quick form if that is asked for.
      quick: which form.
      folder: where its files go.
      data: the data folder.
      peer: folder of the public BQNAS code, for parts that take it; "" for none.

    Returns:
      Words, the first the interpreter.
    """
    arguments = part.quick if quick else part.full
    if arguments is None:
        raise ValueError(f"{part.name}: got quick, expected full; it has no quick form")
    words = f"{part.words} {arguments}".split()
    places = {"base": folder / part.name, "data": data}
    more = [f"--peer={peer}"] if peer and part.peer else []
    return [sys.executable, *(word.format(**places) for word in words), *more]


def run(
    parts: Sequence[Part],
    *,
    quick: bool,
    folder: pathlib.Path,
    data: str,
    peer: str = "",
) -> dict[str, float]:
    """Runs the parts one after the other.

    Args:
      parts: what to run.
      quick: which form; parts without a quick form are left out of it.
      folder: where files go.
      data: the data folder; parts also find it in QNAS_DATA_DIR.
      peer: folder of the public BQNAS code, or "".

    Returns:
      The seconds of each part that was run, negative for those that failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    surroundings = {**os.environ, "QNAS_DATA_DIR": data}
    seconds = {}
    for part in parts:
        if quick and part.quick is None:
            continue
        words = command(part, quick=quick, folder=folder, data=data, peer=peer)
        sys.stderr.write(f"{part.name}: {' '.join(words[1:])}\n")
        before = time.perf_counter()
        with (folder / f"{part.name}.txt").open("w") as printed:
            done = subprocess.run(
                words,
                stdout=printed,
                stderr=subprocess.PIPE,
                env=surroundings,
                cwd=ROOT,
            )
        taken = time.perf_counter() - before
        seconds[part.name] = -taken if done.returncode else taken
        (folder / f"{part.name}.log").write_bytes(done.stderr)
    return seconds


def rows_file(part: Part, folder: pathlib.Path) -> pathlib.Path:
    """Where a part keeps its rows."""
    inside = folder / part.name / "rows.jsonl"
    return inside if "{base}.jsonl" not in part.words else folder / f"{part.name}.jsonl"


def read_rows(part: Part, folder: pathlib.Path) -> results.Rows:
    """The rows of a part; none if it was not run."""
    file = rows_file(part, folder)
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def tables(folder: pathlib.Path) -> dict[str, str]:
    """The tables of the README by their markers, from the rows that are there."""
    lines = [
        f"| {what} | {result} | `{part.shown}` |"
        for part in PARTS
        if part.lines and (rows := read_rows(part, folder))
        for what, result in part.lines(rows)
    ]
    made = {}
    if lines:
        head = ["| what | result | command |", "| --- | --- | --- |"]
        made["results"] = "\n".join(head + lines)
    by_name = {part.name: part for part in PARTS}
    if rules := read_rows(by_name["search_rules"], folder):
        made["search rules"] = results.search_rules(rules)
    return made


def publish(
    made: Mapping[str, str],
    folder: pathlib.Path,
    readme: pathlib.Path,
    docs: pathlib.Path,
) -> None:
    """Puts tables into the README and figures into its folder.

    Args:
      made: of `tables`; each replaces what stands between
        `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
      folder: of the results.
      readme: the file.
      docs: folder of its figures.

    Raises:
      ValueError: a part has no rows, or the README lacks the markers of a table.
    """
    missing = [part.name for part in PARTS if not read_rows(part, folder)]
    if missing:
        raise ValueError(f"{folder}: got no rows of {', '.join(missing)}; run them")
    text = readme.read_text("utf-8")
    for name, content in made.items():
        begin, end = f"<!-- begin: {name} -->\n", f"\n<!-- end: {name} -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        if not re.search(pattern, text, flags=re.DOTALL):
            raise ValueError(f"{readme}: got no {begin.strip()} ... {end.strip()}")
        block = f"{begin}{content}{end}"
        text = re.sub(pattern, lambda _, b=block: b, text, flags=re.DOTALL)
    readme.write_text(text, "utf-8")
    for part in PARTS:
        for name, source in part.figures.items():
            file = folder / (part.name + ("" if source[0] == "." else "/") + source)
            if file.is_file():
                shutil.copyfile(file, docs / name)


def summary(seconds: dict[str, float], folder: pathlib.Path) -> str:
    """One line a part, and the time in all."""
    lines = [
        f"{name:20} {abs(taken):7.1f} s  "
        + (f"failed, see {folder / name}.log" if taken < 0 else f"{folder / name}.*")
        for name, taken in seconds.items()
    ]
    total = sum(abs(taken) for taken in seconds.values())
    return "\n".join([*lines, f"{'in all':20} {total:7.1f} s"])


def main(_: Sequence[str]) -> int:
    """Runs all parts, writes the tables, prints where results lie."""
    form = "quick" if _QUICK.value else "all"
    folder = pathlib.Path(_FOLDER.value or f"runs/{form}").resolve()
    names = _ONLY.value or [part.name for part in PARTS]
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        raise app.UsageError(
            f"--only: got {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(part.name for part in PARTS)}"
        )
    if _QUICK.value and _PUBLISH.value:
        raise app.UsageError("--publish: got --quick, expected the full form")
    parts = [part for part in PARTS if part.name in names]
    data = str(pathlib.Path(_DATA_DIR.value).resolve())
    seconds = run(parts, quick=_QUICK.value, folder=folder, data=data, peer=_PEER.value)
    made = tables(folder)
    text = "\n\n".join(made.values())
    (folder / "README_results.md").write_text(text + "\n", "utf-8")
    if _PUBLISH.value:
        publish(made, folder, ROOT / "README.md", ROOT / "docs")
    print(summary(seconds, folder))
    print(f"{'tables':20}            {folder / 'README_results.md'}")
    return int(any(taken < 0 for taken in seconds.values()))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the data"
    )
    _QUICK = flags.DEFINE_bool("quick", False, "fewer seeds, nothing slow to compile")
    _FOLDER = flags.DEFINE_string(
        "folder", None, "where results are written; runs/all or runs/quick"
    )
    _ONLY = flags.DEFINE_list("only", [], "parts to run; all by default")
    _PEER = flags.DEFINE_string("peer", "", "folder of the public BQNAS code")
    _PUBLISH = flags.DEFINE_bool("publish", False, "into the README and docs")
    app.run(main)
