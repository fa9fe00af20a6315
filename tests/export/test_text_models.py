"""Models of text: their logits, their words, and what they refuse."""

import json
import random
import shutil
import subprocess
import sys
import unicodedata

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from written_models import WITHOUT_QNAS_JAX

from experiments.benches.exports import differences, random_weights
from experiments.measuring.built_in_spaces import built_in_space
from qnas_jax.data import DataOptions, load, text
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import (
    Text,
    blank_network,
    files,
    load_model,
    write_model,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.export.loading import load_network, logits_of
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.export.standalone.sentences import Vocabulary, words_of
from qnas_jax.export.writing import write_source
from qnas_jax.nets import set_mode
from qnas_jax.runs import write_json
from qnas_jax.spaces import SPACES, hand_made

LENGTH = 7
NAMES = ("bad", "fair", "good")
WORDS = (*text.SPECIAL, *(f"w{n}" for n in range(290)), "東京", "it's", "\"'\\", "…")


def some_numbers(count=40, seed=5):
    """Sentences of 1 to 7 words, 0 behind their ends."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(1, len(WORDS), (count, LENGTH))
    ends = rng.integers(1, LENGTH + 1, (count, 1))
    return np.where(np.arange(LENGTH) < ends, numbers, 0).astype(np.int32)


def a_network(name, arch):
    """A random network of a space, and what it gets."""
    space = SPACES[name]((LENGTH, 2), len(NAMES), len(WORDS))
    arch = np.asarray(arch)
    network = random_weights(blank_network(space, arch), np.random.default_rng(1))
    set_mode(network, "running")
    return space, arch, network, Text((LENGTH,), NAMES, WORDS, data="words")


def tell(folder):
    told = {"inputs": "text", "input_shape": [LENGTH], "class_names": list(NAMES)}
    write_json(folder / files.FACTS, with_digests(told, folder))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Four different ops and a pooling in all forms."""
    folder = tmp_path_factory.mktemp("run") / "model"
    made, numbers = a_network("text", [1, 3, 5, 8, 1]), some_numbers()
    written = write_model(folder, *made, examples=numbers, calibration=numbers)
    tell(folder)
    return folder, made[2], written


@nnx.jit
def run(network, values):
    return network(values)


def of_ours(network, numbers):
    digits = np.stack(np.divmod(numbers, 256), axis=-1)
    return np.asarray(run(network, jnp.asarray(digits, jnp.float32)))


@pytest.mark.parametrize(
    ("name", "arch"), [("text_tiny", [1, 2, 4, 5]), ("text", [2, 4, 7, 1, 2])]
)
def test_logits_are_those_of_our_network_for_any_length(name, arch, tmp_path):
    made = a_network(name, arch)
    write_source(tmp_path, *made)
    tell(tmp_path)
    loaded, alone = load_model(tmp_path), load_network(tmp_path)
    long = np.concatenate([some_numbers(3), some_numbers(3, seed=6)], axis=1)
    for numbers in (some_numbers(3)[:, :4], long):
        expected = of_ours(made[2], numbers[:, :LENGTH])
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(loaded(numbers), expected, atol=1e-4)
        found = jax.jit(logits_of(alone))(jnp.asarray(numbers))
        np.testing.assert_allclose(np.asarray(found), expected, atol=1e-4)


def test_all_forms_give_the_same_logits(model):
    folder, network, written = model
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - {files.CARD}
    assert written.remarks == []
    assert written.differences.keys() == {files.SOURCE, files.STABLEHLO, files.ONNX}
    assert max(written.differences.values()) < 1e-4
    numbers = some_numbers(3, seed=8)
    expected = of_ours(network, numbers)
    exported = jax.export.deserialize(
        bytearray((folder / files.STABLEHLO).read_bytes())
    )
    assert exported.platforms == ("cpu", "cuda", "tpu")
    onnx = run_onnx((folder / files.ONNX).read_bytes())
    for count in (1, 3):
        for compute in (exported.call, onnx):
            found = np.asarray(compute(numbers[:count]))
            np.testing.assert_allclose(found, expected[:count], atol=1e-4)


def test_eight_bits_are_close_and_smaller(model):
    folder, network, written = model
    numbers = some_numbers(40, seed=9)
    expected = of_ours(network, numbers)
    found = run_onnx((folder / files.INT8).read_bytes())(numbers)
    error = np.abs(found - expected).mean() / np.ptp(expected)
    assert 1e-5 < error < 0.02  # 0.04 if what attention does not see had 8 bits
    size = [(folder / name).stat().st_size for name in (files.INT8, files.ONNX)]
    assert size[0] < 0.8 * size[1]


STRANGE = [
    "Don’t  STOP-me, it's 3.5_x … 'ok'",
    "Élan 東京?\tİstanbul ŒUVRE ﬁn",
    "a\u200bb c\xa0d e\u2028f g\x1ch",
    '👩‍👩‍👧 100% <unknown> <padding> \\ " `',
    "naïve nai\u0308ve ''' ’’ o'clock'n'roll",
    "_ __ 1_000 ½ ² Ⅷ ٣",
    "\ud800 alone \x00 null",
]


def test_words_are_those_of_training():
    for sentence in STRANGE:
        assert words_of(sentence) == text.words_of(sentence) != []
    rng = random.Random(3)
    letters = [chr(n) for n in range(0x3000)] + list("  '’_-")
    for _ in range(300):
        sentence = "".join(rng.choices(letters, k=40))
        assert words_of(sentence) == text.words_of(sentence)
        decomposed = unicodedata.normalize("NFD", sentence)
        assert words_of(decomposed) == text.words_of(decomposed)


def test_numbers_are_those_of_training(tmp_path):
    lines = [(sentence.replace("\t", " "), "ab"[n % 2]) for n, sentence in PAIRS]
    path = tmp_path / "mine_train.tsv"
    path.write_text("".join(f"{each}\t{label}\n" for each, label in lines), "utf-8")
    shutil.copy(path, tmp_path / "mine_test.tsv")
    options = DataOptions(
        source="text", path=str(path), vocabulary=12, max_tokens=9, valid_fraction=0.5
    )
    data = load(options)
    vocabulary = Vocabulary(data.words)
    assert len(data.words) == 14
    found = vocabulary.numbered([sentence for sentence, _ in lines], 9)
    np.testing.assert_array_equal(
        sorted(found.tolist()), sorted(data.test.inputs.tolist())
    )
    assert (found == 1).any() and (found == 0).any() and found.max() == 13


PAIRS = list(enumerate([each for each in STRANGE[:6] for _ in range(4)]))


def test_sentences_are_asked_as_they_are(model):
    folder, network, _ = model
    loaded = load_model(folder)
    sentences = ["W5 w7, 東京!", "It's w12", " ".join(20 * ["w3"])]
    numbers = np.zeros((3, LENGTH), np.int32)
    numbers[0, :5] = [7, 9, 1, 292, 1]
    numbers[1, :2] = [293, 14]
    numbers[2] = 5
    expected = of_ours(network, numbers)
    np.testing.assert_allclose(loaded(sentences), expected, atol=1e-4)
    names, probabilities = loaded.predict(sentences)
    assert names == [NAMES[best] for best in expected.argmax(axis=-1)]
    softmax = np.exp(expected) / np.exp(expected).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, softmax.max(axis=-1), rtol=1e-4)
    assert loaded.predict([])[0] == []


