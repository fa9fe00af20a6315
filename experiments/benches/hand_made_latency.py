"""What hand-made networks of a given cost take on this machine, through onnxruntime.

    python -m experiments.benches.hand_made_latency --macs=11_800_000
        [--networks=resnet8,densenet22,mobilenet_v2] [--side=32] [--seconds=1]

Each is narrowed to at most so many multiply-accumulates, as a run narrows the baselines
of its winner, and has random weights, which latency does not depend on. Bytes are those
of the weights. `configs/cifar10_edge.py` has the accuracy of the same networks.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from experiments.measuring.rows import table
from qnas_jax.jobs.nas.hand_made import fitted
from qnas_jax.latency import LatencyOptions, measurer
from qnas_jax.spaces import hand_made

NETWORKS = ("resnet8", "densenet22", "mobilenet_v2")
RUNTIMES = {"float32": "onnx", "8 bits": "onnx_int8"}
NUM_CLASSES = 10


def run(
    names: Sequence[str], macs: int, side: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Yields a row for each network.

    Args:
      names: of hand-made networks of images.
      macs: multiply-accumulates that they have at most.
      side: of the images, pixels.
      seconds: that each form is timed, of processor time.
    """
    key = jax.random.key(0)
    for name in names:
        supernet, width = fitted(
            hand_made(name, (side, side, 3), NUM_CLASSES), {"macs": macs}
        )
        arch = np.zeros(supernet.space.num_layers, np.int32)
        costs = supernet.cost_table().cost(arch[None])
        row = {
            "network": f"{name}, {100 * width:.0f} %",
            **{cost: int(costs[cost][0]) for cost in ("macs", "params", "bytes_8")},
        }
        network = supernet.cut(*supernet.init(key), arch)
        for words, runtime in RUNTIMES.items():
            options = LatencyOptions(
                runtime=runtime, clock="processor", seconds=seconds
            )
            measured = measurer(options, key)(network, (side, side, 3), 1)
            row[f"ms, {words}"] = round(measured.median_ms, 4)
        yield row


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--macs", type=int, required=True)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    names = options.networks.split(",")
    rows = list(run(names, options.macs, options.side, options.seconds))
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    main()
