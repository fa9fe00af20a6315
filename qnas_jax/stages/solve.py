"""Minimises a cost with one of the optimisers: a QUBO file, or an evaluated history.

A history becomes a cost Hamiltonian first: the posterior mean of the model that the
`hamiltonian` strategy fits (`search/models/surrogate.py`). Its solutions are
architectures that were predicted, not evaluated; the answer says so.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from qnas_jax.optimise.problems.files import read_problem
from qnas_jax.optimise.problems.problem import Levels, Problem
from qnas_jax.optimise.registry import OPTIMISERS
from qnas_jax.optimise.result import Result
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder, environment, write_json
from qnas_jax.stages.evaluated_history import Scored, fit_hamiltonian, read_history
from qnas_jax.stages.solve_config import ProblemOptions, SolveConfig


@dataclasses.dataclass(frozen=True)
class _Task:
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


def solve_problem(
    config: SolveConfig, folder: WorkFolder, command: list[str]
) -> list[str]:
    """Runs the optimiser and writes `solution.json`.

    Args:
      config: the options.
      folder: the work folder.
      command: the command line, for `environment.json`.

    Returns:
      Lines to print.

    Raises:
      OptionError: no file is named, or it is of an unknown kind.
      MissingFileError: there is no such file.
      UserError: the file is damaged, or the problem too large for the optimiser.
    """
    task = _read_task(config.problem)
    write_json(folder.path / "config.json", config.as_dict())
    write_json(folder.path / "environment.json", environment(command))
    name = config.solver.optimiser
    solve = jax.jit(OPTIMISERS[name].run, static_argnames="options")
    with folder.timed("solve"):
        key = jax.random.key(config.seed)
        result = jax.device_get(solve(task.problem, key, options=config.optimiser))
    solution = {
        "file": config.problem.file,
        "qubits": task.problem.num_qubits,
        "optimiser": name,
        "cost": float(result.cost),
        "evaluations": int(result.evaluations),
        "trace": np.asarray(result.trace).tolist(),
        "best": _distinct(task, result, config.solver.keep),
    }
    write_json(folder.path / "solution.json", solution)
    return _lines(task, solution, folder.path)


def _read_task(options: ProblemOptions) -> _Task:
    path = pathlib.Path(options.file)
    if not options.file:
        raise OptionError("problem.file", "", "a file .json, .csv or .jsonl")
    if path.suffix in (".json", ".csv"):
        return _Task(read_problem(path))
    if path.suffix != ".jsonl":
        raise OptionError("problem.file", options.file, "a file .json, .csv or .jsonl")
    history = read_history(path, options.num_ops)
    form = fit_hamiltonian(history)
    if options.encoding == "one_hot":
        penalty = options.penalty or float(np.ptp(history.scores)) or 1.0
        return _Task(form.as_one_hot(penalty), form, "one_hot", history)
    worst = -float(history.scores.min()) + float(np.ptp(history.scores))
    return _Task(form.as_binary(worst), form, "binary", history)


def _distinct(task: _Task, result: Result, keep: int) -> list[dict[str, Any]]:
    """The best string and the lowest distinct samples, cheapest first."""
    bits = np.concatenate([result.bits[None], result.samples])
    costs = np.concatenate([np.atleast_1d(result.cost), result.sample_costs])
    _, first = np.unique(bits, axis=0, return_index=True)
    order = first[np.argsort(costs[first], kind="stable")][:keep]
    return [_describe(task, bits[row], float(costs[row])) for row in order]


def _describe(task: _Task, bits: np.ndarray, cost: float) -> dict[str, Any]:
    found: dict[str, Any] = {"bits": "".join(map(str, bits.tolist())), "cost": cost}
    if task.form is None or task.history is None:
        return found
    arch = _arch_of(bits, task.form.num_levels, task.encoding)
    found["arch"] = arch
    if arch is not None:
        found["predicted_score"] = -cost
        found["evaluated_score"] = task.history.score_of(arch)
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


def _lines(task: _Task, solution: dict[str, Any], path: pathlib.Path) -> list[str]:
    best = solution["best"][0]
    lines = [
        f"{solution['optimiser']}: cost {solution['cost']:.6g} at {best['bits']} after "
        f"{solution['evaluations']} evaluations of the cost; {path / 'solution.json'}"
    ]
    if task.history is not None:
        told = best.get("evaluated_score")
        seen = "not evaluated yet" if told is None else f"evaluated: {told:.6g}"
        lines.append(
            f"architecture {best['arch']}: predicted score {-best['cost']:.6g} from "
            f"{len(task.history.scores)} evaluations, {seen}"
        )
    return lines
