"""How many qubits fit: what is written out doubles with each.

Basis indices are int32, which is a limit of its own.
"""

import os
import pathlib

import jax

from qnas_jax.errors import UserError

MOST_QUBITS = 30
"""Of anything that is written out."""


def check_written_out(
    what: str, num_qubits: float, bytes_each: int, advice: str
) -> None:
    """2^n numbers have to fit into the memory of the device.

    Args:
      what: what a message calls it.
      num_qubits: n, 0 or more.
      bytes_each: held for each of the 2^n, all intermediate values together.
      advice: what else can be done.

    Raises:
      UserError: they do not fit; says how many qubits would.
    """
    needed = bytes_each * 2.0**num_qubits
    most = MOST_QUBITS
    if num_qubits > MOST_QUBITS:
        raise UserError(
            f"{what}: got {num_qubits:.4g} qubits, expected at most {most}; {advice}"
        )
    # What is small is not worth asking the system for.
    if needed < 2**28:
        return
    free = available_bytes()
    if needed > free:
        while most and bytes_each * 2**most > free:
            most -= 1
        raise UserError(
            f"{what}: got {num_qubits:.4g} qubits, which take about "
            f"{needed / 1e9:.2g} GB of the {free / 1e9:.2g} GB that are free, expected "
            f"at most {most}; {advice}"
        )


def available_bytes() -> float:
    """Free memory of the device that computes; infinity where nobody knows."""
    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return float(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    return min(_free_on_the_machine(), _free_in_the_group(), _free_to_the_process())


def _free_on_the_machine() -> float:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return 1024.0 * int(line.split()[1])
    return float("inf")


def _free_in_the_group() -> float:
    """Of a container; file pages that the system would drop count as free."""
    folder = "/sys/fs/cgroup/memory."
    limit, used = _lines(folder + "max"), _lines(folder + "current")
    if not limit or not limit[0].isdigit() or not used:
        return float("inf")
    stats = dict(line.split() for line in _lines(folder + "stat"))
    return float(limit[0]) - float(used[0]) + float(stats.get("inactive_file", 0))


def _free_to_the_process() -> float:
    """Of what `ulimit -v` leaves."""
    rows = [line.split() for line in _lines("/proc/self/limits")]
    limits = [row[3] for row in rows if row[:3] == ["Max", "address", "space"]]
    held = _lines("/proc/self/statm")
    if not limits or not limits[0].isdigit() or not held:
        return float("inf")
    pages = int(held[0].split()[0])
    return float(int(limits[0]) - pages * os.sysconf("SC_PAGE_SIZE"))


def _lines(path: str) -> list[str]:
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []
