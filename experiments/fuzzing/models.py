"""Kinds of inputs that are models of images, series and text, and images to predict."""

import contextlib
import functools
import io
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from experiments.benches.exports import random_weights
from experiments.fuzzing.damage import Damaged, folder_kind, made, put
from experiments.fuzzing.images import IMAGES
from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import archives, damaged_bytes
from qnas_jax.export import (
    Images,
    Inputs,
    Series,
    Text,
    blank_network,
    files,
    load_model,
    write_model,
)
from qnas_jax.export.facts import with_digests
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.nas.predict import predict_examples
from qnas_jax.nets import set_mode
from qnas_jax.runs import WorkFolder, write_json
from qnas_jax.spaces import SpaceOptions, build_space

_SHAPE = (8, 8, 1)
_PIXELS = np.random.default_rng(3).integers(0, 256, (2, *_SHAPE), dtype=np.uint8)
_DIGITS = Images(_SHAPE, (0.4,), (0.3,), tuple(map(str, range(10))), data="digits")
WORDS = ("<padding>", "<unknown>", "good", "bad", "it's", "!", "東京", '"')
SENTENCE = 5
"""Words of a sentence that the model of text looks at."""
_NUMBERS = np.array([[2, 3, 1, 0, 0], [7, 5, 4, 6, 2]], np.int32)
_VALUES = np.linspace(-2, 2, 42, dtype=np.float32).reshape(2, 21, 1)
_SERIES = Series((21, 1), (0.5,), (2.0,), ("go", "sit"), data="waves")
_TEXT = Text((SENTENCE,), ("no", "yes"), WORDS, data="words")


def _write(
    folder: pathlib.Path, name: str, inputs: Inputs, examples: np.ndarray, choice: int
) -> None:
    """A model of the same op in all layers of a space."""
    words = len(inputs.words) if isinstance(inputs, Text) else 0
    shape = (*inputs.input_shape, 2) if words else inputs.input_shape
    options = SpaceOptions(name)
    space: Any = build_space(options, shape, len(inputs.class_names), words)
    arch = np.full(space.num_layers, choice, np.int32)
    network = random_weights(blank_network(space, arch), np.random.default_rng(1))
    set_mode(network, "running")
    folder = folder / files.FOLDER
    write_model(
        folder, space, arch, network, inputs, examples=examples, calibration=None
    )
    facts = {
        "inputs": inputs.kind,
        "input_shape": list(inputs.input_shape),
        "class_names": list(inputs.class_names),
    }
    write_json(folder / files.FACTS, with_digests(facts, folder))


def _write_images(folder: pathlib.Path) -> None:
    _write(folder, "digits_tiny", _DIGITS, _PIXELS, 0)


def _write_text(folder: pathlib.Path) -> None:
    _write(folder, "text_tiny", _TEXT, _NUMBERS, 5)


def _write_series(folder: pathlib.Path) -> None:
    _write(folder, "series_tiny", _SERIES, _VALUES, 1)


Writer = Callable[[pathlib.Path], None]
_EXAMPLES: dict[Writer, Any] = {
    _write_images: _PIXELS,
    _write_series: _VALUES,
    _write_text: ["good, BAD", "\"! it's 東京 good and more"],
}
"""What each model is asked."""


def _loaded(write: Writer, damaged: Damaged, folder: pathlib.Path) -> Any:
    put(made(write), damaged, folder)
    if damaged.file.endswith(files.STABLEHLO):  # it is read where there is no source
        (folder / files.FOLDER / files.SOURCE).unlink()
    with contextlib.redirect_stdout(io.StringIO()):
        return load_model(folder)


def _predicts_the_same(write: Writer, damaged: Damaged, model: Any) -> str:
    """Loaded in spite of damage: of what is not read, or what reads the same."""
    wanted = _whole_model(write)
    if (model.input_shape, model.class_names) != wanted[0]:
        return f"a model of {model.input_shape}, {model.class_names}"
    if damaged.file.endswith(files.FACTS):
        return ""
    close = np.allclose(model(_EXAMPLES[write]), wanted[1], atol=1e-4)
    return "" if close else "other logits"


@functools.cache
def _whole_model(write: Writer) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        put(made(write), Damaged("", None), root)
        model = load_model(root)
        return (model.input_shape, model.class_names), model(_EXAMPLES[write])


def _model_kind(name: str, write: Writer, share: float) -> Kind:
    """A kind of folder with a model in it."""
    return folder_kind(
        name,
        write,
        functools.partial(_loaded, write),
        functools.partial(_predicts_the_same, write),
        share,
    )


@st.composite
def _asked_images(draw: st.DrawFn) -> Given:
    """`--input`: an npz file, or a folder of images, with faults."""
    if draw(st.booleans()):
        arrays = {"images": _PIXELS, "y": np.arange(2)}
        return Given(("in.npz", draw(archives(st.just(arrays)))), ("in.npz",))
    name = draw(st.sampled_from(sorted(IMAGES)))
    content = draw(damaged_bytes(st.just(IMAGES[name])))
    return Given((f"in/{name}", content), (name, "--input"))


def _predict(value: tuple[str, bytes], folder: pathlib.Path) -> Any:
    root = folder / "run"
    put(made(_write_images), Damaged("", None), root)
    path = folder / value[0]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(value[1])
    setting = open_setting(
        default_config(),
        WorkFolder(root),
        input=str(folder / value[0].partition("/")[0]),
        say=lambda line: None,
    )
    return list(predict_examples(setting))


KINDS = (
    _model_kind("model folders", _write_images, 0.25),
    _model_kind("model folders of series", _write_series, 0.1),
    _model_kind("model folders of text", _write_text, 0.15),
    Kind("images to predict", _asked_images(), _predict, share=0.2),
)
