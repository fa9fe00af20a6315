"""Sentences of film reviews, networks trained from scratch: search on text.

Question: which of convolutions, recurrences, attention and feed-forward blocks over
words tell good reviews from bad ones (SST-2 in whole sentences, Socher et al. 2013:
6,920 / 872 / 1,821), without vectors from elsewhere?

    python main.py --config=configs/sst2.py --workdir=runs/sst2

QNAS_DATA_DIR (or data.data_dir) names the folder that has sst2/train.tsv.gz, dev.tsv.gz
and test.tsv.gz, as the repository clairett/pytorch-sentiment-classification has them,
packed. 8 networks of `text` of at most 300,000 multiply-accumulates are trained for 8
epochs each, the winner, a random network of its cost, an LSTM and a transformer of at
most its parameters for 10. Steps are clipped and begin slowly: without, networks of
four layers often learn nothing.

Measured (one seed, 0; JAX 0.10.2, 2 CPU cores that others worked on too; accuracy on
1,821 test sentences; multiply-accumulates of a sentence):

    model                accuracy (95 %)          parameters      MACs
    winner               79.46 % (77.55 to 81.25)    569 k       239 k
    random, of its cost  77.43 % (75.45 to 79.29)    569 k       239 k
    LSTM                 79.57 % (77.66 to 81.36)    528 k       599 k
    transformer          80.51 % (78.62 to 82.26)    562 k     2,928 k
    bag of words         81.93 % (80.10 to 83.64)

The winner (one recurrence, the maximum over the words) is better than the random
network (p = 0.048, one training each), not told apart from LSTM (p = 0.96) and
transformer (p = 0.28) at less than half and a twelfth of their operations, and behind
a logistic regression on words (p = 0.010, all by McNemar's test, not corrected). 80 %
is not reached. Of the parameters 564 k are the words'. 431 s in all, 150 s of them the
search. Without a limit on operations, and with candidates of 4 epochs, winners had
77.21 % (three convolutions), within 600,000 77.65 %: short trainings favour what
learns quickly and then learns by heart.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """A search on SST-2 by trained candidates."""
    config = default_config()
    config.data.update(source="sst2", vocabulary=12_000)
    config.space.update(name="text")
    config.constraints.max_macs = 300_000
    config.evaluator.name = "train"
    training = {"batch_size": 32, "learning_rate": 0.2, "clip_norm": 1.0}
    config.train.update(epochs=8, warmup_epochs=1.0, **training)
    config.train_text.update(word_dropout=0.3)
    config.search.update(population=4, generations=2, score="loss")
    config.retrain.update(epochs=10, warmup_epochs=1.0, **training)
    config.retrain.update(ema_decay=0.99, compare=False)
    config.retrain.baselines = ("lstm", "transformer", "bag_of_words")
    config.retrain_text.update(word_dropout=0.3)
    return config
