"""Models of running text: their logits, what they say of texts, what they refuse."""

import json
import random
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from written_models import WITHOUT_QNAS_JAX

from experiments.benches.exports import differences, random_weights
from experiments.measuring.built_in_spaces import built_in_space
from qnas_jax.data import Split
from qnas_jax.data import tokens as training_tokens
from qnas_jax.data.running_text import source_of_runs, windows
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import (
    LanguageModel,
    RunningText,
    blank_network,
    files,
    load_model,
    write_model,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.export.loading import load_network
from qnas_jax.export.onnx_files import run_onnx
from qnas_jax.export.standalone.foretelling import Foreteller, cut_windows
from qnas_jax.export.standalone.tokens import Tokens, tokens_of
from qnas_jax.jobs.nas.int8_tuning import train_rounded
from qnas_jax.jobs.nas.model_quality import ByTokenLoss
from qnas_jax.nets import set_mode
from qnas_jax.runs import write_json
from qnas_jax.spaces import SPACES

LENGTH = 6
WORDS = ("<padding>", "<unknown>", *"abcdefgh \n", *(f"x{n}" for n in range(280)))
SIZE = len(WORDS)
ARCH = [1, 2, 3, 4]


def some_windows(count=20, seed=5):
    """Windows of known and unknown tokens, the last ones not full."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(1, SIZE, (count, LENGTH))
    ends = np.minimum(np.arange(count, 0, -1), LENGTH)[:, None]
    return np.where(np.arange(LENGTH) < ends, numbers, 0).astype(np.int32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A convolution, a recurrence, an attention and a product, in all forms."""
    folder = tmp_path_factory.mktemp("run") / "model"
    space = SPACES["language_tiny"]((LENGTH, 2), SIZE, SIZE)
    network = random_weights(blank_network(space, ARCH), np.random.default_rng(1))
    set_mode(network, "running")
    inputs = RunningText((LENGTH,), WORDS, "character", data="letters")
    numbers = some_windows()
    written = write_model(
        folder, space, ARCH, network, inputs, examples=numbers, calibration=numbers
    )
    told = {"inputs": "language", "input_shape": [LENGTH], "class_names": []}
    write_json(folder / files.FACTS, with_digests(told, folder))
    return folder, network, written


@nnx.jit
def run(network, values):
    return network(values)


def of_ours(network, numbers):
    digits = np.stack(np.divmod(numbers, 256), axis=-1)
    return np.asarray(run(network, jnp.asarray(digits, jnp.float32)))


def shares_of(logits):
    exact = np.exp(np.asarray(logits, np.float64))
    return exact / exact.sum(axis=-1, keepdims=True)


def test_all_forms_give_the_same_logits(model):
    folder, network, written = model
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - {files.CARD}
    assert written.remarks == []
    assert written.differences.keys() == {files.SOURCE, files.STABLEHLO, files.ONNX}
    assert max(written.differences.values()) < 1e-4
    numbers = some_windows(3, seed=8)
    expected = of_ours(network, numbers)
    assert expected.shape == (3, LENGTH, SIZE) and np.ptp(expected) > 0.1
    exported = jax.export.deserialize(
        bytearray((folder / files.STABLEHLO).read_bytes())
    )
    assert exported.platforms == ("cpu", "cuda", "tpu")
    onnx = run_onnx((folder / files.ONNX).read_bytes())
    loaded = load_model(folder)
    assert isinstance(loaded, LanguageModel) and loaded.class_names == WORDS
    for count in (1, 3):
        for compute in (exported.call, onnx, loaded):
            found = np.asarray(compute(numbers[:count]))
            np.testing.assert_allclose(found, expected[:count], atol=1e-4)
    shorter = loaded(numbers[:, :4])
    np.testing.assert_allclose(shorter, expected[:, :4], atol=1e-4)
    assert loaded(np.zeros((0, 3), int)).shape == (0, 3, SIZE)


def test_eight_bits_are_close_and_smaller(model):
    folder, network, _ = model
    numbers = some_windows(40, seed=9)
    there = numbers > 0
    expected = of_ours(network, numbers)[there]
    found = run_onnx((folder / files.INT8).read_bytes())(numbers)[there]
    error = np.abs(found - expected).mean() / np.ptp(expected)
    assert 1e-5 < error < 0.02
    size = [(folder / name).stat().st_size for name in (files.INT8, files.ONNX)]
    assert size[0] < 0.8 * size[1]


def test_it_can_be_trained_on_for_eight_bits(model):
    network = load_network(model[0])
    before = jax.tree.map(np.array, nnx.to_pure_dict(nnx.state(network)))
    numbers = some_windows()
    split = Split(numbers, np.roll(numbers, -1, axis=1) * (numbers > 0))
    judge = ByTokenLoss(64, characters=True)
    rate = {"batch_size": 20, "learning_rate": 3e-3}
    train_rounded(network, split, jax.random.key(0), loss=judge.loss, steps=6, **rate)
    plain = load_network(model[0])
    lost = judge.value(network, split) - judge.value(plain, split)
    assert lost < -0.1
    after = nnx.to_pure_dict(nnx.state(network))
    assert jax.tree.structure(after) == jax.tree.structure(before)


def test_the_stablehlo_file_alone_is_a_model(model, tmp_path):
    folder = shutil.copytree(model[0], tmp_path / "model")
    (folder / files.SOURCE).unlink()
    texts = ["abc", "hagebad"]
    for found, expected in zip(
        load_model(folder).log_probabilities(texts),
        load_model(model[0]).log_probabilities(texts),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_bench_takes_spaces_of_running_text():
    found = differences(built_in_space("language_tiny"), 0, seed=4, onnx=False)
    assert found["largest logit"] > 0.1
    assert found["source"] < 1e-4


STRANGE = [
    "Don't  STOP-me,\r\nit's 3.5 <eos> 'ok'\n",
    "one\n\n two\tthree <padding> <unknown>\n",
    "Élan 東京?\u2028f\x0bg\n",
    "no end",
]


@pytest.mark.parametrize("kind", ["character", "word", "space"])
def test_tokens_are_those_of_training(kind):
    """Of texts whose last line has ended; one that has not has no token for its end."""
    rng = random.Random(3)
    letters = [*map(chr, range(0x250)), *"  \n\n\r'’_-"]
    every = STRANGE[:3] + [
        "".join(rng.choices(letters, k=60)) + "\n" for _ in range(99)
    ]
    for text in every:
        expected = list(training_tokens.TOKENS[kind](text.replace("\r\n", "\n")))
        assert tokens_of(text, kind) == expected
    assert tokens_of(STRANGE[3], kind)[-1] == ("d" if kind == "character" else "end")


@pytest.mark.parametrize("kind", ["character", "word", "space"])
def test_numbers_and_windows_are_those_of_training(kind, tmp_path):
    text = "".join(STRANGE[:3]) * 3
    source = source_of_runs(
        "strange", dict.fromkeys(("train", "valid", "test"), text), kind, 5
    )
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps({"tokens": kind, "words": source.words}))
    tokens = Tokens.read(path)
    numbers = tokens.numbered(text)
    inputs, targets = cut_windows([numbers], 5)
    np.testing.assert_array_equal(inputs, source.train.inputs)
    np.testing.assert_array_equal(targets, source.train.targets)
    assert (numbers == 0).sum() == 0
    assert ((numbers == 1).sum() > 0) == (kind == "space")  # "<padding>" is no token


def test_windows_of_several_texts_follow_each_other():
    runs = [np.arange(1, 9, dtype=np.int32), np.array([7], np.int32), np.arange(2, 6)]
    inputs, following = cut_windows(runs, 3)
    expected = [windows(runs[0], 3), windows(runs[2], 3)]
    np.testing.assert_array_equal(
        inputs, np.concatenate([part.inputs for part in expected])
    )
    np.testing.assert_array_equal(
        following, np.concatenate([part.targets for part in expected])
    )


def test_log_probabilities_are_sums_by_hand(model):
    """Three texts: one of a token, one of two windows, one with an unknown token."""
    folder, network, _ = model
    texts = ["a", "bad cabbage"[:9], "e?g"]
    found = load_model(folder).log_probabilities(texts)
    assert [each.shape for each in found] == [(0,), (8,), (2,)]
    place = {word: number for number, word in enumerate(WORDS)}
    numbers = [place[letter] for letter in texts[1]]
    rows = np.zeros((3, LENGTH), np.int32)
    rows[0], rows[1, :2] = numbers[:6], numbers[6:8]
    rows[2, :2] = [place["e"], 1]
    shares = shares_of(of_ours(network, rows))
    expected = [shares[0, n, numbers[n + 1]] for n in range(6)]
    expected += [shares[1, 0, numbers[7]], shares[1, 1, numbers[8]]]
    np.testing.assert_allclose(found[1], np.log(expected), atol=1e-4)
    expected = [shares[2, 0, 1], shares[2, 1, place["g"]]]
    np.testing.assert_allclose(found[2], np.log(expected), atol=1e-4)


def test_what_follows_is_chosen_token_by_token(model):
    """Against a loop that asks our network anew for each token."""
    folder, network, _ = model
    loaded = load_model(folder)
    texts = ["abc", "hgfedcba", "b"]
    names, probabilities = loaded.predict(texts)
    added = loaded.continuations(texts, 5)
    place = {word: number for number, word in enumerate(WORDS)}
    for text, name, probability, more in zip(
        texts, names, probabilities, added, strict=True
    ):
        numbers, written = [place[letter] for letter in text], ""
        for step in range(5):
            row = np.zeros((1, LENGTH), np.int32)
            last = numbers[-LENGTH:]
            row[0, : len(last)] = last
            shares = shares_of(of_ours(network, row))[0, len(last) - 1]
            best = 2 + int(shares[2:].argmax())
            if step == 0:
                assert name == WORDS[best]
                assert probability == pytest.approx(shares[best], rel=1e-3)
            if WORDS[best] == "\n":
                break
            written += WORDS[best]
            numbers.append(best)
        assert more == written
    assert loaded.continuations(texts, 0) == ["", "", ""]
    assert loaded.continuations([]) == [] == loaded.predict([])[0]
    assert loaded.log_probabilities([]) == []


def test_a_continuation_ends_with_the_line():
    """A made-up network: behind each token the next of a list is certain."""
    tokens = Tokens(("<padding>", "<unknown>", "to", "be", "<eos>", "or"), "word")
    follows = np.array([0, 0, 3, 5, 2, 4])

    def foretell(numbers):
        return 50.0 * np.eye(6)[follows[numbers]]

    asked = Foreteller(foretell, tokens, 3)
    texts = ["To", "be or", "or", "be to be!"]
    assert asked.continuations(texts) == ["be or", "", "", "to be or"]
    assert asked.next_tokens(texts)[0] == ["be", "<eos>", "<eos>", "to"]


@pytest.mark.parametrize("count", [1, 3, 130, 300])
def test_few_sizes_of_batches_are_asked(count):
    tokens = Tokens(("<padding>", "<unknown>", "a", "b"), "character")
    sizes = []

    def foretell(numbers):
        sizes.append(len(numbers))
        return np.eye(4)[numbers]

    (place,) = {
        len(each)
        for each in Foreteller(foretell, tokens, 2).log_probabilities(["ab"] * count)
    }
    assert place == 1
    assert sizes == {1: [1], 3: [4], 130: [128, 2], 300: [128, 128, 64]}[count]


def test_what_is_no_text_is_one_line(model):
    loaded = load_model(model[0])
    for given, said in (
        ("a text", "language: got 'a text', expected a list of texts"),
        (3, "language: got '3', expected a list of texts"),
        (["ab", ""], r"text 1 \(from 0\): got '', expected a text with a token"),
        ([4], "text 0 .*got '4', expected a text"),
    ):
        for ask in (
            loaded.predict,
            loaded.log_probabilities,
            loaded.continuations,
        ):
            with pytest.raises(UserError, match=said):
                ask(given)
    for given, said in (
        (
            np.zeros((2, 3)),
            r"language: got float64 \[2, 3\], expected whole numbers of",
        ),
        (np.zeros((2, 7), int), r"got int64 \[2, 7\], expected .* \[N, at most 6\]"),
        (np.zeros(3, int), r"language: got int64 \[3\], expected whole numbers"),
    ):
        with pytest.raises(UserError, match=said):
            loaded(given)


def test_a_vocabulary_is_a_part_of_the_model(model, tmp_path):
    folder = shutil.copytree(model[0], tmp_path / "model")
    path = folder / files.VOCABULARY
    content = json.loads(path.read_text("utf-8"))
    assert content == {"tokens": "character", "words": list(WORDS)}
    path.write_text(json.dumps({**content, "tokens": "word"}))
    with pytest.raises(UserError, match="vocabulary.json: not as it was written"):
        load_model(folder)
    facts = json.loads((folder / files.FACTS).read_text())
    del facts["digests"]
    (folder / files.FACTS).write_text(json.dumps(facts))
    for damaged in ([], {"words": ["a"]}, {"tokens": "word", "words": [3]}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(UserError, match="expected a list of words"):
            load_model(folder)
    path.unlink()
    with pytest.raises(MissingFileError, match="vocabulary.json: missing; --stage=exp"):
        load_model(folder)


ALONE = (
    WITHOUT_QNAS_JAX
    + """
model, texts = network.load(), json.loads(sys.argv[2])
names, probabilities = model.predict(texts)
scores = [each.tolist() for each in model.log_probabilities(texts)]
try:
    model.predict([""])
except ValueError as error:
    said = str(error)
added = model.continuations(texts, 3)
print(json.dumps([names, probabilities.tolist(), scores, added, said]))
"""
)


def test_texts_are_foretold_where_this_package_is_not(model):
    texts = ["abc", "bad cabbage"]
    command = [sys.executable, "-I", "-c", ALONE, model[0], json.dumps(texts)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    names, probabilities, scores, added, said = json.loads(done.stdout)
    loaded = load_model(model[0])
    expected = loaded.predict(texts)
    assert names == expected[0] and added == loaded.continuations(texts, 3)
    np.testing.assert_allclose(probabilities, expected[1], atol=1e-5)
    for found, wanted in zip(scores, loaded.log_probabilities(texts), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert said == "text 0 (from 0): got '', expected a text with a token in it"
    assert "qnas" not in (model[0] / files.SOURCE).read_text()