def test_what_is_no_text_is_one_line(model):
    loaded = load_model(model[0])
    for given, said in (
        ("a sentence", "got 'a sentence', expected a list of sentences"),
        (["w1", " \n"], r"sentence 1 \(from 0\): got ' \\n', expected a text with a w"),
        ([3], "sentence 0 .*got '3', expected a text"),
        (np.zeros((2, 3)), r"text: got float64 \[2, 3\], expected sentences, or whole"),
        (np.zeros(3, int), r"text: got int64 \[3\], expected sentences"),
    ):
        with pytest.raises(UserError, match=said):
            loaded(given)


def test_a_vocabulary_is_a_part_of_the_model(model, tmp_path):
    folder = shutil.copytree(model[0], tmp_path / "model")
    path = folder / files.VOCABULARY
    words = json.loads(path.read_text("utf-8"))
    assert words == list(WORDS)
    words[4], words[5] = words[5], words[4]
    path.write_text(json.dumps(words))
    with pytest.raises(UserError, match="vocabulary.json: not as it was written"):
        load_model(folder)
    path.unlink()
    with pytest.raises(MissingFileError, match="vocabulary.json: missing; --stage=exp"):
        load_model(folder)


ALONE = (
    WITHOUT_QNAS_JAX
    + """
model = network.load()
names, probabilities = model.predict(json.loads(sys.argv[2]))
try:
    model.predict(["", "w1"])
except ValueError as error:
    said = str(error)
print(json.dumps([names, probabilities.tolist(), said]))
"""
)


def test_sentences_are_classified_where_this_package_is_not(model):
    sentences = ["W5 w7, 東京!", "It's w12", " ".join(20 * ["w3"])]
    command = [sys.executable, "-I", "-c", ALONE, model[0], json.dumps(sentences)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    names, probabilities, said = json.loads(done.stdout)
    expected = load_model(model[0]).predict(sentences)
    assert names == expected[0]
    np.testing.assert_allclose(probabilities, expected[1], atol=1e-5)
    assert said == "sentence 0 (from 0): got '', expected a text with a word in it"
    assert "qnas" not in (model[0] / files.SOURCE).read_text()


def test_the_bench_takes_spaces_of_text():
    found = differences(built_in_space("text_tiny"), 0, seed=4, onnx=False)
    assert found["largest logit"] > 0.1
    assert found["source"] < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_hand_made_networks_are_written_as_any_other(name):
    found = differences(hand_made(name, (LENGTH, 2), 3, len(WORDS)), 0, seed=4)
    assert found.pop("largest logit") > 0.1
    assert len(found) == 4
    assert max(found.values()) < 1e-4
