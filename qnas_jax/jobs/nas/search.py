"""Stage 2: searches, by whatever evaluator was chosen.

The history is the checkpoint, see `generations.py`.
"""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation import (
    EVALUATORS,
    Evaluation,
    Evaluator,
    KnownEvaluations,
    MemoisedEvaluator,
)
from qnas_jax.jobs.nas.fronts import front_strategy, search_front
from qnas_jax.jobs.nas.generations import EvaluateFn, run_generations
from qnas_jax.jobs.nas.known_worth import worth_by_truth
from qnas_jax.jobs.nas.metrics import check_score
from qnas_jax.jobs.nas.scores import candidate_evaluator, subnet_evaluator
from qnas_jax.jobs.nas.search_rows import Found, history_of, repaired
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.strategies import check_fidelities, strategy_of
from qnas_jax.options import OptionError
from qnas_jax.runs import RowLog, RunError, WorkFolder, write_arrays, write_json
from qnas_jax.searching import (
    SearchState,
    Step,
    Strategy,
    generation_keys,
    host_search,
    start,
)
from qnas_jax.spaces import arch_to_string


class NoFiniteScoreError(UserError, ArithmeticError):
    """Every architecture failed."""


_UNUSABLE = (
    "; the supernet's weights are not usable, train it again with a smaller "
    "supernet.learning_rate"
)


def check_search(setting: NasSetting) -> None:
    """Checks the options of a search.

    Args:
      setting: the run; no stage of it need be finished.

    Raises:
      UserError: the task has no such score, the strategy cannot search this space, no
        architecture keeps the constraints, or the evaluator cannot be made or has
        other fidelities.
    """
    check_score(setting)
    if setting.config.search.objectives:
        _check_objectives(setting)
    else:
        search_strategy(setting)
    _ = setting.budget
    if not EVALUATORS[setting.config.evaluator.name].trains:
        _checked_evaluator(setting).close()


def search_architecture(setting: NasSetting) -> None:
    """Searches, and writes the history, the registers and `best_arch.json`.

    Where the true accuracies of the space are known, it says that of its pick.

    Args:
      setting: the run; its supernet stage is finished.

    Raises:
      Stopped: the user asked to stop; the history holds all evaluations.
      NoFiniteScoreError: no architecture got a finite score.
      RunError: the history, or the supernet's weights, are gone or damaged.
    """
    history = history_of(setting.folder)
    evaluator = _evaluator(setting, history)
    try:
        if setting.config.search.objectives:
            found = search_front(setting, evaluator, history)
        else:
            found = _run(setting, search_strategy(setting), evaluator, history)
        _write_found(setting, found, evaluator, history)
        worth = worth_by_truth(setting, found.arch.tolist(), "the search's pick")
        if worth is not None:
            setting.say(f"search: {worth.sentence}")
    finally:
        evaluator.close()


def _check_objectives(setting: NasSetting) -> None:
    """Raises UserError if a front cannot be searched for."""
    objectives = setting.config.search.objectives
    known = tuple(setting.costs.by_op) if setting.has_networks else ()
    for name in objectives[1:]:
        if name not in known:
            allowed = f"{objectives[0]}, then some of {', '.join(known)}"
            raise OptionError("search.objectives", objectives, allowed)
    front_strategy(setting)


def search_strategy(setting: NasSetting) -> Strategy:
    """The strategy of a run whose search has one objective."""
    config = setting.config
    return strategy_of(config.search, config.strategy, setting.space.num_ops)


def _checked_evaluator(setting: NasSetting) -> Evaluator:
    """The evaluator of the run, with the fidelities that its strategy counts."""
    config = setting.config
    if EVALUATORS[config.evaluator.name].trains:
        evaluator = subnet_evaluator(setting)
    else:
        evaluator = candidate_evaluator(setting)
    check_fidelities(
        config.search.strategy,
        config.strategy,
        evaluator.fidelities,
        f"the evaluator {config.evaluator.name}",
    )
    return evaluator


