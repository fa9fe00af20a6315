"""Says what architectures are: string, costs, layers."""

import json
from collections.abc import Mapping

import numpy as np

from qnas_jax.data import LANGUAGE
from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.reduced import reduced_space
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.nets import build_supernet
from qnas_jax.options import option_group
from qnas_jax.spaces import SpaceOptions, arch_to_string, build_space, read_archs


def describe_archs(setting: NasSetting) -> list[str]:
    """Describes the architectures of the file `setting.archs`.

    Args:
      setting: `data` gives shape of an input and classes, `space` the space.

    Returns:
      One JSON line an architecture.

    Raises:
      MissingFileError: there is no such file.
      UserError: no file is named, or an architecture is not one of the space.
    """
    if setting.archs is None:
        raise UserError("--archs: got nothing, expected a JSON file")
    input_shape, num_classes = setting.peek()
    with option_group("space", SpaceOptions):
        options, words = setting.config.space, setting.words
        language = setting.kind == LANGUAGE
        space = build_space(options, input_shape, num_classes, words, language=language)
    archs = read_archs(space, setting.archs)
    supernet = build_supernet(space)
    costs, peaks = supernet.cost_table().cost(archs), supernet.peak_bytes(archs)
    reduced = reduced_space(setting.config, space, input_shape, num_classes)
    in_supernet = build_supernet(reduced).cost_table().cost(archs)["macs"]
    return [
        json.dumps(
            {
                "space": space.name,
                "arch": arch.tolist(),
                "string": arch_to_string(space, arch),
                "parameters": int(costs["params"][row]),
                **exact_costs(costs, peaks, row),
                "supernet_macs": int(in_supernet[row]),
                "layers": supernet.describe_arch(arch),
            }
        )
        for row, arch in enumerate(archs)
    ]


def exact_costs(
    costs: Mapping[str, np.ndarray], peaks: np.ndarray, row: int
) -> dict[str, int]:
    """What an architecture costs beside its parameters, as files show it.

    Args:
      costs: of a space's `CostTable`, by name [P].
      peaks: `nets.Supernet.peak_bytes`, [P].
      row: which architecture.

    Returns:
      Multiply-accumulates, bytes of the model at 32, 16 and 8 bits, and the most bytes
      of activations for one input.
    """
    names = ("macs", "bytes_32", "bytes_16", "bytes_8")
    found = {name: int(costs[name][row]) for name in names}
    return {**found, "peak_bytes": int(peaks[row])}
