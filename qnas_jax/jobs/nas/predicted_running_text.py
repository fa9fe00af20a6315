"""What a model of running text says of the lines of a file, each a text of its own."""

import io
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from qnas_jax.data.files_by_split import ending_of
from qnas_jax.data.running_text_files import ENDINGS
from qnas_jax.errors import UserError
from qnas_jax.export import LanguageModel
from qnas_jax.export.standalone.tokens import UNKNOWN_TOKEN
from qnas_jax.reading import read_text


def lines_of(
    path: pathlib.Path, model: LanguageModel, say: Callable[[str], object]
) -> list[str]:
    """Reads the texts of a file.

    Args:
      path: of a file of lines.
      model: which is asked.
      say: what is told of them, a line each.

    Returns:
      Its lines without their ends; empty ones are left out.

    Raises:
      UserError: there are none, or the file is no such file.
    """
    if path.is_dir() or not ending_of(path, ENDINGS):
        expected = ", ".join(ENDINGS)
        raise UserError(f"--input: got {path}, expected a file of {expected}")
    lines = (line.rstrip("\n") for line in io.StringIO(read_text(path), newline=None))
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise UserError(f"{path}: got no text, expected one a line")
    numbers = np.concatenate(model.tokens.all_numbered(texts))
    unknown = int((numbers == UNKNOWN_TOKEN).sum())
    if unknown:
        say(f"{unknown} of {len(numbers)} tokens are unknown")
    return texts


def foretold(model: LanguageModel, texts: list[str]) -> Iterator[dict[str, Any]]:
    """Says how likely texts are, and what is most likely to follow.

    Args:
      model: which is asked.
      texts: a line each.

    Yields:
      A row a text: its number, tokens that are foretold (all but the first), the sum of
      their log probabilities in nats, perplexity (None of a single token), and the
      continuation of the line.
    """
    found = model.log_probabilities(texts)
    follows = model.continuations(texts)
    for number, (scores, more) in enumerate(zip(found, follows, strict=True)):
        total = float(scores.astype(np.float64).sum())
        count = len(scores)
        yield {
            "text": number,
            "tokens": count,
            "log_probability": round(total, 4),
            "perplexity": round(math.exp(-total / count), 4) if count else None,
            "continuation": more,
        }
