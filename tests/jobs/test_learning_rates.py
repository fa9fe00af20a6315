"""Which learning rate a network is trained with: the validation split says."""

import numpy as np
import pytest

from qnas_jax.jobs.nas import learning_rates
from qnas_jax.jobs.nas.candidates import Candidate
from qnas_jax.jobs.nas.learning_rates import chosen_rate
from qnas_jax.options import OptionError
from qnas_jax.runs import RunError
from qnas_jax.training import RetrainOptions, Trained

RATES = (0.1, 0.3, 1.0, 3.0)
ACCURACIES = {0.1: 0.5, 0.3: 0.75, 1.0: 0.75, 3.0: None}
LOSSES = {0.1: 0.2, 0.3: 0.4, 1.0: 0.3, 3.0: None}


class Training:
    """Answers as the tables above say, and remembers what it was asked for."""

    def __init__(self, accuracies):
        self.accuracies = accuracies
        self.asked = []

    def train(self, candidates, epochs, *, tell, should_stop, learning_rate):
        del should_stop
        (candidate,) = candidates
        self.asked.append((candidate.arch, epochs, learning_rate))
        accuracy = self.accuracies[learning_rate]
        if accuracy is None:
            tell(0, Trained((1.0, float("nan")), None, None, 0.0))
            return
        found = {"accuracy": accuracy, "loss": LOSSES[learning_rate]}
        tell(0, Trained((1.0,), found, None, 0.0))


@pytest.fixture
def choose(tiny_config, make_setting, monkeypatch):
    """Chooses for one network, with stand-ins for trainings."""

    def run(accuracies, **options):
        tiny_config.retrain.update(learning_rates=RATES, epochs=7, **options)
        setting = make_setting(tiny_config)
        training = Training(accuracies)
        monkeypatch.setattr(learning_rates, "_training", lambda *_: training)
        network = Candidate("lstm", np.int32([1, 0]), None, None)
        return chosen_rate(setting, network), training.asked, setting

    return run


def test_the_first_of_the_best_is_chosen_and_kept(choose):
    choice, asked, setting = choose(ACCURACIES)
    assert choice.options.learning_rate == 0.3
    assert choice.options.learning_rates == RATES and choice.options.epochs == 7
    assert choice.trials == {"0.1": 0.5, "0.3": 0.75, "1.0": 0.75, "3.0": None}
    assert asked == [((1, 0), 7, rate) for rate in RATES]
    again, asked, _ = choose(ACCURACIES)
    assert again == choice and asked == []
    path = setting.folder.path / "retrain" / "lstm" / "trials.json"
    path.write_text(path.read_text().replace("0.75", "0.85"))
    with pytest.raises(RunError, match="trials.json"):
        choose(ACCURACIES)


def test_a_trial_may_be_shorter_and_be_judged_by_another_metric(choose):
    choice, asked, _ = choose(ACCURACIES, trial_epochs=2, kept_by="loss")
    assert choice.options.learning_rate == 0.1  # the lowest loss
    assert {epochs for _, epochs, _ in asked} == {2}


def test_where_all_diverge_the_lowest_is_taken(choose):
    choice, _, _ = choose(dict.fromkeys(RATES))
    assert choice.options.learning_rate == 0.1


def test_without_rates_nothing_is_tried(tiny_config, make_setting):
    choice = chosen_rate(make_setting(tiny_config), None)
    assert choice.trials == {}
    assert choice.options.learning_rate == tiny_config.retrain.learning_rate


def test_rates_are_above_0():
    with pytest.raises(OptionError, match="learning_rates: got .*0.0"):
        RetrainOptions(learning_rates=(0.1, 0.0))
