"""Parameters and multiply-accumulates of the networks of a cell space.

Batch normalisation has a scale and a shift a channel, the linear layer a bias; only
products count as multiply-accumulates, as in `nets/costs.py`.

Source: Dong & Yang, NAS-Bench-201, ICLR 2020; the counts equal the benchmark's own
(tests/nets/test_cell_costs.py).
"""

import numpy as np

from qnas_jax.spaces import CELL_OPS, CellSpace, CostTable

_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def cell_cost_table(space: CellSpace) -> CostTable:
    """Builds the cost table of a cell space; every edge has the same entries.

    Args:
      space: the space.

    Returns:
      Parameters and multiply-accumulates of every op at every edge, over all cells.
    """
    params = np.zeros(len(CELL_OPS), np.int64)
    macs = np.zeros(len(CELL_OPS), np.int64)
    height, width, channels = space.input_shape
    fixed_params, fixed_macs = _conv(3, channels, space.features, height * width)
    for stage, features in enumerate(space.widths):
        pixels = height * width // 4**stage
        for name, kernel in _KERNELS.items():
            counts = _conv(kernel, features, features, pixels)
            number = CELL_OPS.index(name)
            params[number] += space.cells * counts[0]
            macs[number] += space.cells * counts[1]
        if stage > 0:
            before = features // 2
            block = (
                _conv(3, before, features, pixels),
                _conv(3, features, features, pixels),
                _conv(1, before, features, pixels, norm=False),
            )
            fixed_params += sum(counts[0] for counts in block)
            fixed_macs += sum(counts[1] for counts in block)
    last = space.widths[-1]
    fixed_params += 2 * last + (last + 1) * space.num_classes
    fixed_macs += last * space.num_classes
    edges = len(space.edges)
    return CostTable(
        by_op={
            "params": np.tile(params, (edges, 1)),
            "macs": np.tile(macs, (edges, 1)),
        },
        fixed={"params": fixed_params, "macs": fixed_macs},
        num_ops=space.num_ops,
    )


def _conv(
    kernel: int, inputs: int, outputs: int, pixels: int, *, norm: bool = True
) -> tuple[int, int]:
    """Parameters (with normalisation) and multiply-accumulates of a convolution."""
    weights = kernel**2 * inputs * outputs
    return weights + (2 * outputs if norm else 0), weights * pixels
