"""What hand-made networks take, predicted as the networks of the space are.

Their blocks are none of the space's: `--stage=latency` measures them too, at the widths
that the search for the widest one within `constraints.max_latency_ms` looks at, and
leaves what it predicts by network and width in `latency.json`. What retrains them reads
it there, so that a width never depends on a clock that is read twice.
"""

from collections.abc import Mapping

import numpy as np

from qnas_jax.baselines import WITHOUT_NETWORK
from qnas_jax.jobs.nas.hand_made import asked_limits, fitted, hand_made_of
from qnas_jax.jobs.nas.latency_rows import CALL, PASS, measured_rows, part_items
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.latency import LATENCY, STATISTICS, Calibration, sum_table
from qnas_jax.nets import Supernet
from qnas_jax.runs import read_json

Widths = dict[str, float]
"""Milliseconds by share of the published channels (`0.5`)."""


def measured_networks(setting: NasSetting) -> list[str]:
    """Hand-made networks whose blocks are measured: where a limit is about them.

    Args:
      setting: the run.

    Returns:
      Their names; none without a limit on milliseconds, or for another device.
    """
    constraints, retrain = setting.config.constraints, setting.config.retrain
    if not constraints.max_latency_ms or constraints.device:
        return []
    fit = retrain.baselines if retrain.baselines_fit else ()
    return [name for name in fit if name not in WITHOUT_NETWORK]


def measure_hand_made(
    setting: NasSetting, calibration: Calibration
) -> dict[str, Widths]:
    """Measures the blocks of hand-made networks as far as a limit asks for it.

    Args:
      setting: the run; what a call takes is measured.
      calibration: from parts to networks.

    Returns:
      What is predicted, by network of `measured_networks` and width.

    Raises:
      UserError: there is no such network for these data.
      Stopped: the user asked to stop; rows so far are kept.
    """
    most = setting.config.constraints.max_latency_ms
    found: dict[str, Widths] = {}
    for name in measured_networks(setting):
        widths: Widths = {}

        def keeps(width: float, supernet: Supernet, widths: Widths = widths) -> bool:
            widths[str(width)] = predicted_ms(setting, supernet, calibration)
            return widths[str(width)] <= most

        fitted(hand_made_of(setting, name), asked_limits(setting), keeps)
        found[name] = widths
    return found


def predicted_ms(
    setting: NasSetting, supernet: Supernet, calibration: Calibration
) -> float:
    """What a network of one architecture takes by its parts, measured where they lack.

    Args:
      setting: the run.
      supernet: holds the network and no other.
      calibration: from parts to networks.

    Returns:
      Milliseconds, as a table of the space would say.
    """
    rows = measured_rows(setting, [*part_items(setting, supernet)])
    statistic = STATISTICS[setting.config.latency.statistic]
    alone = {name: row[statistic] for name, row in rows.items()}
    space, parts = supernet.space, supernet.parts()
    sums = sum_table(space, parts, alone, call_ms=alone[CALL], pass_ms=alone[PASS])
    table = calibration.apply(sums, supernet.cost_table())
    arch = np.zeros((1, space.num_layers), np.int32)
    return float(table.cost(arch)[LATENCY][0])


def known_widths(setting: NasSetting, name: str) -> tuple[Widths, str]:
    """What was predicted of a hand-made network.

    Args:
      setting: the run.
      name: of the network.

    Returns:
      Milliseconds by width, and "", or nothing, and why.
    """
    if setting.config.constraints.device:
        return {}, "its blocks are not in the table of that device"
    content = read_json(setting.latency_file)
    known: Mapping[str, Widths] = content.get("hand_made", {})
    if not known.get(name):
        return {}, "--stage=latency has not measured its blocks"
    return dict(known[name]), ""
