"""Which networks are trained from scratch: the winner, and what it is held against.

What a search is worth shows beside random networks of the winner's cost
(`spaces/equal_cost.py`): they are drawn here, where the winner is known, and have no
score of the search.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from qnas_jax.baselines import WITHOUT_NETWORK
from qnas_jax.jobs.nas.hand_made import asked_limits, fitted, hand_made_of
from qnas_jax.jobs.nas.hand_made_latency import known_widths
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.nets import Supernet
from qnas_jax.reporting.front import sort_front
from qnas_jax.reporting.front_members import MEMBER, chosen_members
from qnas_jax.runs import RunError, read_json
from qnas_jax.spaces import archs_of_equal_cost

PICK = "random_"
"""How the names of random networks of the winner's cost begin."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network to train.

    Attributes:
      name: winner, random, largest, random_1, ... of the winner's cost, or that of a
        hand-made network.
      arch: int32 [L].
      search_score: its score with the supernet's weights; None if it was not scored.
      supernet: what it is cut out of.
      width: share of the published channels of a hand-made network; None for others.
      latency: of a hand-made network in a run that counts milliseconds, what is
        predicted (`latency_ms`) or why nothing is (`latency_unknown`).
    """

    name: str
    arch: np.ndarray
    search_score: float | None
    supernet: Supernet
    width: float | None = None
    latency: dict[str, Any] = dataclasses.field(default_factory=dict)


def candidates_of(setting: NasSetting) -> list[Candidate]:
    """All networks that a run trains from scratch, the winner first.

    Args:
      setting: the run; its search stage is finished.

    Returns:
      The winner, the task's baselines, further networks of a front, random ones of the
      winner's cost, and hand-made ones, as far as they are asked for.

    Raises:
      RunError: what the search left is gone.
    """
    best_path = setting.folder.path / "best_arch.json"
    if not best_path.exists():
        raise RunError(f"{best_path}: missing; run --stage=search first")
    best = read_json(best_path)
    winner = np.asarray(best["arch"])
    own = setting.supernet
    candidates = [Candidate("winner", winner, best["score"], own)]
    if setting.config.retrain.compare:
        baselines = read_json(setting.folder.path / "search" / "baselines.json")
        candidates += [
            Candidate(name, np.asarray(entry["arch"]), entry["search_score"], own)
            for name, entry in baselines.items()
        ]
    candidates += _of_front(setting, winner)
    return [*candidates, *_picks(setting, winner), *_hand_made(setting, winner)]


def random_archs(setting: NasSetting, winner: np.ndarray, count: int) -> np.ndarray:
    """Random architectures of the winner's cost that a search might have found.

    Args:
      setting: the run; its seed decides.
      winner: int32 [L].
      count: N.

    Returns:
      int32 [N, L].
    """
    seed = np.asarray(jax.random.key_data(setting.key("retrain/picks")))
    rng = np.random.default_rng(seed)
    return archs_of_equal_cost(
        setting.costs, winner, count, rng, allowed=functools.partial(_counts, setting)
    )


def _picks(setting: NasSetting, winner: np.ndarray) -> list[Candidate]:
    """Random architectures of the winner's cost, as many as are asked for."""
    count = setting.config.retrain.random_picks
    archs = random_archs(setting, winner, count) if count else ()
    return [
        Candidate(f"{PICK}{number}", arch, None, setting.supernet)
        for number, arch in enumerate(archs, start=1)
    ]


def _of_front(setting: NasSetting, winner: np.ndarray) -> list[Candidate]:
    """Members of the front beside the winner, its knees first."""
    count = setting.config.retrain.front
    if not (count and setting.config.search.objectives):
        return []
    found = read_json(setting.folder.path / "search" / "front.json")
    costs = found["objectives"][1:]
    front = sort_front(found["front"], *costs)
    members = chosen_members(front, costs, count, winner.tolist())
    return [
        Candidate(
            f"{MEMBER}{number}", np.asarray(row["arch"]), row["score"], setting.supernet
        )
        for number, row in enumerate(members, start=1)
    ]


def _hand_made(setting: NasSetting, winner: np.ndarray) -> list[Candidate]:
    """Networks that people designed, as wide as the winner's budget lets them be."""
    found = []
    for name in setting.config.retrain.baselines:
        if name in WITHOUT_NETWORK:
            continue  # see `classifiers.py`
        supernet, width, latency = _within_budget(setting, name, winner)
        arch = np.zeros(supernet.space.num_layers, np.int32)
        found.append(Candidate(name, arch, None, supernet, width, latency))
    return found


def _within_budget(
    setting: NasSetting, name: str, winner: np.ndarray
) -> tuple[Supernet, float, dict[str, Any]]:
    """A hand-made network that keeps what was asked for, else costs as the winner.

    Returns:
      The network, its share of the published channels, and what is known of its
      latency where the run counts milliseconds.
    """
    space = hand_made_of(setting, name)
    if not setting.config.retrain.baselines_fit:
        return *fitted(space, {}), {}
    limits, most = asked_limits(setting), setting.config.constraints.max_latency_ms
    unknown = {}
    if setting.needs_latency:
        widths, why = known_widths(setting, name)
        unknown = {"latency_unknown": why or "none of the widths measured keeps it"}
        if widths and most:
            made, width = fitted(
                space, limits, lambda width, _: widths.get(str(width), np.inf) <= most
            )
            if widths.get(str(width), np.inf) <= most:
                return made, width, {"latency_ms": widths[str(width)]}
    return *fitted(space, limits or _of_winner(setting, winner)), unknown


def _of_winner(setting: NasSetting, winner: np.ndarray) -> dict[str, float]:
    """What the winner costs, as a limit."""
    name = "params" if setting.words else "macs"
    return {name: float(setting.costs.cost(winner[None])[name][0])}


def _counts(setting: NasSetting, archs: np.ndarray) -> np.ndarray:
    """Which architectures a search might have found: bool [P].

    They see their input and keep the constraints.
    """
    found = setting.supernet.space.lets_through(archs)
    return found if setting.budget is None else found & setting.budget.within(archs)
