"""Minimises a cost with one of the optimisers: a QUBO file, or an evaluated history.

A history becomes a cost Hamiltonian first: the posterior mean of the model that the
`hamiltonian` strategy fits (`searching/models/surrogate.py`). Its solutions are
architectures that were predicted, not evaluated; the answer says so.
"""

import concurrent.futures
import dataclasses
import functools
import pathlib
from typing import Any

import jax
import numpy as np

from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.solve.evaluated_history import Scored, fit_hamiltonian, read_history
from qnas_jax.jobs.solve.options import ProblemOptions, SolveConfig
from qnas_jax.optimise import OPTIMISERS, Levels, Problem, Result, read_problem
from qnas_jax.options import OptionError, option_group
from qnas_jax.runs import read_sealed, write_json, write_sealed
from qnas_jax.shipped import shipped_file
from qnas_jax.stopping import Stopped


@dataclasses.dataclass(frozen=True)
class _Target:
    """What is minimised, and how its bits are read.

    Attributes:
      problem: the cost over bits.
      form: the registers behind the bits; None for a QUBO of the user's own.
      encoding: of the registers.
      history: what the form was fitted to.
    """

    problem: Problem
    form: Levels | None = None
    encoding: str = ""
    history: Scored | None = None


def check_problem(setting: Setting) -> None:
    """Reads the problem and hands its form to the optimiser, which computes nothing.

    Args:
      setting: the run.

    Raises:
      UserError: as `solve_problem`.
    """
    config: SolveConfig = setting.config
    problem = _read_target(config.problem).problem
    run = functools.partial(
        OPTIMISERS[config.solver.optimiser].run, options=config.optimiser
    )
    with option_group(config.solver.optimiser, type(config.optimiser)):
        jax.eval_shape(run, problem, jax.random.key(0))


def solve_problem(setting: Setting) -> list[str]:
    """Runs the optimiser and writes `solution.json`.

    Args:
      setting: the run.

    Returns:
      Lines to print.

    Raises:
      OptionError: no file is named, or it is of an unknown kind.
      MissingFileError: there is no such file.
      UserError: the file is damaged, or the problem too large for the optimiser.
      Stopped: the user asked to stop; finished runs are kept.
    """
    config: SolveConfig = setting.config
    target = _read_target(config.problem)
    name = config.solver.optimiser
    found = _runs(setting, target)
    best = min(found, key=lambda run: run["cost"])
    solution = {
        "file": config.problem.file,
        "qubits": len(target.problem.num_levels),
        "optimiser": name,
        "cost": best["cost"],
        "evaluations": sum(run["evaluations"] for run in found),
        "trace": best["trace"],
        "best": _lowest(found, config.solver.keep),
    }
    write_json(setting.folder.path / "solution.json", solution)
    return _lines(target, solution, setting.folder.path)


def _runs(setting: Setting, target: _Target) -> list[dict[str, Any]]:
    """What is kept of all runs, after those were made that are not there yet.

    As many as there are devices go on at once, each on one of them, with equal results.
    """
    runs = setting.config.solver.runs
    paths = [setting.folder.path / "solve" / f"run-{each}.json" for each in range(runs)]
    devices = jax.local_devices()[: setting.devices.count]
    run = functools.partial(_run, setting.config, target)
    starts = range(0, runs, len(devices))
    with concurrent.futures.ThreadPoolExecutor(len(devices)) as pool:
        for first in setting.progress(starts, len(starts), "runs"):
            together = range(first, min(first + len(devices), runs))
            missing = [number for number in together if not paths[number].exists()]
            if missing and setting.should_stop():
                raise Stopped
            found = pool.map(run, missing, devices)
            for number, row in zip(missing, found, strict=True):
                write_sealed(paths[number], row)
    return [read_sealed(path, "--stage=solve does it again") for path in paths]


def _run(
    config: SolveConfig, target: _Target, number: int, device: jax.Device
) -> dict[str, Any]:
    """One run on a device of its own."""
    with jax.default_device(device):
        root = jax.random.key(config.seed)
        key = jax.random.fold_in(root, number) if number else root
        optimise = OPTIMISERS[config.solver.optimiser]
        result = optimise(target.problem, key, config.optimiser)
        return _run_row(target, result, config.solver.keep)


