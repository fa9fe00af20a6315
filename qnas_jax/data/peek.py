"""Shape of an input and number of classes, without reading them where possible."""

import tempfile

from qnas_jax.data.sources import DataOptions, load

_KNOWN = {
    "digits": ((8, 8, 1), 10),
    "mnist": ((28, 28, 1), 10),
    "fashion_mnist": ((28, 28, 1), 10),
}


def peek(options: DataOptions) -> tuple[tuple[int, ...], int]:
    """What a search space needs to know of the data.

    TFDS knows its sets by name, so that networks for CIFAR-100, say, can be described
    on a machine that does not hold it. Files and folders are loaded.

    Args:
      options: the source.

    Returns:
      The shape of one input as the data have it, of images (height, width, channels),
      and the number of classes.

    Raises:
      MissingFileError: a named file or folder is missing.
      UserError: the set is damaged or unknown.
    """
    if options.source in _KNOWN:
        return _KNOWN[options.source]
    if options.source == "tfds":
        known = _tfds_metadata(options.name, options.image_size)
        if known is not None:
            return known
    dataset = load(options)
    return dataset.input_shape, dataset.num_classes


def _tfds_metadata(name: str, size: int) -> tuple[tuple[int, int, int], int] | None:
    import tensorflow_datasets as tfds

    with tempfile.TemporaryDirectory() as empty:
        try:
            features = tfds.builder(name, data_dir=empty).info.features
            shape = features["image"].shape
            classes = features["label"].num_classes
        except Exception:  # a set that only its own folder describes
            return None
    if size and len(shape) == 3:
        shape = (size, size, shape[2])
    if None in shape or len(shape) != 3:
        return None
    height, width, channels = shape
    return (int(height), int(width), int(channels)), int(classes)
