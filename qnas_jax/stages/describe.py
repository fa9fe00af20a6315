"""Says what architectures are: string, parameters, multiply-accumulates, layers."""

import json

from qnas_jax import data
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import arch_to_string, build_space, read_archs
from qnas_jax.stages.config import RunConfig


def describe_archs(config: RunConfig, path: str) -> list[str]:
    """Describes the architectures of a file.

    Args:
      config: `data` gives image shape and classes, `space` the space.
      path: JSON list of architectures, as indices or strings.

    Returns:
      One JSON line an architecture.

    Raises:
      MissingFileError: there is no such file.
      UserError: an architecture is not one of the space.
    """
    image_shape, num_classes = data.peek(config.data)
    space = build_space(config.space, image_shape, num_classes)
    archs = read_archs(space, path)
    supernet = build_supernet(space)
    costs = supernet.cost_table().cost(archs)
    return [
        json.dumps(
            {
                "space": space.name,
                "arch": arch.tolist(),
                "string": arch_to_string(space, arch),
                "parameters": int(costs["params"][row]),
                "macs": int(costs["macs"][row]),
                "layers": supernet.describe_arch(arch),
            }
        )
        for row, arch in enumerate(archs)
    ]
