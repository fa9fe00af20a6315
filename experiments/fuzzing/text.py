"""Kinds of inputs that are files of text: sentences, with classes or not, and runs."""

import gzip
import pathlib
import re
from typing import Any

from hypothesis import strategies as st

from experiments.fuzzing.files import file_kind
from experiments.fuzzing.models import SENTENCE, WORDS
from experiments.fuzzing.mutations import csv_texts, damaged_bytes
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.running_text_files import load_plain_text
from qnas_jax.data.text_files import load_text
from qnas_jax.export import Model
from qnas_jax.export.standalone.sentences import Vocabulary
from qnas_jax.jobs.nas.predicted_text import text_of

_ROWS: list[list[Any]] = [
    ["Good, GOOD!", "yes"],
    ["it's bad", "no"],
    ['a 3.5 "quoted" film', "yes"],
    ["bad 東京", "no"],
]
_LINES = "Good, GOOD!\n\nit's bad\r\n東京 \u2028 b\u00a0c\n".encode()
_HEADED: list[list[Any]] = [["id", "Text"], [1, "good it's"], [2, "bad bad, bad"]]
_MODEL = Model(
    lambda numbers: numbers,  # nothing is computed
    (SENTENCE,),
    ("no", "yes"),
    "text",
    Vocabulary(WORDS),
)


def _load(path: pathlib.Path) -> Any:
    return load_text(PlaceOptions(path=str(path)))


def _scanned(text: str) -> list[str]:
    """Words of a text, sign by sign."""
    words, place = list[str](), 0
    text = text.lower()
    while place < len(text):
        end = place
        while end < len(text) and _in_word(text, place, end):
            end += 1
        end = max(end, place + 1)
        if not text[place:end].isspace():
            words.append(text[place:end])
        place = end
    return words


def _in_word(text: str, start: int, place: int) -> bool:
    """Whether a sign belongs to the word that starts before it, or there."""
    if text[place].isalnum() or text[place] == "_":
        return True
    beside = text[place + 1 : place + 2]
    between = beside.isalnum() or beside == "_"
    return text[place] in "'’" and place > start and between


def _words_by_scanning(content: bytes, splits: Any) -> str:
    """The words of a file with tabs and without a header."""
    text = content.decode("utf-8-sig")
    lines = [line for line in re.split("\r\n|\r|\n", text) if line.strip()]
    if len(lines) != len(splits.train) or any(line.count("\t") != 1 for line in lines):
        return ""
    first = (line.partition("\t")[0] for line in lines)
    wanted = [_scanned(each)[: splits.train.inputs.shape[1]] for each in first]
    got = [[splits.words[n] for n in row if n] for row in splits.train.inputs]
    return "" if got == wanted else f"got {got}, the text has {wanted}"


_RUN = "Now, brav'ry; 東京\r\n\tor\u2028 b\u00a0c\n\ta long line of text\n".encode()
_WINDOW = 3


def _load_run(path: pathlib.Path) -> Any:
    return load_plain_text(PlaceOptions(path=str(path), max_tokens=_WINDOW))


def _letters(content: bytes, splits: Any) -> str:
    """All letters of a text, as its first one and those that follow another."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    followed = splits.train.targets.ravel()
    numbers = [splits.train.inputs[0, 0], *followed[followed > 0]]
    got = "".join(splits.words[number] for number in numbers)
    return "" if got == text else f"got {got!r}, the text is {text!r}"


def _asked(path: pathlib.Path) -> Any:
    return text_of(path, _MODEL, lambda line: None)[1]


def _numbers_by_scanning(content: bytes, numbers: Any) -> str:
    """The numbers of the words of each line that has any."""
    lines = re.split("\r\n|\r|\n", content.decode("utf-8-sig"))
    known = {word: number for number, word in enumerate(WORDS)}
    every = [[known.get(word, 1) for word in _scanned(line)] for line in lines]
    wanted = [row[:SENTENCE] for row in every if row]
    got = [[n for n in row.tolist() if n] for row in numbers]
    return "" if got == wanted else f"got {got}, the text has {wanted}"


KINDS = (
    file_kind(
        "running text",
        {
            "mine.txt": damaged_bytes(st.just(_RUN)),
            "mine.txt.gz": damaged_bytes(st.just(gzip.compress(_RUN, mtime=0))),
        },
        _load_run,
        _letters,
        share=0.5,
    ),
    file_kind(
        "sentences and classes",
        {"mine.tsv": csv_texts(st.just(_ROWS)), "mine.csv": csv_texts(st.just(_ROWS))},
        _load,
        _words_by_scanning,
    ),
    file_kind(
        "sentences to predict, lines",
        {"asked.txt": damaged_bytes(st.just(_LINES))},
        _asked,
        _numbers_by_scanning,
        share=0.5,
    ),
    file_kind(
        "sentences to predict, rows",
        {"asked.csv": csv_texts(st.just(_HEADED)), "a.tsv": csv_texts(st.just(_ROWS))},
        _asked,
        share=0.5,
    ),
)
