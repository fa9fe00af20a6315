"""Running text: its tokens, their windows, what follows; texts that are refused."""

import gzip

import numpy as np
import pytest

from qnas_jax.data import LANGUAGE, DataOptions, is_of_characters, load
from qnas_jax.data.running_text import windows
from qnas_jax.data.tokens import TOKENS
from qnas_jax.errors import UserError
from qnas_jax.options import OptionError


def read(path, **options):
    return load(DataOptions(source="plain_text", path=str(path), **options))


def in_words(data, array):
    return [" ".join(data.words[number] for number in row) for row in array]


def test_tokens_of_each_kind():
    text = "Ay, sir;\n\nthe <unk> N"
    assert list(TOKENS["character"](text)) == list(text)
    words = ["ay", ",", "sir", ";", "<eos>", "<eos>", "the", "<", "unk", ">", "n"]
    assert list(TOKENS["word"](text)) == [*words, "<eos>"]
    apart = ["Ay,", "sir;", "<eos>", "<eos>", "the", "<unk>", "N", "<eos>"]
    assert list(TOKENS["space"](text)) == apart


def test_windows_by_hand():
    split = windows(np.arange(2, 9, dtype=np.int32), 4)
    assert split.inputs.tolist() == [[2, 3, 4, 5], [6, 7, 0, 0]]
    assert split.targets.tolist() == [[3, 4, 5, 6], [7, 8, 0, 0]]
    full = windows(np.arange(2, 7, dtype=np.int32), 4)
    assert (full.inputs.tolist(), full.targets.tolist()) == ([[2, 3, 4, 5]],) + (
        [[3, 4, 5, 6]],
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "wiki.train.tokens").write_text("a b a b\n c a\n" * 3)
    (tmp_path / "wiki.valid.tokens").write_text("a d b\n")
    (tmp_path / "wiki.test.tokens").write_bytes(b"c b c\r\na\r\n")
    return tmp_path


def test_files_of_each_split(folder):
    data = read(folder, tokens="space", max_tokens=3)
    assert (data.name, data.kind, data.class_names) == (folder.name, LANGUAGE, ())
    assert data.words == ("<padding>", "<unknown>", "a", "b", "<eos>", "c")
    assert in_words(data, data.valid.inputs) == ["a <unknown> b"]
    assert in_words(data, data.valid.targets) == ["<unknown> b <eos>"]
    test = sorted(in_words(data, data.test.inputs))
    assert test == ["<eos> a <padding>", "c b c"]
    follows = sorted(in_words(data, data.test.targets))
    assert follows == ["a <eos> <padding>", "b c <eos>"]
    assert data.train.inputs.shape == (8, 3)
    few = read(folder, tokens="space", max_tokens=3, vocabulary=2)
    assert few.words[2:] == ("a", "b")
    assert "b <unknown> <unknown>" in in_words(few, few.test.targets)


def test_what_is_seen_once_is_unknown_where_it_is_to_be_foretold(folder):
    (folder / "wiki.train.tokens").write_text("a b a b\n c a\n")
    data = read(folder, tokens="space", max_tokens=4)
    assert data.words[2:] == ("a", "b")  # the last end of a line is no input
    assert (data.train.targets == 1).any()


def test_the_end_of_a_text_is_held_out(tmp_path):
    text = "".join(chr(97 + n % 26) for n in range(401))
    path = tmp_path / "letters.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    data = read(path, max_tokens=10, valid_fraction=0.25, test_fraction=0.1)
    sizes = [len(split) for split in (data.train, data.valid, data.test)]
    assert sizes == [27, 9, 4]
    parts = [text[start : start + 10] for start in range(0, 400, 10)]
    for split, own in (
        (data.train, parts[:27]),
        (data.valid, parts[27:36]),
        (data.test, parts[36:]),
    ):
        found = [each.replace(" ", "") for each in in_words(data, split.inputs)]
        assert sorted(found) == sorted(own)
        for before, then in zip(found, in_words(data, split.targets), strict=True):
            assert before[1:] == then.replace(" ", "")[:-1]
    assert is_of_characters(data.words)
    assert not is_of_characters((*data.words, "<eos>"))
    part = read(path, max_tokens=10, max_train=5)
    assert len(part.train) == 5


def test_special_names_in_a_text_are_unknown_tokens(folder):
    (folder / "wiki.valid.tokens").write_text("a <padding> <unknown> b a\n")
    data = read(folder, tokens="space", max_tokens=6)
    assert data.valid.inputs.min(where=data.valid.targets > 0, initial=9) == 1
    assert in_words(data, data.valid.inputs) == ["a <unknown> <unknown> b a <padding>"]


def test_the_play():
    data = load(DataOptions(source="coriolanus", max_tokens=64))
    assert data.name == "coriolanus" and len(data.words) == 60
    first = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAl"[:64]
    assert " ".join(first) in in_words(data, data.train.inputs)
    assert sum(map(len, (data.train, data.valid, data.test))) == 952
    words = load(DataOptions(source="coriolanus", tokens="word"))
    assert "menenius" in words.words and "<eos>" in words.words


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.txt", b"", {}, "the train text has 0 tokens, expected at least 2"),
        ("a.txt", b"abc" * 9, {}, r"got 1 windows of 64 tokens, expected at least 8"),
        ("a.txt", b"ab\xff", {}, "not text in UTF-8"),
        ("a.txt.gz", b"ab", {}, "damaged gzip file"),
        ("a.doc", b"ab", {}, "got a .doc file, expected one of .txt, .tokens, .raw"),
    ],
)
def test_texts_that_are_refused_in_one_line(tmp_path, name, content, options, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_what_must_be_named():
    with pytest.raises(OptionError, match="path: got '', allowed: a .txt file of runn"):
        DataOptions(source="plain_text")
    with pytest.raises(UserError, match="nowhere.txt is missing: set data.path"):
        read("nowhere.txt")
    with pytest.raises(OptionError, match="tokens: got 'letter', allowed"):
        DataOptions(source="coriolanus", tokens="letter")
