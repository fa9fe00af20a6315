"""Which network is exported, and with whose weights.

The networks that were retrained have weights of their own. Any other architecture has
those of the supernet only: of its size, with batch statistics of this network
(`scoring.statistics`), since the supernet's own are a mixture of all.
"""

import dataclasses
from typing import Any

import jax
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.evaluation import EVALUATORS, Networks
from qnas_jax.export import Inputs, blank_network
from qnas_jax.jobs.nas.candidates import PICK
from qnas_jax.jobs.nas.hand_made import hand_made_of
from qnas_jax.jobs.nas.model_inputs import model_inputs
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.kernels import jit_network
from qnas_jax.nets import set_mode
from qnas_jax.reporting.front_members import MEMBER
from qnas_jax.runs import read_json
from qnas_jax.spaces import (
    BuildableSpace,
    arch_to_string,
    narrowed,
    parse_arch,
)

WINNER = "winner"


@dataclasses.dataclass(frozen=True)
class ExportedNetwork:
    """A trained network and what it was trained with.

    Attributes:
      name: winner, largest, ..., or supernet.
      arch: int32 [L].
      space: of the network; of a supernet perhaps a narrower one.
      network: the module, its running statistics in use.
      inputs: what it gets, and what its outputs mean.
      learning_rate: that it was retrained with; None: that of the options.
      latency_ms: what is predicted for it; None: nothing is.
    """

    name: str
    arch: np.ndarray
    space: BuildableSpace
    network: Any
    inputs: Inputs
    learning_rate: float | None = None
    latency_ms: float | None = None


def why_no_model(setting: NasSetting) -> str:
    """Why no model of this run can be written; "" if it can."""
    if setting.has_networks:
        return ""
    return "architectures of this space are no networks"


def check_export(setting: NasSetting) -> None:
    """Raises UserError if the options ask for what this run does not have."""
    options = setting.config.export
    if not setting.has_networks:
        return
    _asked_arch(setting)
    if not options.from_supernet:
        return
    if _asked_name(setting) not in (None, WINNER):
        raise UserError(
            f"export.from_supernet: got True and export.arch={options.arch!r}, "
            "expected an architecture: the supernet has no network of this name"
        )
    if not EVALUATORS[setting.config.evaluator.name].trains:
        raise UserError(
            "export.from_supernet: got True, but evaluator.name="
            f"{setting.config.evaluator.name} trains no supernet"
        )


def exported_network(setting: NasSetting) -> ExportedNetwork:
    """Finds the network that the options ask for, and its weights.

    Args:
      setting: the run; its retraining (or its supernet) is finished.

    Returns:
      The network.

    Raises:
      RunError: weights are gone or damaged.
      UserError: the architecture was not retrained, and `from_supernet` is not set.
    """
    if setting.config.export.from_supernet:
        return _from_supernet(setting)
    return retrained_network(setting, _name_of(_networks(setting), setting))


def _asked_name(setting: NasSetting) -> str | None:
    """The retrained network that the options name by its name, if they do."""
    text = setting.config.export.arch
    if not text:
        return WINNER
    known = {WINNER, *setting.task.baselines, *setting.config.retrain.baselines}
    numbered = any(
        text.startswith(begin) and text.removeprefix(begin).isdecimal()
        for begin in (PICK, MEMBER)
    )
    return text if text in known or numbered else None


def _asked_arch(setting: NasSetting) -> np.ndarray | None:
    """The architecture that the options name, if they name one."""
    if _asked_name(setting) is not None:
        return None
    text = setting.config.export.arch
    numbers = text.strip("[]").replace(",", " ").split()
    value: Any = text
    if all(each.isdecimal() for each in numbers):
        value = [int(each) for each in numbers]
    try:
        return parse_arch(setting.space, value)
    except UserError as error:
        raise UserError(f"export.arch: {error}") from error


def _networks(setting: NasSetting) -> dict[str, Any]:
    """What retraining left, by name."""
    found: dict[str, Any] = read_json(setting.folder.path / "retrain" / "networks.json")
    return found


