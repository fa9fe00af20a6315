"""A play, letter by letter: search among networks that foretell the next character.

Question: which of causal convolutions, recurrences, attention and feed-forward blocks
foretell a text of 61 thousand characters (Shakespeare's Coriolanus, Acts 1 and 2), and
are they better than counting which three characters follow each other?

    python main.py --config=configs/language.py --workdir=runs/language

Nothing need be downloaded. With a text of your own, by characters or words:

    python main.py --config=configs/language.py --workdir=runs/mine
        --config.data.source=plain_text --config.data.path=mine.txt
        --config.data.tokens=word

Penn Treebank (`--config.data.path=ptb`, a folder of ptb.train.txt, ptb.valid.txt and
ptb.test.txt) and WikiText have `--config.data.tokens=space`, and
`--config.data.vocabulary` of 10,000 and 33,278 words.

8 networks of `language_tiny` are trained for 4 epochs each; the winner, a random
network of its cost, an LSTM and a transformer of at most its parameters for 16, by Adam
and each at the best of three learning rates, which trials of 4 epochs and the
validation text choose.

Measured (one seed, 0; JAX 0.10.2; of a test text of 95 windows of 64 characters; MACs
of a window):

    model                 bits a character (95 %)  perplexity  rate  parameters    MACs
    winner                2.554 (2.472 to 2.637)        5.873  0.03      32,773  1.88 M
    random, of its cost   2.586 (2.505 to 2.667)        6.003  0.03      32,867  1.88 M
    LSTM                  2.665 (2.586 to 2.745)        6.344  0.03      29,545  1.71 M
    transformer           3.191 (3.130 to 3.252)        9.132  0.01      27,713  2.14 M
    trigram counts        2.766 (2.699 to 2.833)        6.802
    bigram counts         3.490 (3.447 to 3.534)       11.238

The winner (two convolutions of three characters and a feed-forward block) is better
than all others window by window (p < 0.001, of the random network p = 0.006), with one
training each. Gradient descent at 0.5 for 8 epochs, as it was before, left the LSTM at
3.725 bits and the transformer at 3.426 (its places weighed a seventh of what they weigh
now), behind the trigrams: that was the recipe, not the networks. The LSTM is ahead of
the trigrams now. For attention over letters 16 epochs of 49 thousand characters are
still few, and the best of three rates, tried for 4 epochs, need not be the best of all:
for three of four networks it is the highest. 7 minutes on 2 CPU cores that many other
programs worked on.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """A search on running text by trained candidates."""
    config = default_config()
    config.data.update(source="coriolanus", tokens="character")
    config.data.update(valid_fraction=0.1, test_fraction=0.1)
    config.space.update(name="language_tiny")
    config.evaluator.name = "train"
    training = {"batch_size": 16, "optimizer": "adam", "clip_norm": 1.0}
    config.train.update(epochs=4, warmup_epochs=0.5, learning_rate=0.01, **training)
    config.search.update(population=4, generations=2)
    config.retrain.update(epochs=16, warmup_epochs=0.5, **training)
    config.retrain.update(learning_rates=(0.003, 0.01, 0.03), trial_epochs=4)
    config.retrain.update(ema_decay=0.99, compare=False)
    config.retrain.baselines = ("lstm", "transformer", "bigram", "trigram")
    config.retrain_language.update(word_dropout=0.1)
    return config
