"""Models that count tokens: by hand, and against a slow one that is the rule."""

import itertools

import numpy as np
import pytest

from qnas_jax.baselines import LANGUAGE_MODELS

A, B, C = 2, 3, 4
TOKENS = 5  # with 0, nothing, and 1, an unknown one


def slow(windows, following, order):
    """The chance of a token behind earlier ones, straight from the definition."""
    seen = [
        (tuple(row[: place + 1]), after[place])
        for row, after in zip(windows.tolist(), following.tolist(), strict=True)
        for place in range(len(row))
        if after[place]
    ]

    def chance(token, context):
        if context is None:
            return 1 / TOKENS
        length = len(context)
        shorter = context[1:] if length else None
        behind = [
            then
            for before, then in seen
            if len(before) >= length and before[len(before) - length :] == context
        ]
        less = chance(token, shorter)
        if not behind:
            return less
        kinds = len(set(behind))
        return (behind.count(token) + kinds * less) / (len(behind) + kinds)

    def behind(before):
        length = min(order - 1, len(before))
        return [chance(t, tuple(before[len(before) - length :])) for t in range(TOKENS)]

    return behind


def test_a_bigram_by_hand():
    """Of a b a c: behind a are b and c, once each; of 3 tokens there are 3 kinds."""
    windows, following = np.array([[A, B, A]]), np.array([[B, A, C]])
    unigram = LANGUAGE_MODELS["unigram"].fit(windows, following, TOKENS)
    chances = np.exp(unigram(np.array([[B]])))[0, 0]
    # (1 + 3 / 5) / (3 + 3) for each that was seen, (0 + 3 / 5) / 6 for the others
    np.testing.assert_allclose(chances, [0.1, 0.1, *[1.6 / 6] * 3], rtol=1e-6)
    bigram = LANGUAGE_MODELS["bigram"].fit(windows, following, TOKENS)
    behind_a, behind_c = np.exp(bigram(np.array([[A, C]])))[0]
    # (1 + 2 * 1.6 / 6) / (2 + 2) for b and c, 2 / 4 of the shorter for the others
    np.testing.assert_allclose(behind_a[[A, B]], [1.6 / 12, 1 / 4 + 1.6 / 12], 1e-6)
    np.testing.assert_allclose(behind_c, chances, rtol=1e-6)  # nothing followed it


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_against_the_slow_one(name):
    rng = np.random.default_rng(3)
    windows = rng.integers(1, TOKENS, (6, 7))
    following = np.concatenate([windows[:, 1:], rng.integers(1, TOKENS, (6, 1))], 1)
    windows[-1, 4:], following[-1, 4:] = 0, 0
    order = 1 + list(LANGUAGE_MODELS).index(name)
    model = LANGUAGE_MODELS[name]
    predict = model.fit(windows, following, TOKENS)
    wanted = slow(windows, following, order)
    others = np.array(list(itertools.product(range(1, TOKENS), repeat=3)))
    found = np.exp(predict(others))
    assert found.shape == (64, 3, TOKENS)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)
    for row, chances in zip(others.tolist(), found, strict=True):
        for place in range(3):
            np.testing.assert_allclose(
                chances[place], wanted(row[: place + 1]), rtol=1e-5
            )


def test_it_never_sees_what_follows():
    rng = np.random.default_rng(4)
    windows = rng.integers(1, TOKENS, (9, 8))
    predict = LANGUAGE_MODELS["trigram"].fit(windows[:, :-1], windows[:, 1:], TOKENS)
    changed = windows.copy()
    changed[:, 5:] = rng.integers(1, TOKENS, (9, 3))
    np.testing.assert_array_equal(predict(windows)[:, :5], predict(changed)[:, :5])
