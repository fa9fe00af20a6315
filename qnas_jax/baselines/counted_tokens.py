"""Language models that count: how often a token followed those before it.

What n tokens say is mixed with what n - 1 say, the more of it the more different tokens
followed (Witten & Bell 1991, method C; Chen & Goodman 1999, section 2.6):

    p(w | c) = (count(c w) + kinds(c) p(w | shorter c)) / (count(c) + kinds(c))

where kinds(c) are the different tokens behind c. Behind no token all are equally
likely. Windows are seen as networks see them: nothing before their first token.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from scipy import sparse

_NOTHING = 0  # the number that fills up windows

PredictTokens = Callable[[np.ndarray], np.ndarray]
"""Windows int [M, T] -> logarithms of probabilities float32 [M, T, V] of what follows
each token."""


@dataclasses.dataclass(frozen=True)
class LanguageModel:
    """A row of the registry.

    Attributes:
      fit: (windows int [N, T], what follows int [N, T], number of tokens V) -> what
        predicts.
      at_once: windows that are predicted in one call.
    """

    fit: Callable[[np.ndarray, np.ndarray, int], PredictTokens]
    at_once: int = 16


@dataclasses.dataclass(frozen=True)
class _Counts:
    """What followed the contexts of one length.

    Attributes:
      codes: int64 [K], the contexts, sorted.
      followed: float64 [K, V], how often which token did.
    """

    codes: np.ndarray
    followed: sparse.csr_matrix

    def mix(self, codes: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """Mixes probabilities [M, V] with those behind contexts int64 [M]."""
        places = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        known = (self.codes[places] == codes) & (codes >= 0)
        rows = self.followed[places].toarray() * known[:, None]
        total, kinds = rows.sum(axis=1), (rows > 0).sum(axis=1)
        kinds = np.where(known, kinds, 1)  # of an unknown context: only the shorter one
        return (rows + kinds[:, None] * shorter) / (total + kinds)[:, None]


def fit_counts(
    windows: np.ndarray, following: np.ndarray, tokens: int, *, order: int
) -> PredictTokens:
    """Counts.

    Args:
      windows: int [N, T], 0 where there is nothing.
      following: int [N, T], likewise.
      tokens: V, numbers that there are.
      order: tokens that are looked at, the next one among them: 1 is how frequent each
        is, whatever came before.

    Returns:
      What predicts.
    """
    there = following != _NOTHING
    levels = []
    for length in range(order):
        codes = _contexts(windows, length, tokens)
        counted = there & (codes >= 0)
        found, rows = np.unique(codes[counted], return_inverse=True)
        columns = following[counted]
        shape = (len(found), tokens)
        counts = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape)
        levels.append(_Counts(found, counts.tocsr()))

    def predict(others: np.ndarray) -> np.ndarray:
        probabilities = np.full((others.size, tokens), 1 / tokens)
        for length, level in enumerate(levels):
            codes = _contexts(others, length, tokens).ravel()
            probabilities = level.mix(codes, probabilities)
        shaped = probabilities.reshape(*others.shape, tokens)
        return np.log(shaped).astype(np.float32)

    return predict


def _contexts(windows: np.ndarray, length: int, tokens: int) -> np.ndarray:
    """A number for the last tokens at each place, int64; -1 where there are fewer."""
    codes = np.zeros(windows.shape, np.int64)
    for back in range(length):
        before = np.pad(windows, ((0, 0), (back, 0)))[:, : windows.shape[1]]
        missing = (before == _NOTHING) | (codes < 0)
        codes = np.where(missing, -1, codes * tokens + before)
    return codes


LANGUAGE_MODELS: dict[str, LanguageModel] = {
    name: LanguageModel(functools.partial(fit_counts, order=order))
    for order, name in enumerate(("unigram", "bigram", "trigram"), start=1)
}
