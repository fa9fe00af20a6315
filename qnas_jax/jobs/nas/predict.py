"""Answers what the model of a work folder says of examples."""

import json
import pathlib
from collections.abc import Iterator

import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import LanguageModel, Model, load_model
from qnas_jax.jobs.nas.predicted_images import images_of
from qnas_jax.jobs.nas.predicted_running_text import foretold, lines_of
from qnas_jax.jobs.nas.predicted_series import series_of
from qnas_jax.jobs.nas.predicted_text import text_of
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.reading import naming

_READERS = {"images": images_of, "series": series_of, "text": text_of}
_WORDS = {"images": "image", "series": "series", "text": "text"}
_EXPECTED = {
    "images": "a folder or npz file",
    "series": "a file of series or a folder of recordings",
    "text": "a file with a sentence a line",
    "language": "a file with a text a line",
}
_AT_ONCE = 256


def predict_examples(setting: NasSetting) -> Iterator[str]:
    """Predicts the examples of `setting.input`.

    Args:
      setting: its work folder holds a model.

    Yields:
      A JSON line an example: image, series or text (its name, or number), class,
      probability; of running text see `foretold`.

    Raises:
      MissingFileError: there is no model, or no such input.
      UserError: no input is named, it holds no examples, or they do not fit.
    """
    if setting.input is None:
        raise UserError("--input: got nothing, expected a folder or a file")
    model = load_model(setting.folder.path)
    path = pathlib.Path(setting.input).expanduser()
    with naming(path):
        if not path.exists():
            raise MissingFileError(
                f"--input: got {path}, expected {_EXPECTED[model.kind]}"
            )
        if isinstance(model, LanguageModel):
            texts = lines_of(path, model, setting.say)
            rows = foretold(model, texts)
            return (json.dumps(row, ensure_ascii=False) for row in rows)
        names, examples = _READERS[model.kind](path, model, setting.say)
    return _lines(model, names, examples)


def _lines(model: Model, names: list[str | int], examples: np.ndarray) -> Iterator[str]:
    for start in range(0, len(names), _AT_ONCE):
        chosen = slice(start, start + _AT_ONCE)
        classes, probabilities = model.predict(examples[chosen])
        for name, found, probability in zip(
            names[chosen], classes, probabilities.tolist(), strict=True
        ):
            row = {
                _WORDS[model.kind]: name,
                "class": found,
                "probability": round(probability, 6),
            }
            yield json.dumps(row, ensure_ascii=False)
