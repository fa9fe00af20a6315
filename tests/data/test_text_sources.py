"""Sentences from files, their words and numbers, and files refused in one line."""

import gzip

import numpy as np
import pytest

from qnas_jax.data import TEXT, DataOptions, load
from qnas_jax.data.text import words_of
from qnas_jax.errors import UserError
from qnas_jax.options import OptionError

# Six sentences of two classes; "fun" is the most frequent word, then "no" and "!".
ROWS = [("Fun, fun!", "pos"), ("no fun", "neg"), ("Fun  !", "pos"), ("no no", "neg")]
ROWS += [("It's fun", "pos"), ("bad", "neg")]
FEW = [("FUN \"new\" 'bad'", "pos"), ("no way", "neg")]


def as_tsv(rows, header=""):
    return header + "".join(f"{sentence}\t{label}\n" for sentence, label in rows)


def read(path, **options):
    data = load(DataOptions(source="text", path=str(path), **options))
    assert data.kind == TEXT and data.train.inputs.dtype == np.int32
    return data


def sentences(data, split):
    """All of a split in words, with their classes; sorted."""
    rows = zip(split.inputs, split.targets, strict=True)
    return sorted(
        (" ".join(data.words[n] for n in row if n), data.class_names[target])
        for row, target in rows
    )


def test_words_and_signs():
    assert words_of("Don’t  STOP-me, it's 3.5_x … 'ok'") == [
        *("don’t", "stop", "-", "me", ",", "it's", "3", ".", "5_x", "…"),
        *("'", "ok", "'"),
    ]
    assert words_of("Élan 東京?") == ["élan", "東京", "?"]


@pytest.fixture
def folder(tmp_path):
    for name, rows in (("train", ROWS), ("dev", FEW), ("test", ROWS[1:5])):
        (tmp_path / f"{name}.tsv").write_text(as_tsv(rows))
    return tmp_path


def test_the_vocabulary_is_that_of_the_training_split(folder):
    for place in (folder, folder / "train.tsv"):
        data = read(place)
        assert data.class_names == ("neg", "pos")
        assert data.words[:5] == ("<padding>", "<unknown>", "fun", "no", "!")
        assert data.words[5:] == (",", "bad", "it's")
        assert data.input_shape == (7,)  # those of the longest: fun " new " ' bad '
        new = "fun <unknown> <unknown> <unknown> <unknown> bad <unknown>"
        assert sentences(data, data.valid) == [(new, "pos"), ("no <unknown>", "neg")]
        assert ("fun , fun !", "pos") in sentences(data, data.train)
        assert not data.train.inputs[:, 4:].any()
    few = read(folder, vocabulary=2)
    assert few.words == ("<padding>", "<unknown>", "fun", "no")
    assert ("<unknown>", "neg") in sentences(few, few.train)


def test_words_of_held_out_sentences_are_unknown(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text(as_tsv([(f"the w{n}", f"c{n % 2}") for n in range(20)]))
    data = read(path)
    assert len(data.words) == 3 + len(data.train)
    assert (data.train.inputs != 1).all()
    for split in (data.valid, data.test):
        assert (split.inputs[:, 0] == 2).all() and (split.inputs[:, 1] == 1).all()


def test_long_sentences_are_cut_and_told(folder, caplog):
    data = read(folder, max_tokens=3)
    assert data.input_shape == (3,)
    assert ("fun , fun", "pos") in sentences(data, data.train)
    told = "2 of 12 sentences are cut to 3 of up to 7 words (data.max_tokens)"
    assert told in caplog.text


def test_every_form_has_the_same_sentences(tmp_path, caplog):
    rows = ROWS * 3
    quoted = "".join(f'"{sentence}",{label}\n' for sentence, label in rows)
    turned = "".join(f"{label}\t{sentence}\n" for sentence, label in rows)
    files = {
        "mine.tsv": as_tsv(rows).encode(),
        "mine.csv": ("\ufeffsentence,label\n\n" + quoted).encode(),
        "mine.tsv.gz": gzip.compress(as_tsv(rows).encode()),
        "mine2.tsv": ("Label\ttext\n" + turned).encode(),
    }
    found = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        data = read(tmp_path / name)
        assert data.name == name.partition(".")[0]
        found.append([sentences(data, each) for each in (data.train, data.test)])
    assert all(each == found[0] for each in found)
    assert sum(map(len, found[0])) + len(data.valid) == len(rows)
    assert "the first line is taken as a header" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"", "line 1: got no sentence, expected one a line, then its class"),
        ("a.tsv", b"good\t1\nbad 0\n", "line 2: got 1 cells, expected 2, a sentence"),
        ("a.tsv", b"good\t1\nb\t0\t0\n", "line 2: got 3 cells, .* with a tab between"),
        ("a.csv", b"good, really,1\n", "line 1: got 3 cells, .* with a comma between"),
        ("a.csv", b'good,1\n"bad,0\n', "line 2: not separated values"),
        (
            "a.tsv",
            b"good\t1\n \t0\n",
            "line 2: got '' as the sentence, expected a word",
        ),
        ("a.tsv", b"good\t1\nbad\t \n", "line 2: got '' as the class, expected a word"),
        ("a.tsv", b"good\t1\nb\xff\t0\n", "not text in UTF-8"),
        ("a.tsv.gz", b"good\t1\n", "damaged gzip file"),
        (
            "a.tsv.gz",
            gzip.compress(b"good\t1\n" * 99, mtime=0)[:-9],
            "damaged gzip file",
        ),
        ("a.txt", b"good\t1\n", "got a .txt file, expected one of .csv, .tsv, .csv.gz"),
    ],
)
def test_malformed_files_are_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_large_things_are_refused_before_they_are_made(tmp_path, monkeypatch):
    path = tmp_path / "a.tsv"
    path.write_text(as_tsv([("a", "0"), ("b", "1")] * 20_000 + [("a " * 9_000, "0")]))
    with pytest.raises(UserError, match="unpack to 1,440,036,000, expected at most"):
        read(path, max_tokens=10_000)
    monkeypatch.setattr("qnas_jax.reading._MOST_UNPACKED", 1000)
    path = tmp_path / "b.tsv.gz"
    path.write_bytes(gzip.compress(b"good\t1\n" * 200_000))
    with pytest.raises(UserError, match="b.tsv.gz: says that its .* bytes unpack to"):
        read(path)


def test_sst2_by_name(tmp_path, monkeypatch):
    monkeypatch.delenv("QNAS_DATA_DIR", raising=False)
    with pytest.raises(UserError, match="data.data_dir is not set: set it or QNAS_"):
        load(DataOptions(source="sst2"))
    folder = tmp_path / "sst2"
    folder.mkdir()
    for name in ("train", "dev", "test"):
        with pytest.raises(UserError, match=f"{name}.tsv.gz: No such file"):
            load(DataOptions(source="sst2", data_dir=str(tmp_path)))
        (folder / f"{name}.tsv.gz").write_bytes(gzip.compress(as_tsv(ROWS).encode()))
    data = load(DataOptions(source="sst2", data_dir=str(tmp_path)))
    assert (data.name, len(data.train), len(data.valid)) == ("sst2", 6, 6)


def test_options_are_checked():
    with pytest.raises(
        OptionError, match="side: got 8, allowed: 0 when source is sst2"
    ):
        DataOptions(source="sst2", side=8)
    with pytest.raises(OptionError, match="path: got '', allowed: a .tsv or .csv file"):
        DataOptions(source="text")
    with pytest.raises(OptionError, match="vocabulary: got 65535, allowed"):
        DataOptions(source="sst2", vocabulary=65_535)