def _run_row(target: _Target, result: Result, keep: int) -> dict[str, Any]:
    """What is kept of one run."""
    return {
        "cost": float(result.cost),
        "evaluations": int(result.evaluations),
        "trace": np.asarray(result.trace).tolist(),
        "best": _distinct(target, result, keep),
    }


def _lowest(found: list[dict[str, Any]], keep: int) -> list[dict[str, Any]]:
    """The lowest distinct strings of all runs, cheapest first."""
    by_bits = {entry["bits"]: entry for run in found for entry in run["best"]}
    return sorted(by_bits.values(), key=lambda entry: entry["cost"])[:keep]


def _read_target(options: ProblemOptions) -> _Target:
    path = shipped_file(options.file)
    if not options.file:
        raise OptionError("problem.file", "", "a file .json, .csv or .jsonl")
    if path.suffix.lower() in (".json", ".csv"):
        return _Target(read_problem(path))
    if path.suffix.lower() != ".jsonl":
        raise OptionError("problem.file", options.file, "a file .json, .csv or .jsonl")
    history = read_history(path, options.num_ops)
    form = fit_hamiltonian(history)
    if options.encoding == "one_hot":
        penalty = options.penalty or float(np.ptp(history.scores)) or 1.0
        return _Target(form.as_one_hot(penalty), form, "one_hot", history)
    worst = -float(history.scores.min()) + float(np.ptp(history.scores))
    return _Target(form.as_binary(worst), form, "binary", history)


def _distinct(target: _Target, result: Result, keep: int) -> list[dict[str, Any]]:
    """The best string and the lowest distinct samples, cheapest first."""
    bits = np.concatenate([result.levels[None], result.samples])
    costs = np.concatenate([np.atleast_1d(result.cost), result.sample_costs])
    _, first = np.unique(bits, axis=0, return_index=True)
    order = first[np.argsort(costs[first], kind="stable")][:keep]
    return [_describe(target, bits[row], float(costs[row])) for row in order]


def _describe(target: _Target, bits: np.ndarray, cost: float) -> dict[str, Any]:
    found: dict[str, Any] = {"bits": "".join(map(str, bits.tolist())), "cost": cost}
    if target.form is None or target.history is None:
        return found
    arch = _arch_of(bits, target.form.num_levels, target.encoding)
    found["arch"] = arch
    if arch is not None:
        found["predicted_score"] = -cost
        found["evaluated_score"] = target.history.score_of(arch)
    return found


def _arch_of(
    bits: np.ndarray, num_levels: tuple[int, ...], encoding: str
) -> list[int] | None:
    """The registers' levels, or None if some register's bits name none."""
    one_hot = encoding == "one_hot"
    widths = [k if one_hot else (k - 1).bit_length() for k in num_levels]
    arch = []
    for part, count in zip(
        np.split(bits, np.cumsum(widths)[:-1]), num_levels, strict=True
    ):
        if one_hot and part.sum() != 1:
            return None
        level = int(part.argmax() if one_hot else int("0" + "".join(map(str, part)), 2))
        if level >= count:
            return None
        arch.append(level)
    return arch


def _lines(target: _Target, solution: dict[str, Any], path: pathlib.Path) -> list[str]:
    best = solution["best"][0]
    lines = [
        f"{solution['optimiser']}: cost {_digits(solution['cost'])} at {best['bits']} "
        f"after {solution['evaluations']} evaluations of the cost; "
        f"{path / 'solution.json'}"
    ]
    if target.history is not None:
        told = best.get("evaluated_score")
        seen = "not evaluated yet" if told is None else f"evaluated: {told:.6g}"
        lines.append(
            f"architecture {best['arch']}: predicted score {-best['cost']:.6g} from "
            f"{len(target.history.scores)} evaluations, {seen}"
        )
    return lines


def _digits(cost: float) -> str:
    """Six digits; all of whole numbers, and of what may be small beside a constant."""
    if cost.is_integer() and abs(cost) < 2**53:
        return str(int(cost))
    return f"{cost:.6g}" if abs(cost) < 1e5 else f"{cost:.15g}"
