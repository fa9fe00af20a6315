"""Running text as examples: windows of tokens, and the token that follows each of them.

A text is cut into tokens (`TOKENS`), and these into windows that follow each other.
Inputs are int32 [N, T], targets the same a token later: what follows a token of the
text, also where that begins the next window. 0 fills up the last window, in inputs and
targets. 1 is any token that is unknown.
"""

import numpy as np

from qnas_jax.data.dataset import SourceSplits, Split
from qnas_jax.data.text import PADDING, SPECIAL, UNKNOWN
from qnas_jax.data.tokens import TOKENS
from qnas_jax.errors import UserError

_FEWEST = 8  # windows, of a text that validation and test are cut off from


def source_of_runs(
    name: str, texts: dict[str, str], tokens: str, length: int, *, place: str = ""
) -> SourceSplits:
    """A source from one text for each split.

    Args:
      name: of the data set.
      texts: by split, `train` among them; validation and test are cut off its end where
        they are missing.
      tokens: a key of `TOKENS`.
      length: T, tokens of a window.
      place: where the texts are from, for errors; "": the name says it.

    Returns:
      The source, in which every token has a number.

    Raises:
      UserError: a text is too short.
    """
    numbers = dict.fromkeys(SPECIAL, UNKNOWN)
    splits = {}
    for split, text in texts.items():
        found = TOKENS[tokens](text.replace("\r\n", "\n"))
        run = np.fromiter(
            (numbers.setdefault(token, len(numbers)) for token in found), np.int32
        )
        if len(run) < 2:
            raise UserError(
                f"{place or name}: the {split} text has {len(run)} tokens, expected at "
                "least 2"
            )
        splits[split] = windows(run, length)
    if len(splits) < 3 and len(splits["train"]) < _FEWEST:
        raise UserError(
            f"{place or name}: got {len(splits['train'])} windows of {length} tokens, "
            f"expected at least {_FEWEST}, as validation and test are cut off them: "
            "lower data.max_tokens, or give a file for each split"
        )
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        (),
        words=tuple(numbers),
    )


def is_of_characters(words: tuple[str, ...]) -> bool:
    """Whether every token, as `Dataset.words` names them, is one character."""
    return all(len(word) == 1 for word in words[len(SPECIAL) :])


def windows(run: np.ndarray, length: int) -> Split:
    """Cuts a run of tokens.

    Args:
      run: int32 [M], M >= 2, numbers above 0.
      length: T, tokens of a window.

    Returns:
      ceil((M - 1) / T) windows, inputs and targets int32 [windows, T], `PADDING` behind
      the end; each token but the first is a target once.
    """
    count = -(-(len(run) - 1) // length)
    inputs, targets = (
        np.pad(part, (0, count * length - len(part)), constant_values=PADDING)
        for part in (run[:-1], run[1:])
    )
    return Split(inputs.reshape(count, length), targets.reshape(count, length))
