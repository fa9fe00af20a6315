"""Large memory pages for the arrays of a command-line run on Linux.

A step of training allocates and frees its intermediate values. In pages of 4 KiB the
operating system takes much time to hand them out (compare
`experiments/benches/training.py` with and without `--nohuge_pages`). glibc asks for
pages of 2 MiB if an environment variable says so when the process starts.
"""

import os
import platform
import sys

from qnas_jax.stopping import hold_signals, release_signals

_VARIABLE = "GLIBC_TUNABLES"
_SETTING = "glibc.malloc.hugetlb=1"


def use_huge_pages() -> None:
    """Starts this process anew with large pages; does nothing where there are none.

    To be called first of all, before anything is imported that takes time. Whoever has
    set the variable already keeps that setting.
    """
    if _VARIABLE in os.environ or platform.libc_ver()[0] != "glibc":
        release_signals()
        return
    os.environ[_VARIABLE] = _SETTING
    hold_signals()  # An interpreter that is just starting would answer in tracebacks.
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
