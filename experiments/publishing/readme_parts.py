"""What the page of results shows: commands, quick forms, rows and figures."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

from experiments.publishing import cost_results
from experiments.publishing import readme_results as results


@dataclasses.dataclass(frozen=True)
class Part:
    """One command.

    Attributes:
      name: of its files.
      words: script and arguments; {base} is where its files go, {data} the data.
      full: further arguments of the full form.
      quick: those of the quick form; None leaves it out there.
      lines: what the page says of its rows.
      figures: files below {base}, by their names in `docs`.
      peer: whether it takes `--peer`.
      telling: whether its lines stand in the README too.
      long: whether it is run only by `--long` or `--only`: tens of minutes and more.
    """

    name: str
    words: str
    full: str = ""
    quick: str | None = ""
    lines: Callable[[results.Rows], results.Lines] | None = None
    figures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    peer: bool = False
    telling: bool = False
    long: bool = False

    @property
    def shown(self) -> str:
        """The command of the full form as the page names it."""
        words = f"{self.words} {self.full}".split()
        kept = [word for word in words if "{base}" not in word]
        return "python " + " ".join(kept).replace("{data}", "FOLDER")


_ROWS = "--out={base}.jsonl"
_JOB = f"-m experiments.comparisons.whole_jobs {_ROWS} --folder={{base}} "
PARTS = (
    Part(
        "digits",
        _JOB + "--config=digits",
        quick="--seeds=1",
        lines=results.digits,
        figures={"registers.png": "seed_0/figures/register_heatmap.png"},
        telling=True,
    ),
    Part(
        "cifar10",
        _JOB + "--config=cifar10_small",
        full="--seeds=5",
        quick="--seeds=1 --overrides=data.max_train=2000,supernet.epochs=1,"
        "search.generations=3,retrain.epochs=2",
        lines=results.cifar10,
        telling=True,
    ),
    Part(
        "series",
        f"-m experiments.comparisons.series.study {_ROWS} --folder={{base}} "
        "--figure={base}.png",
        quick="--sets=Chinatown,ItalyPowerDemand --overrides=search.generations=2,"
        "train.epochs=2,retrain.epochs=2",
        lines=results.series,
        figures={"series_ranks.png": ".png"},
        telling=True,
    ),
    Part(
        "sentences",
        _JOB + "--config=sst2 --seeds=1",
        quick="--overrides=search.generations=1,train.epochs=1,retrain.epochs=1",
        lines=results.sentences,
        telling=True,
    ),
    Part(
        "language",
        _JOB + "--config=language --seeds=1",
        quick="--overrides=search.generations=1,train.epochs=1,retrain.epochs=1",
        lines=results.language,
        telling=True,
    ),
    Part(
        "equal_time",
        f"-m experiments.comparisons.trained_candidates {_ROWS}",
        full="--seeds=5",
        quick="--seeds=1 --epochs=2 --factor=0.2 --retrainings=1",
        lines=results.equal_time,
        telling=True,
    ),
    Part(
        "comparison",
        "-m experiments.comparisons.strategies --data_dir={data} --folder={base}",
        quick="--quick",
        lines=results.comparison,
        figures={
            "comparison.png": "figures/regret_curves.png",
            "ranks.png": "figures/ranks_100.png",
        },
        telling=True,
    ),
    Part(
        "searches",
        f"-m experiments.benches.search --data_dir={{data}} {_ROWS}",
        full="--many=100000",
        quick="--passes=3",
        lines=results.searches,
        telling=True,
    ),
    Part(
        "proxies",
        f"-m experiments.comparisons.zero_cost_proxies --data_dir={{data}} {_ROWS}",
        quick="--num_archs=50 --num_images=16",
        lines=results.proxies,
    ),
    Part(
        "hamiltonian_search",
        f"-m experiments.comparisons.hamiltonian_search --data_dir={{data}} {_ROWS} "
        "--figure={base}.png",
        full="--large_seeds=0",
        quick="--seeds=3 --large_seeds=0 --evaluations=50",
        lines=results.hamiltonian,
        figures={"hamiltonian_search.png": ".png"},
    ),
    Part(
        "search_rules",
        f"-m experiments.comparisons.search_rules --data_dir={{data}} {_ROWS}",
        quick="--seeds=3",
    ),
    Part(
        "statevector",
        f"-m experiments.benches.statevector {_ROWS} "
        "--cases=gradient-20,batch_gradient-12,value-20",
        quick="--passes=2",
        lines=results.statevector,
        telling=True,
    ),
    Part(
        "circuits",
        f"-m experiments.benches.circuits {_ROWS}",
        quick="--qubits=12 --passes=3",
        lines=results.circuits,
    ),
    Part(
        "scoring",
        f"-m experiments.benches.scoring --simple=0 {_ROWS}",
        quick=None,
        lines=results.scoring,
        peer=True,
    ),
    Part(
        "scoring_digits",
        f"-m experiments.benches.scoring --space=digits --small {_ROWS}",
        quick="--passes=2",
        lines=results.scoring,
    ),
    Part(
        "population",
        f"-m experiments.benches.population --networks=64 --alone=2 {_ROWS}",
        quick=None,
        lines=results.population,
    ),
    Part(
        "training",
        f"-m experiments.benches.training --nogradient {_ROWS}",
        quick=None,
        lines=results.training,
        peer=True,
        telling=True,
    ),
    Part(
        "budgets",
        f"-m experiments.comparisons.budgets {_ROWS}",
        quick="--seeds=2 --evaluations=20 --only=random,qudit",
        lines=cost_results.budgets,
        long=True,
    ),
    Part(
        "fronts",
        "-m experiments.comparisons.fronts --data_dir={data} --folder={base}",
        quick="--seeds=2 --only=random,nsga2 --devices=pixel3",
        lines=cost_results.fronts,
        figures={"fronts.png": "fronts.png"},
        long=True,
    ),
    Part(
        "exports",
        "-m experiments.benches.exports --rows={base}.jsonl",
        quick="--spaces=digits_tiny --subnets=1",
        lines=cost_results.exports,
        long=True,
    ),
    Part(
        "costs",
        "-m experiments.benches.costs --rows={base}.jsonl",
        quick="--spaces=digits_tiny --subnets=1",
        lines=cost_results.costs,
        long=True,
    ),
    Part(
        "predictors",
        f"-m experiments.comparisons.latency_predictors --data_dir={{data}} {_ROWS} "
        "--figure={base}.png",
        quick="--spaces=fbnet --seeds=1 --samples=10,50 --methods=learnt",
        lines=cost_results.predictors,
        figures={"latency_predictors.png": ".png"},
        long=True,
    ),
)


def rows_file(part: Part, folder: pathlib.Path) -> pathlib.Path:
    """Where a part keeps its rows."""
    inside = folder / part.name / "rows.jsonl"
    return inside if "{base}.jsonl" not in part.words else folder / f"{part.name}.jsonl"


def rows_of(part: Part, folder: pathlib.Path) -> results.Rows:
    """The rows of a part; none if it was not run."""
    file = rows_file(part, folder)
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