def _write_found(
    setting: NasSetting, found: Found, evaluator: MemoisedEvaluator, history: RowLog
) -> None:
    if not np.isfinite(found.score):
        first = evaluator.history[0]
        why = ""
        if setting.config.evaluator.name == "supernet":
            ops = setting.non_finite_ops()
            why = f"; {ops}" if ops else _UNUSABLE
        raise NoFiniteScoreError(
            f"search: none of {len(evaluator.history)} evaluations got a finite score; "
            f"the first: {first.reason or first.status}{why}"
        )
    _write_registers(setting, found.registers)
    arch = found.arch
    write_json(
        setting.folder.path / "best_arch.json",
        {
            "space": setting.space.name,
            "arch": arch.tolist(),
            "string": arch_to_string(setting.space, arch),
            "score": found.score,
            "scored_by": evaluator.score.metric,
            "constraints": setting.config.constraints.limits(),
            "objectives": list(setting.config.search.objectives),
            "evaluations": sum(
                generation < setting.config.search.generations
                for generation in evaluator.history.generations
            ),
            "layers": setting.describe(arch),
        },
    )
    _write_baselines(setting, evaluator, history)


def _run(
    setting: NasSetting,
    strategy: Strategy,
    evaluator: MemoisedEvaluator,
    history: RowLog,
) -> Found:
    key = setting.key("search")

    def steps(evaluate: EvaluateFn, state: SearchState) -> Iterator[Step]:
        generations = setting.config.search.generations
        return host_search(
            strategy, evaluate, key, generations, state, ties=evaluator.ties
        )

    state, registers = run_generations(
        setting,
        strategy,
        evaluator,
        history,
        fresh=lambda: start(strategy, key),
        steps=steps,
        told=lambda step: (step.generation.scores, float(step.after.best_score)),
    )
    return Found(np.asarray(state.best_arch), float(state.best_score), registers)


def _evaluator(setting: NasSetting, history: RowLog) -> MemoisedEvaluator:
    """The evaluator with all evaluations of an earlier part of this search."""
    known = _read_history(setting.folder, history)
    return MemoisedEvaluator(_checked_evaluator(setting), setting.costs_of, known)


def _read_history(folder: WorkFolder, history: RowLog) -> KnownEvaluations:
    try:
        return KnownEvaluations(map(Evaluation.from_row, history.each()))
    except RunError:
        raise
    except UserError as error:
        path = folder.path / "search" / "history.jsonl"
        raise RunError(f"{path}, {error}; --stage=search does it again") from None


def _write_registers(setting: NasSetting, registers: list[np.ndarray]) -> None:
    most = setting.space.max_ops
    names = [[*ops, *[""] * (most - len(ops))] for ops in setting.space.choices]
    write_arrays(
        setting.folder.path / "search" / "registers.npz",
        probabilities=np.stack(registers),
        num_ops=np.asarray(setting.space.num_ops),
        generations=np.arange(len(registers)),
        op_names=np.asarray(names),
    )


def _random_arch(setting: NasSetting) -> np.ndarray:
    num_ops = np.asarray(setting.space.num_ops)
    key = setting.key("search/baselines")
    arch = np.asarray(jax.random.randint(key, num_ops.shape, 0, num_ops), np.int32)
    return repaired(setting, key, arch[None])[0]


def _largest_arch(setting: NasSetting) -> np.ndarray:
    """Of the most parameters, within the constraints."""
    budget = setting.budget
    return setting.costs.largest() if budget is None else budget.largest()


_BASELINES: dict[str, Callable[[NasSetting], np.ndarray]] = {
    "random": _random_arch,
    "largest": _largest_arch,
}
"""How the architectures of `Task.baselines` are picked."""


def _write_baselines(
    setting: NasSetting, evaluator: MemoisedEvaluator, history: RowLog
) -> None:
    """Picks the comparison networks and scores them the same way as the winner.

    Their evaluations are the history's last rows, of the generation after the search.
    """
    # Without networks there is no task, and no data set is read for one.
    names = setting.task.baselines if setting.has_networks else ("random",)
    archs = {name: _BASELINES[name](setting) for name in names}
    population = setting.config.search.population
    batch = np.resize(
        np.stack(list(archs.values())), (max(population, 2), setting.space.num_layers)
    )
    generation = setting.config.search.generations
    _, score_key = generation_keys(setting.key("search"), generation)
    _, scores = evaluator(score_key, batch, generation=generation)
    history.append(evaluation.row() for evaluation in evaluator.fresh)
    setting.kept_outcomes.clear()
    write_json(
        setting.folder.path / "search" / "baselines.json",
        {
            name: {"arch": arch.tolist(), "search_score": float(scores[place])}
            for place, (name, arch) in enumerate(archs.items())
        },
    )
