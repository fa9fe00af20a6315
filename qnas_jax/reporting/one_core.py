"""What a model takes on one core, beside what it may take: for card, page and terminal.

Small devices have one core, and there milliseconds of a machine's every core say
little; so both forms of ONNX are timed with one thread too.
"""

from collections.abc import Mapping
from typing import Any

FORMS = {
    "float32": "onnxruntime float32, one core",
    "8 bits": "onnxruntime int8, one core",
}
"""Names of the latencies in `model.json` by what they are of."""


def one_core_sentence(model: Mapping[str, Any]) -> str:
    """Says how long an example takes on one core, and whether that is allowed.

    Args:
      model: the values of `model.json`; `limit_ms` is what an example may take, 0 or
        absent: anything.

    Returns:
      A sentence or two; "" where ONNX was not timed.
    """
    measured = model.get("latency_ms") or {}
    times = {
        words: measured[name]["median_ms"]
        for words, name in FORMS.items()
        if name in measured
    }
    if not times:
        return ""
    said = " and ".join(f"{ms:.3f} ms in {words}" for words, ms in times.items())
    sentence = f"On one core an example takes {said} (onnxruntime, medians)."
    limit = model.get("limit_ms")
    if not limit:
        return sentence
    above = [words for words, ms in times.items() if ms > limit]
    kept = f"More than the {limit:g} ms that are allowed: {' and '.join(above)}."
    return f"{sentence} {kept if above else f'Allowed are {limit:g} ms.'}"
