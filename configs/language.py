"""A play, letter by letter: search among networks that foretell the next character.

Question: which of causal convolutions, recurrences, attention and feed-forward blocks
foretell a text of 61 thousand characters (Shakespeare's Coriolanus, Acts 1 and 2), and
do they beat counting which three characters follow each other?

    python main.py --config=configs/language.py --workdir=runs/language

Nothing need be downloaded. With a text of your own, by characters or words:

    python main.py --config=configs/language.py --workdir=runs/mine
        --config.data.source=plain_text --config.data.path=mine.txt
        --config.data.tokens=word

Penn Treebank (`--config.data.path=ptb`, a folder of ptb.train.txt, ptb.valid.txt and
ptb.test.txt) and WikiText have `--config.data.tokens=space`, and
`--config.data.vocabulary` of 10,000 and 33,278 words.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """A search on running text by trained candidates."""
    config = default.get_config()
    config.data.update(source="coriolanus", tokens="character")
    config.data.update(valid_fraction=0.1, test_fraction=0.1)
    config.space.update(name="language_tiny")
    config.evaluator.name = "train"
    training = {"batch_size": 16, "learning_rate": 0.5, "clip_norm": 1.0}
    config.train.update(epochs=3, warmup_epochs=0.5, **training)
    config.search.update(population=4, generations=2)
    config.retrain.update(epochs=8, warmup_epochs=0.5, **training)
    config.retrain.update(ema_decay=0.99, compare=False)
    config.retrain.baselines = ("lstm", "transformer", "bigram", "trigram")
    config.retrain_language.update(word_dropout=0.1)
    return config
