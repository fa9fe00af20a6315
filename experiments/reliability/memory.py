"""What memory this process has, and what of it is in use."""

import ctypes
import math
import pathlib
import resource


def resident_mib() -> float:
    """Resident memory of this process now, without what is only free to be used.

    glibc keeps freed memory, in as many pools as there were threads; it is asked to
    give it back before.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class _Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks"),
            *("fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def in_use_mib() -> float:
    """Memory that was asked of glibc and not given back; nan without it."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return math.nan
    mallinfo.restype = _Mallinfo
    found = mallinfo()
    return float(found.uordblks + found.hblkhd) / 2**20


def memory_now() -> dict[str, float]:
    """Both, by name."""
    return {"resident MiB": resident_mib(), "in use MiB": in_use_mib()}
