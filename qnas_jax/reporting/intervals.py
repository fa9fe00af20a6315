"""How sure one may be of each number of a test, as far as its row tells."""

import numpy as np

from qnas_jax.reporting.rows import Row
from qnas_jax.reporting.statistics import (
    balanced_accuracy_interval,
    macro_f1_interval,
    mean_interval,
    wilson_interval,
)


def intervals(network: Row, num_examples: int) -> dict[str, list[float]]:
    """Takes the intervals of what was measured on the test split.

    Args:
      network: what a test has left: metrics, and details in their place.
      num_examples: of the test split.

    Returns:
      Both ends of 95 % intervals by name of the metric: Wilson's of the accuracy, by
      the deviation of the examples' losses, by the bootstrap of macro F1 and of
      balanced accuracy (which needs an answer for each example). What is not known has
      none.
    """
    found = {}
    if "test_accuracy" in network:
        found["test_accuracy"] = wilson_interval(network["test_accuracy"], num_examples)
    if "test_squared_loss" in network:
        mean, square = network["test_loss"], network["test_squared_loss"]
        found["test_loss"] = mean_interval(mean, square, num_examples)
    if "test_confusion" in network:
        table = np.asarray(network["test_confusion"])
        found["test_macro_f1"] = macro_f1_interval(table)
        if table.sum() == num_examples:
            found["test_balanced_accuracy"] = balanced_accuracy_interval(table)
    return {name: list(ends) for name, ends in found.items()}
