"""The last lines of a run: what was found, what it cost, and where it lies."""

import shlex
from typing import Any

from qnas_jax.export import files
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.reporting import formats
from qnas_jax.reporting.commands import program
from qnas_jax.reporting.wilson import wilson_interval
from qnas_jax.runs import read_json
from qnas_jax.spaces import arch_to_string

_FILE = "FILE"
_INPUTS = {"images": "FOLDER_OR_NPZ"}  # the others are files


def closing_lines(setting: NasSetting) -> list[str]:
    """What a finished run ends with on the terminal.

    Args:
      setting: the run; `result.json` is written.

    Returns:
      Winner, accuracy with its interval, cost, and where the model lies and how it
      predicts, a line each.
    """
    folder = setting.folder.path
    result = read_json(folder / "result.json")
    lines = [f"winner: {arch_to_string(setting.space, result['arch'])}"]
    if "test_accuracy" in result:
        lines.append(f"accuracy: {_accuracy(result)}")
    elif tested := _tested(result):
        lines.append(f"on test: {tested}")
    lines.append(f"cost: {_cost(result)}")
    model = folder / files.FOLDER
    if not (model / files.FACTS).is_file():
        return lines
    kind = read_json(model / files.FACTS)["inputs"]
    lines.append(f'model: {model}, in Python qnas_jax.load_model("{folder}")')
    begin = program(read_json(folder / "environment.json"))
    flags = shlex.join(["--stage=predict", f"--workdir={folder}"])
    lines.append(f"predict: {begin} {flags} --input={_INPUTS.get(kind, _FILE)}")
    return lines


def _accuracy(result: dict[str, Any]) -> str:
    tested = result["test_examples"]
    low, high = wilson_interval(result["test_accuracy"], tested)
    words = f"{formats.percent(result['test_accuracy'])} of {formats.count(tested)} "
    words += "test examples (95 % interval "
    return f"{words}{formats.percent(low)} to {formats.percent(high)})"


def _tested(result: dict[str, Any]) -> str:
    """Metrics of the test split, of tasks without an accuracy."""
    return ", ".join(
        f"{name.removeprefix('test_')} {value:.4g}"
        for name, value in result.items()
        if name.startswith("test_") and isinstance(value, float)
    )


def _cost(result: dict[str, Any]) -> str:
    """Of the network, and of the run."""
    parts = []
    if "parameters" in result:
        parts.append(f"{formats.count(result['parameters'])} parameters")
        parts.append(f"{formats.count(result['macs'])} multiply-adds")
    seconds = sum(result["seconds"].values())
    count = result["evaluations"] + result["reference_evaluations"]
    parts.append(f"found in {formats.count(count)} evaluations")
    parts.append(f"{formats.duration(seconds)} in all")
    return ", ".join(parts)
