"""Measures the ops of a space on this machine: `latency.json`, a table for budgets.

One op after the other, each a row of `latency/rows.jsonl`, so that a stopped stage goes
on behind the last one. Random networks come last and say what the table is worth. Where
networks were measured elsewhere, the table is learnt from these instead.
"""

from typing import Any, NamedTuple

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.hand_made import check_baseline
from qnas_jax.jobs.nas.hand_made_latency import measure_hand_made, measured_networks
from qnas_jax.jobs.nas.latency_rows import (
    CALL,
    PASS,
    call_items,
    device_words,
    measured_rows,
    name_of_network,
    network_items,
    part_items,
)
from qnas_jax.jobs.nas.learnt_latency import learn_latencies
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.latency import (
    LATENCY,
    STATISTICS,
    Agreement,
    Calibration,
    LatencyOptions,
    agreement,
    calibrate,
    distinct_parts,
    latency_content,
    random_archs,
    sum_table,
)
from qnas_jax.options import option_group
from qnas_jax.runs import write_json
from qnas_jax.spaces import CostTable, arch_to_string
from qnas_jax.training import RetrainOptions


def check_latency(setting: NasSetting) -> None:
    """Raises UserError if there are no networks to measure, or unknown ones."""
    if not setting.has_networks:
        raise UserError(
            f"--stage=latency: architectures of space {setting.space.name!r} are no "
            "networks, expected a space whose ops can be run"
        )
    with option_group("retrain", RetrainOptions):
        for name in measured_networks(setting):
            check_baseline(setting, name)


def measure_latency(setting: NasSetting) -> list[str]:
    """Measures what is not yet measured, or learns, and writes `latency.json`.

    Args:
      setting: the run; no stage before is needed.

    Returns:
      What the table says, and how far it can be trusted.

    Raises:
      UserError: an op cannot be computed.
      RunError: rows are damaged, or of another machine.
      Stopped: the user asked to stop; rows so far are kept.
    """
    options: LatencyOptions = setting.config.latency
    if options.samples:
        return learn_latencies(setting)
    wanted = options.calibrate + options.validate
    archs = random_archs(setting.supernet.space, wanted, setting.config.seed)
    items = [
        *call_items(setting),
        *part_items(setting, setting.supernet),
        *network_items(setting, archs),
    ]
    rows = measured_rows(setting, items)
    # Of a small space there are fewer; they are divided as those asked for.
    first = len(archs) * options.calibrate // max(wanted, 1)
    found = _found(setting, archs, first, rows)
    hand_made = measure_hand_made(setting, found.calibration)
    content = {**_content(setting, found, rows), "hand_made": hand_made}
    write_json(setting.folder.path / "latency.json", content)
    return _lines(setting, found)


class _Found(NamedTuple):
    """The table, and the networks that it was made and judged by.

    Attributes:
      archs: int32 [N, L].
      first: how many of them the table was calibrated by; the others judge it.
      measured: float [N], milliseconds.
      says: float [N], those of the table.
      alone: milliseconds of each thing that was measured, by name.
      calibration: from parts to networks.
      table: latency by layer and op.
      judged: how far it can be trusted; None with less than two networks to judge it.
    """

    archs: np.ndarray
    first: int
    measured: np.ndarray
    says: np.ndarray
    alone: dict[str, float]
    calibration: Calibration
    table: CostTable
    judged: Agreement | None


def _found(
    setting: NasSetting, archs: np.ndarray, first: int, rows: dict[str, dict[str, Any]]
) -> _Found:
    """Adds the parts up, calibrates the sums and judges them."""
    # Not the costs of the setting, which may limit what is to be measured here.
    costs, parts = setting.supernet.cost_table(), setting.supernet.parts()
    statistic = STATISTICS[setting.config.latency.statistic]
    alone = {name: row[statistic] for name, row in rows.items()}
    measured = np.asarray([alone[name_of_network(setting, arch)] for arch in archs])
    sums = sum_table(
        setting.supernet.space,
        parts,
        alone,
        call_ms=alone[CALL],
        pass_ms=alone[PASS],
    )
    calibration = calibrate(
        sums.cost(archs)[LATENCY][:first],
        costs.cost(archs)["bytes_32"][:first],
        measured[:first],
    )
    table = calibration.apply(sums, costs)
    says = table.cost(archs)[LATENCY]
    can_judge = len(archs) - first >= 2
    judged = agreement(says[first:], measured[first:]) if can_judge else None
    return _Found(archs, first, measured, says, alone, calibration, table, judged)


def _content(
    setting: NasSetting, found: _Found, rows: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """What `latency.json` holds."""
    options, space = setting.config.latency, setting.supernet.space
    return {
        "space": space.name,
        "input_shape": list(space.input_shape),
        "device": device_words(),
        "runtime": options.runtime,
        "one_thread": options.one_thread,
        "clock": options.clock,
        "statistic": options.statistic,
        **latency_content(space, found.table),
        "call_ms": found.alone[CALL],
        "pass_ms": found.alone[PASS],
        **found.calibration._asdict(),
        "calibrated_by": found.first,
        "validation": found.judged and found.judged._asdict(),
        "networks": [
            {
                "string": arch_to_string(space, arch),
                "role": "calibration" if number < found.first else "validation",
                "table_ms": found.says[number],
                "measured_ms": found.measured[number],
                "spread_ms": rows[name_of_network(setting, arch)]["spread_ms"],
            }
            for number, arch in enumerate(found.archs)
        ],
    }


def _lines(setting: NasSetting, found: _Found) -> list[str]:
    """What the table says, and how far it can be trusted."""
    blocks = len(distinct_parts(setting.supernet.parts()))
    lines = [
        f"{setting.supernet.space.name} by {setting.config.latency.runtime}: {blocks} "
        f"different blocks measured, {found.table.fixed[LATENCY]:.3f} ms for what is "
        f"fixed; networks take {found.calibration.scale:.2f} of the sums and "
        f"{found.calibration.ms_per_mib:.3f} ms for each MiB of weights"
    ]
    if found.judged is not None:
        spearman = found.judged.spearman
        rank = "-" if spearman is None else f"{spearman:.3f}"
        lines.append(
            f"{found.judged.networks} random networks: Spearman {rank}, median error "
            f"{100 * found.judged.median_error:.1f} % of "
            f"{np.median(found.measured):.3f} ms"
        )
    return lines
