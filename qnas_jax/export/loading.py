"""From a folder to a network that predicts.

The source is run if there is one, else the StableHLO file is. Whoever loads a model
runs the code in its folder. All its files are checked before, also those that others
read: a damaged ONNX file is found where its folder is used.
"""

import pathlib
from typing import Any

import jax
from flax import nnx

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.export import files
from qnas_jax.export.facts import check_files, read_facts
from qnas_jax.export.inputs import RunningText, Text
from qnas_jax.export.language_model import LanguageModel
from qnas_jax.export.model import Model
from qnas_jax.export.serialised import Logits, from_stablehlo
from qnas_jax.export.standalone.sentences import Vocabulary
from qnas_jax.export.standalone.tokens import Tokens
from qnas_jax.options import shown
from qnas_jax.reading import parse_json, read_bytes, reason
from qnas_jax.user_code.files import load_file


def model_folder(path: str | pathlib.Path) -> pathlib.Path:
    """The folder of a model: the one given, or the one within a work folder.

    Raises:
      MissingFileError: neither holds a model.
    """
    given = pathlib.Path(path)
    for folder in (given / files.FOLDER, given):
        if (folder / files.FACTS).is_file():
            return folder
    raise MissingFileError(
        f"{path}: holds no model, expected the work folder of a finished run or its "
        f"folder {files.FOLDER}; --stage=export makes one"
    )


def load_model(path: str | pathlib.Path) -> Model:
    """Loads an exported network.

    >>> import qnas_jax as qnas
    >>> model = qnas.load_model("runs/digits")  # doctest: +SKIP
    >>> names, probabilities = model.predict(images)  # doctest: +SKIP

    Args:
      path: the work folder of a run, or the folder of a model.

    Returns:
      The model; `model(examples)` are logits, `model.predict(examples)` classes; of
      running text a `LanguageModel`.

    Raises:
      MissingFileError: there is no model, or a file of it is missing.
      UserError: a file of it is damaged or was changed.
    """
    folder = model_folder(path)
    facts = read_facts(folder)
    check_files(facts, folder)
    if facts.kind == RunningText.kind:
        tokens = read_tokens(folder)
        logits = jax.jit(load_logits(folder))
        return LanguageModel(logits, facts.input_shape, tokens.words, tokens=tokens)
    vocabulary = read_vocabulary(folder) if facts.kind == Text.kind else None
    logits = jax.jit(load_logits(folder))
    return Model(logits, facts.input_shape, facts.class_names, facts.kind, vocabulary)


def read_vocabulary(folder: pathlib.Path) -> Vocabulary:
    """The words that a model of text knows.

    Args:
      folder: of the model.

    Raises:
      MissingFileError: the file is missing.
      UserError: it is no list of words.
    """
    path, words = _vocabulary_of(folder)
    if not _are_words(words):
        raise _no_words(path, words)
    return Vocabulary(words)


def read_tokens(folder: pathlib.Path) -> Tokens:
    """The tokens that a model of running text knows.

    Args:
      folder: of the model.

    Raises:
      MissingFileError: the file is missing.
      UserError: it has no list of words and their kind.
    """
    path, content = _vocabulary_of(folder)
    found = content if isinstance(content, dict) else {}
    words: Any = found.get("words")
    if not _are_words(words) or not words or not isinstance(found.get("tokens"), str):
        raise _no_words(path, content)
    return Tokens(words, found["tokens"])


def _vocabulary_of(folder: pathlib.Path) -> tuple[pathlib.Path, Any]:
    path = folder / files.VOCABULARY
    if not path.is_file():
        raise MissingFileError(f"{path}: missing; --stage=export makes it anew")
    return path, parse_json(read_bytes(path), str(path))


def _are_words(words: Any) -> bool:
    return isinstance(words, list) and all(isinstance(each, str) for each in words)


def _no_words(path: pathlib.Path, found: Any) -> UserError:
    return UserError(
        f"{path}: got {shown(found)}, expected a list of words; --stage=export makes "
        "it anew"
    )


def load_logits(folder: pathlib.Path) -> Logits:
    """The network in a folder, from its source or else its StableHLO file.

    Args:
      folder: of the model.

    Returns:
      A function that is not compiled, to be traced by whoever reads it anew.

    Raises:
      MissingFileError: a file of it is missing.
      UserError: a file of it cannot be read.
    """
    if (folder / files.SOURCE).is_file():
        return logits_of(load_network(folder))
    path = folder / files.STABLEHLO
    content = read_bytes(path)
    try:
        return from_stablehlo(content)
    except Exception as error:  # of many kinds, as the content is damaged
        raise _unreadable(path, error) from error


def load_network(folder: pathlib.Path) -> nnx.Module:
    """The stand-alone network in a folder, from its source and weights.

    Args:
      folder: of the model; it has a source.

    Returns:
      The module.

    Raises:
      MissingFileError: the weights are missing.
      UserError: source or weights cannot be read.
    """
    weights = folder / files.WEIGHTS
    if not weights.is_file():
        raise MissingFileError(f"{weights}: missing; --stage=export makes it anew")
    module = load_file(str(folder / files.SOURCE))
    try:
        network: nnx.Module = module.load(weights)
    except Exception as error:  # of many kinds, as weights or source are damaged
        raise _unreadable(weights, error) from error
    return network


def logits_of(network: Any) -> Logits:
    """A stand-alone network, [N, ...] -> [N, classes], traced anew by each reader."""
    graph, state = nnx.split(network)

    def logits(examples: jax.Array) -> jax.Array:
        found: jax.Array = nnx.merge(graph, state)(examples)
        return found

    return logits


def _unreadable(path: pathlib.Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: cannot be read ({reason(error)}); --stage=export makes it anew"
    )
