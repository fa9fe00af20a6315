"""Any image classification set of TensorFlow Datasets, without TensorFlow.

Prepared sets are read by random access (`array_record` or `parquet` files); the images
stay encoded until Pillow decodes them. Preparing a set that was never downloaded is
TFDS's own work, for which many of its builders import TensorFlow.
"""

import pathlib
import re
from typing import Any

import numpy as np

from qnas_jax.data.cache import cached, file_identity, size_identity
from qnas_jax.data.dataset import SourceSplits, Split
from qnas_jax.data.decode import decode_all, decode_image
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.split_names import SPLITS, split_of
from qnas_jax.errors import MissingFileError, UserError

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def load_tfds(options: PlaceOptions) -> SourceSplits:
    """Reads the TFDS set `name`, or the decoded copy kept of it.

    It is looked for in `<data_dir>/tfds`, else in `data_dir`. Without a `data_dir` it
    is looked for in the TFDS default folder and downloaded when it is not there.

    Raises:
      MissingFileError: the folder holds no prepared set of this name.
      UserError: unknown name, no random access, no `image` and `label` features of
        the right kind, no `train` split, damaged files, images of different sizes with
        image_size=0.
    """
    folder = _folder(options)
    builder = _builder(options.name, folder)
    if not builder.is_prepared():
        _prepare(builder, options.name, folder)
    _check_features(options.name, builder.info)
    files = sorted(pathlib.Path(builder.data_path).iterdir())
    return cached(
        options.cache_root(),
        builder.name,
        [*map(file_identity, files), *size_identity(options.image_size)],
        lambda: _decode(builder, options.name, options.image_size),
    )


def tfds_positions(options: PlaceOptions) -> np.ndarray:
    """Positions of the training examples in the original files, by their feature `id`.

    TFDS stores examples in an order of its own; `train_00017` is the 18th of the files
    that published splits count.

    Returns:
      int64 [N], in the order of `load_tfds`: a permutation.

    Raises:
      UserError: the set has no such feature, or it does not count the examples.
    """
    builder = _builder(options.name, _folder(options))
    (split,) = (name for name in builder.info.splits if split_of(name) == "train")
    examples = _read_examples(builder, options.name, split)
    numbers = [
        re.fullmatch(rb"\D*(\d+)", bytes(example.get("id", b"")))
        for example in examples
    ]
    found = np.array([int(each[1]) if each else -1 for each in numbers], np.int64)
    if not np.array_equal(np.sort(found), np.arange(len(found))):
        raise UserError(
            f"split_file: TFDS set {options.name!r} has no ids such as train_00017 "
            "that count its training examples, expected a set with such ids"
        )
    return found


def _folder(options: PlaceOptions) -> pathlib.Path | None:
    root = options.data_root()
    if root is not None and (root / "tfds").is_dir():
        return root / "tfds"
    return root


def _builder(name: str, folder: pathlib.Path | None) -> Any:
    import tensorflow_datasets as tfds

    # TFDS would prepare a new set in a form without random access by default; with a
    # folder given it takes what it finds there.
    kwargs = {} if folder else {"file_format": "array_record"}
    try:
        return tfds.builder(name, data_dir=folder, **kwargs)
    except ValueError as error:
        raise UserError(
            f"TFDS set {name!r} is unknown, expected a name of "
            "https://www.tensorflow.org/datasets/catalog"
            + (f" or a set prepared in {folder}" if folder else "")
        ) from error
    # Damaged JSON files raise protobuf's errors, missing packages ImportError.
    except Exception as error:
        raise UserError(
            f"TFDS set {name!r} in {folder or 'the default folder'} cannot be opened: "
            f"{error}"
        ) from error


def _prepare(builder: Any, name: str, folder: pathlib.Path | None) -> None:
    if folder is not None:
        raise MissingFileError(
            f"TFDS set {name!r} is not prepared in {folder} (looked for "
            f"{builder.data_path}): put it there in array_record form, or leave "
            "data.data_dir and QNAS_DATA_DIR empty to download it"
        )
    try:
        builder.download_and_prepare()
    except ImportError as error:
        raise UserError(
            f"TFDS set {name!r} cannot be prepared: {error}; this step, and no later "
            "one, needs the package: install it, or copy a prepared set to "
            "data.data_dir"
        ) from error


def _check_features(name: str, info: Any) -> None:
    import tensorflow_datasets as tfds

    features = info.features
    kinds = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    for key, kind in kinds.items():
        if key not in features or not isinstance(features[key], kind):
            raise UserError(
                f"TFDS set {name!r}: got features {dict(features.items())}, expected "
                f"{key!r} of type {kind.__name__}: only image classification sets fit"
            )
    image = features["image"]
    if np.dtype(image.np_dtype) != np.uint8 or image.shape[-1] not in _MODES:
        raise UserError(
            f"TFDS set {name!r}: got images {image.np_dtype} {image.shape}, "
            "expected uint8 with 1, 3 or 4 channels"
        )
    if "train" not in map(split_of, info.splits):
        raise UserError(
            f"TFDS set {name!r}: got splits {sorted(info.splits)}, expected train"
        )


def _decode(builder: Any, name: str, size: int) -> SourceSplits:
    splits: dict[str, Split] = {}
    notes: list[str] = []
    names = {theirs: split_of(theirs) for theirs in builder.info.splits}
    for ours in SPLITS:
        for theirs in sorted(each for each, split in names.items() if split == ours):
            if ours in splits:
                raise UserError(
                    f"TFDS set {name!r}: got splits {sorted(names)}, expected one of "
                    f"{ours} examples"
                )
            splits[ours], said = _decode_split(builder, name, theirs, size)
            notes += said
    others = sorted(each for each, split in names.items() if split is None)
    if others:
        notes.append(f"left out the splits {', '.join(others)}")
    return SourceSplits(
        builder.name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        tuple(builder.info.features["label"].names),
        tuple(notes),
    )


def _decode_split(
    builder: Any, name: str, split: str, size: int
) -> tuple[Split, tuple[str, ...]]:
    examples = _read_examples(builder, name, split)
    mode = _MODES[builder.info.features["image"].shape[-1]]

    def where(index: int) -> str:
        return f"TFDS set {name!r}, {split} image {index}"

    images, notes = decode_all(
        len(examples),
        lambda index: decode_image(examples[index]["image"], mode, where(index), size),
        where,
    )
    labels = np.array([example["label"] for example in examples], np.int32)
    return image_split(images, labels), notes


def _read_examples(builder: Any, name: str, split: str) -> list[dict[str, Any]]:
    import tensorflow_datasets as tfds

    for path in builder.info.splits[split].filepaths:
        if not path.exists():
            raise MissingFileError(f"{path} is missing: part of TFDS set {name!r}")
    try:
        source = builder.as_data_source(
            split=split, decoders={"image": tfds.decode.SkipDecoding()}
        )
        examples = source.__getitems__(list(range(len(source))))
    except NotImplementedError as error:
        raise UserError(
            f"TFDS set {name!r} in {builder.data_path} has no random access: prepare "
            "it again with file_format=array_record"
        ) from error
    except RuntimeError as error:
        raise UserError(
            f"TFDS set {name!r} in {builder.data_path}: damaged {split} files ({error})"
        ) from error
    # Records beyond the end of a cut file come back without features.
    if any(example["image"] is None for example in examples):
        raise UserError(
            f"TFDS set {name!r} in {builder.data_path}: damaged {split} files "
            "(records are missing)"
        )
    return examples
