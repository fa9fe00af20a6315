"""Which words a sentence has, in no order, and logistic regression on them.

Counts count by 1 + log n, by how few sentences have the word, and each sentence has
length 1 (Salton & Buckley 1988; the smoothed inverse frequencies of scikit-learn). The
penalty of the regression is chosen by cross-validation on what is fitted.
"""

import numpy as np
from scipy import sparse

from qnas_jax.baselines.classifier import Classifier, Predict

_FIRST_WORD = 2  # before: 0, behind a sentence's end, and 1, any unknown word
_PENALTIES = (1.0, 3.0, 10.0, 30.0)  # inverse: less from left to right
_FOLDS = 3


def word_counts(sentences: np.ndarray, words: int) -> sparse.csr_matrix:
    """How often each sentence has each word.

    Args:
      sentences: int [N, T], numbers of words; unknown ones do not count.
      words: that there are; numbers beyond are unknown ones.

    Returns:
      float64 [N, words].
    """
    known = (sentences >= _FIRST_WORD) & (sentences < words)
    rows, _ = np.nonzero(known)
    ones = np.ones(len(rows))
    shape = (len(sentences), words)
    counts = sparse.coo_matrix((ones, (rows, sentences[known])), shape)
    return counts.tocsr()


def fit_bag_of_words(
    sentences: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Predict:
    """Fits weights of words.

    Args:
      sentences: int [N, T], numbers of words, 0 behind the end.
      labels: int [N].
      rng: what divides the sentences for cross-validation.

    Returns:
      The most probable class.
    """
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    words = int(sentences.max(initial=0)) + 1
    folds = min(_FOLDS, int(np.unique(labels, return_counts=True)[1].min()))
    regression = LogisticRegression(tol=1e-3, max_iter=1000)
    if folds > 1:
        seed = int(rng.integers(2**31))
        regression = GridSearchCV(
            regression,
            {"C": _PENALTIES},
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
        )
    model = make_pipeline(TfidfTransformer(sublinear_tf=True), regression)
    model.fit(word_counts(sentences, words), labels)
    return lambda others: model.predict(word_counts(others, words))


BAG_OF_WORDS = Classifier(fit_bag_of_words, at_once=1024, needs="sklearn")