def retrained_network(setting: NasSetting, name: str) -> ExportedNetwork:
    """A network that was retrained, and its weights.

    Args:
      setting: the run; its retraining is finished.
      name: of the network: winner, largest, resnet8, ...

    Returns:
      The network.

    Raises:
      RunError: weights are gone or damaged.
    """
    row = _networks(setting)[name]
    arch = np.asarray(row["arch"], np.int32)
    space = _space_of(row, name, setting)
    network = blank_network(space, arch)
    set_mode(network, "running")
    graph, *shapes = nnx.split(network, nnx.Param, nnx.BatchStat)
    checkpoints = setting.checkpoints("retrain", name, stage="retrain")
    try:
        params, stats = checkpoints.restore_fields({"best": tuple(shapes)})["best"]
    finally:
        checkpoints.close()
    module = nnx.merge(graph, params, stats)
    return ExportedNetwork(
        name,
        arch,
        space,
        module,
        model_inputs(setting, setting),
        row.get("learning_rate"),
        row.get("latency_ms"),
    )


def _name_of(networks: dict[str, Any], setting: NasSetting) -> str:
    """The retrained network that is asked for.

    Raises:
      UserError: there is none of this name or architecture.
    """
    asked = _asked_name(setting)
    if asked in networks:
        return asked
    arch = _asked_arch(setting)
    if arch is not None:
        text = arch_to_string(setting.space, arch)
        for name, found in networks.items():
            if found["string"] == text:
                return name
    known = "; ".join(f"{name}: {each['string']}" for name, each in networks.items())
    raise UserError(
        "export.arch: got a network that was not retrained, expected one of "
        f"those that were ({known}), or export.from_supernet=True"
    )


def _space_of(found: dict[str, Any], name: str, setting: NasSetting) -> BuildableSpace:
    """That of the search, or of a hand-made network in the width that it was given."""
    if found.get("width") is None:
        return setting.supernet.space
    return narrowed(hand_made_of(setting, name), found["width"])


def _from_supernet(setting: NasSetting) -> ExportedNetwork:
    reduced = setting.reduced
    arch = _asked_arch(setting)
    if arch is None:
        arch = np.asarray(read_json(setting.folder.path / "best_arch.json")["arch"])
    network = reduced.supernet.cut(*setting.weights, arch)
    if setting.config.scoring.statistics != "running":
        network = _recalibrated(network, setting, reduced)
    set_mode(network, "running")
    space = reduced.supernet.space
    return ExportedNetwork(
        "supernet", arch, space, network, model_inputs(setting, reduced)
    )


def _recalibrated(network: Any, setting: NasSetting, networks: Networks) -> Any:
    """The network with the mean statistics of some training batches."""
    options = setting.config.scoring
    examples = networks.dataset.train.inputs[: options.calibration_examples]
    size = min(options.calibration_batch, len(examples))
    count = len(examples) // size
    batches = examples[: count * size].reshape(count, size, *examples.shape[1:])
    set_mode(network, "batch")
    parts: Any = nnx.split(network, nnx.Param, nnx.BatchStat)
    graph, params, stats = parts

    @jit_network
    def statistics(batch: jax.Array) -> Any:
        module = nnx.merge(graph, params, jax.tree.map(lambda value: value, stats))
        module(networks.task.prepare(batch))
        return nnx.state(module, nnx.BatchStat)

    found = [statistics(jax.numpy.asarray(batch)) for batch in batches]
    means = jax.tree.map(lambda *values: sum(values) / len(values), *found)
    return nnx.merge(graph, params, means)


def describe_exported(setting: NasSetting, exported: ExportedNetwork) -> dict[str, Any]:
    """What the network is: names, costs, parts."""
    from qnas_jax.nets import build_supernet

    supernet = build_supernet(exported.space)
    costs = supernet.cost_table().cost(exported.arch[None])
    return {
        "network": exported.name,
        "space": exported.space.name,
        "data": exported.inputs.data,
        "arch": exported.arch.tolist(),
        "string": arch_to_string(exported.space, exported.arch),
        "parameters": int(costs["params"][0]),
        "macs": int(costs["macs"][0]),
        "layers": supernet.describe_arch(exported.arch),
    }
