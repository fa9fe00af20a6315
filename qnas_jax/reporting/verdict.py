"""The result in words: what was reached, against what, and how sure one may be."""

import re
from collections.abc import Mapping, Sequence

from qnas_jax.reporting import formats
from qnas_jax.reporting.rows import Row
from qnas_jax.reporting.statistics import Comparison
from qnas_jax.reporting.wilson import wilson_interval

NETWORKS = {
    "winner": "winner",
    "random": "random subnet",
    "largest": "largest subnet",
    "mobilenet_v2": "MobileNetV2",
    "fcn": "FCN",
    "resnet": "ResNet",
    "inception_time": "network of InceptionTime",
    "euclidean_1nn": "nearest neighbour (Euclidean)",
    "dtw_1nn": "nearest neighbour (DTW)",
    "rocket": "ROCKET classifier",
    "lstm": "LSTM",
    "transformer": "transformer",
    "bag_of_words": "bag of words",
    "unigram": "unigram counts",
    "bigram": "bigram counts",
    "trigram": "trigram counts",
}
HAND_MADE = {"resnet": "ResNet", "densenet": "DenseNet-BC"}


SCORES = {
    "loss": "the negative validation loss of the network",
    "balanced_accuracy": "the balanced accuracy of the network on validation",
    "macro_f1": "macro F1 of the network on validation",
    "perplexity": "the negative validation perplexity of the network",
    "fused": "normal scores of the subnet's loss and of training-free terms, added up",
}


ORIGINS = {
    "supernet": "measured with weights inherited from the supernet",
    "train": "measured on candidates that were trained from scratch",
}


def score_origin(config: Row) -> str:
    """Returns how the score of a search was measured, in words; "" if it is not said.

    Args:
      config: of the run.
    """
    evaluator = config.get("evaluator")
    name = evaluator.get("name") if isinstance(evaluator, dict) else None
    return ORIGINS.get(str(name), "")


def score_words(scored_by: str) -> str:
    """Returns what a score of the search is, in words; "" where its name says it."""
    return SCORES.get(scored_by, "")


def network_name(name: str, width: float | None = None) -> str:
    """Returns what the page calls a retrained network.

    Args:
      name: as in `result.json`.
      width: share of the published channels, of hand-made networks.

    Returns:
      For example `ResNet-20, 25.0 % of its channels`.
    """
    number = re.fullmatch(r"random_(\d+)", name)
    if number:
        return f"random subnet {number[1]} of its cost"
    member = re.fullmatch(r"front_(\d+)", name)
    if member:
        return f"network {member[1]} of the front"
    deep = re.fullmatch(r"(resnet|densenet)(\d+)", name)
    called = f"{HAND_MADE[deep[1]]}-{deep[2]}" if deep else NETWORKS.get(name, name)
    narrow = width is not None and width < 1
    return f"{called}, {formats.percent(width)} of its channels" if narrow else called


def accuracy_sentence(accuracy: float, num_images: int) -> str:
    """Says what the winner reaches on the test examples.

    Args:
      accuracy: its test accuracy, in [0, 1].
      num_images: the number of test images.

    Returns:
      A sentence with the 95 % interval.
    """
    low, high = wilson_interval(accuracy, num_images)
    return (
        f"The retrained winner is right on {formats.percent(accuracy)} of "
        f"{formats.count(num_images)} test examples (95 % interval "
        f"{formats.percent(low)} to {formats.percent(high)})."
    )


COSTS = {
    "params": ("parameters", "parameters"),
    "macs": ("multiply-adds", "macs"),
    "latency_ms": ("ms", "latency_ms"),
}
"""What a cost is called, and its name in a network's row."""


def budget_sentence(limits: Mapping[str, float], network: Row) -> str:
    """Says how much of what it may cost the winner uses.

    Args:
      limits: by name of the cost; at least one.
      network: the winner's row.

    Returns:
      A sentence; all that was evaluated keeps the limits.
    """
    parts = []
    for name, limit in limits.items():
        words, field = COSTS[name]
        used = network[field]
        parts.append(
            f"{_amount(used)} of at most {_amount(limit)} {words} "
            f"({formats.percent(used / limit)})"
        )
    return f"The winner has {' and '.join(parts)}."


def _amount(value: float) -> str:
    """Whole numbers in groups of three digits, others in three digits."""
    whole = float(value).is_integer()
    return formats.count(int(value)) if whole else f"{value:.3g}"


def comparison_sentence(comparison: Comparison, num_comparisons: int) -> str:
    """Says whether the winner differs from another network.

    Args:
      comparison: the test's outcome.
      num_comparisons: how many tests its p-value was corrected for.

    Returns:
      One sentence.
    """
    other = network_name(comparison.name)
    better = "better" if comparison.difference > 0 else "worse"
    if comparison.significant:
        claim = f"The winner is significantly {better} than the {other}"
    else:
        claim = f"No significant difference between the winner and the {other}"
    corrected = f", Holm-corrected for {num_comparisons}" if num_comparisons > 1 else ""
    return (
        f"{claim}: {formats.points(comparison.difference)} percentage points "
        f"(95 % interval {formats.points(comparison.low)} to "
        f"{formats.points(comparison.high)}; {formats.p_value(comparison.p_value)}, "
        f"{comparison.test}{corrected})."
    )


def search_sentence(rows: Sequence[Row], scored_by: str = "") -> str:
    """Says what the search added to its first generation.

    Args:
      rows: at least one `search` row, by generation.
      scored_by: the metric that the search improved; "" if that is not known.

    Returns:
      One sentence with the scores before and after.
    """
    first, last = rows[0], rows[-1]
    gain = last["best"] - first["best"]
    count = formats.count(last["evaluations"])
    words = score_words(scored_by)
    kind = f" ({words})" if words else ""
    if gain <= 0:
        return (
            f"In {count} evaluations the search found nothing better than the best of "
            f"its first generation (score {formats.score(first['best'])}){kind}."
        )
    return (
        f"In {count} evaluations the search raised the best score{kind} from "
        f"{formats.score(first['best'])} (best of the first generation) to "
        f"{formats.score(last['best'])}, a gain of {formats.score(gain)}; the mean of "
        f"a generation went from {formats.score(first['mean'])} to "
        f"{formats.score(last['mean'])}."
    )


def validation_sentence(ahead: Sequence[str]) -> str:
    """Says that validation puts all other networks above the winner.

    Args:
      ahead: their names; at least one.
    """
    names = [f"the {network_name(name)}" for name in ahead]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return (
        f"After retraining the winner is below {listed} on validation, which chose it: "
        "the search\u2019s score and what training makes of a network differ here."
    )
