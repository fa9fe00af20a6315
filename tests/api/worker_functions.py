"""Functions that processes of their own import."""

import os
import time


def worth(arch):
    """Fails, sleeps or dies for some architectures."""
    if arch == ("error", 0):
        raise ValueError("no")
    if arch == ("sleep", 0):
        time.sleep(60)
    if arch == ("die", 0):
        os._exit(3)
    return arch[1]


def process(arch):
    """The process that evaluates."""
    time.sleep(0.05)
    return {"score": sum(arch), "process": os.getpid()}
