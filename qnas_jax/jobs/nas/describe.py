"""Says what architectures are: string, parameters, multiply-accumulates, layers."""

import json

from qnas_jax import data
from qnas_jax.errors import UserError
from qnas_jax.jobs.nas.reduced import reduced_space
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.nets import build_supernet
from qnas_jax.options import option_group
from qnas_jax.spaces import SpaceOptions, arch_to_string, build_space, read_archs


def describe_archs(setting: NasSetting) -> list[str]:
    """Describes the architectures of the file `setting.archs`.

    Args:
      setting: `data` gives image shape and classes, `space` the space.

    Returns:
      One JSON line an architecture.

    Raises:
      MissingFileError: there is no such file.
      UserError: no file is named, or an architecture is not one of the space.
    """
    if setting.archs is None:
        raise UserError("--archs: got nothing, expected a JSON file")
    with option_group("data", data.DataOptions):
        input_shape, num_classes = data.peek(setting.config.data)
    with option_group("space", SpaceOptions):
        space = build_space(setting.config.space, input_shape, num_classes)
    archs = read_archs(space, setting.archs)
    supernet = build_supernet(space)
    costs = supernet.cost_table().cost(archs)
    reduced = reduced_space(setting.config, space, input_shape, num_classes)
    in_supernet = build_supernet(reduced).cost_table().cost(archs)["macs"]
    return [
        json.dumps(
            {
                "space": space.name,
                "arch": arch.tolist(),
                "string": arch_to_string(space, arch),
                "parameters": int(costs["params"][row]),
                "macs": int(costs["macs"][row]),
                "supernet_macs": int(in_supernet[row]),
                "layers": supernet.describe_arch(arch),
            }
        )
        for row, arch in enumerate(archs)
    ]
