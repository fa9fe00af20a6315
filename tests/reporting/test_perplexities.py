"""Language models side by side: a picture, and what it shows in words."""

import numpy as np

from qnas_jax.reporting import write_report
from qnas_jax.reporting.perplexities import perplexities, said_of_perplexities

MODELS = {
    "winner": {"test_perplexity": 7.5, "intervals": {"test_perplexity": [7.0, 8.0]}},
    "LSTM": {"test_perplexity": 7.25, "intervals": {"test_perplexity": [6.5, 7.75]}},
    "trigrams": {"test_perplexity": 9.0},
}


def test_a_line_is_an_interval_and_a_dot_the_value():
    (axes,) = perplexities.__wrapped__(MODELS).axes
    drawn = [(line.get_xdata(), line.get_ydata()) for line in axes.lines[:-1]]
    wanted = [([7.0, 8.0], 0), ([7.5], 0), ([6.5, 7.75], 1), ([7.25], 1)]
    wanted += [([9.0, 9.0], 2), ([9.0], 2)]
    for (x, y), (ends, place) in zip(drawn, wanted, strict=True):
        np.testing.assert_array_equal(x, ends)
        assert set(y) == {place}
    assert [label.get_text() for label in axes.get_yticklabels()] == list(MODELS)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the winner is on top
    assert [text.get_text() for text in axes.texts] == ["7.500", "7.250", "9.000"]


def test_in_words():
    said = said_of_perplexities(MODELS)
    assert said == "Perplexity on test: winner 7.500, LSTM 7.250, trigrams 9.000."


def test_the_page_of_a_language_model_shows_it(small):
    result = small.result() | MODELS["winner"] | {"test_loss": 2.0}
    result["baselines"] = {"lstm": MODELS["LSTM"] | {"test_loss": 1.98}}
    del result["test_accuracy"]
    small.dump("result.json", result)
    page = write_report(small.workdir).read_text()
    assert (small.workdir / "figures" / "perplexities.png").stat().st_size > 5000
    assert 'alt="Perplexity on test: winner 7.500, LSTM 7.250."' in page
    assert "Perplexities side by side" in page
