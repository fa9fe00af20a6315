"""Kinds of inputs that are images: data sets, and what a model is asked about."""

import functools
import io
import pathlib
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from experiments.fuzzing.files import file_kind
from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import TOKENS, archives, bombs, damaged_bytes
from qnas_jax.data import DataOptions, load
from qnas_jax.data.npz import load_npz
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.split_file import split_by_file

_rng = np.random.default_rng(0)
_ARRAYS = {
    "x_train": _rng.integers(0, 256, (6, 4, 4), dtype=np.uint8),
    "y_train": np.arange(6) % 2,
    "x_test": _rng.integers(0, 256, (2, 4, 4), dtype=np.uint8),
    "y_test": np.arange(2),
}


def _load_npz(path: pathlib.Path) -> Any:
    return load_npz(PlaceOptions(path=str(path)))


def _as_stored(content: bytes, splits: Any) -> str:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        images = stored["x_train"]
    same = np.array_equal(splits.train.inputs.reshape(images.shape), images)
    return "" if same else "other images than in the file"


def _split(path: pathlib.Path) -> Any:
    whole = _kept_splits()
    return split_by_file(whole, path, None)


@functools.cache
def _kept_splits() -> Any:
    from qnas_jax.data.dataset import SourceSplits
    from qnas_jax.data.images import image_split

    train = image_split(
        _ARRAYS["x_train"][..., None], _ARRAYS["y_train"].astype(np.int32)
    )
    return SourceSplits("made", train, None, None, ("0", "1"), ())


def _encoded(form: str, mode: str, size: tuple[int, int]) -> bytes:
    shape = (*size, 3) if mode == "RGB" else size
    image = Image.fromarray(_rng.integers(0, 256, shape, dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


IMAGES = {
    "a.png": _encoded("PNG", "RGB", (5, 4)),
    "b.jpg": _encoded("JPEG", "RGB", (5, 4)),
    "c.bmp": _encoded("BMP", "L", (5, 4)),
    "d.gif": _encoded("GIF", "L", (5, 4)),
    "e.tiff": _encoded("TIFF", "RGB", (5, 4)),
    "f.webp": _encoded("WEBP", "RGB", (5, 4)),
}
_NAMES = (
    *("train", "test", "valid", "val", "cat", "dog", ".hidden", "Thumbs.db", "é"),
    *("a.png.txt", "b.PNG", "\udcff.png", "a\nb.png", "notes.txt"),
)


@st.composite
def _folders(draw: st.DrawFn) -> Given:
    """A folder of classes with damaged images, other names and strange files."""
    root = draw(st.sampled_from(("", "train/")))
    files = {
        f"{root}{name}/{number}{image}": IMAGES[image]
        for name in ("cat", "dog")
        for number in range(draw(st.sampled_from((1, 2, 2))))
        for image in IMAGES
    }
    for _ in range(draw(st.integers(1, 2))):
        image = draw(st.sampled_from(sorted(IMAGES)))
        content = draw(
            st.one_of(
                damaged_bytes(st.just(IMAGES[image])),
                st.just(IMAGES[image]),
                st.just(b""),
                st.just(_encoded("PNG", "RGB", (3, 9))),
            )
        )
        place = draw(
            st.one_of(
                st.sampled_from((f"cat/{image}", f"dog/1{image}")),
                st.lists(st.sampled_from((*_NAMES, image)), min_size=1, max_size=3).map(
                    "/".join
                ),
            )
        )
        files[root + place] = content
    return Given(files, ("photos",))


def _load_folder(files: dict[str, bytes], folder: pathlib.Path) -> Any:
    root = folder / "photos"
    root.mkdir()
    for name, content in files.items():
        path = root / name
        if path.is_dir() or any(above.is_file() for above in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return load(
        DataOptions(source="folder", path=str(root), cache_dir=str(folder / "cache"))
    )


def _places() -> st.SearchStrategy[Given]:
    """Sources with paths that are no such thing."""
    return st.tuples(
        st.sampled_from(("npz", "folder", "mnist")),
        st.sampled_from(("", ".", "..", "x.npz", "/dev/null", "a" * 1000)),
        st.sampled_from(("", "/dev/null", *(t for t in TOKENS if t.isprintable()))),
    ).map(
        lambda value: Given(
            value,
            (
                "data",
                "path",
                "folder",
                "file",
                value[1][:20] or "path",
                value[2][:20] or "path",
                value[0],
            ),
        )
    )


def _load_place(value: tuple[str, str, str], folder: pathlib.Path) -> Any:
    source, path, data_dir = value
    return load(
        DataOptions(
            source=source,
            path=path if path.startswith("/") or not path else str(folder / path),
            data_dir=data_dir and str(folder / data_dir),
            cache_dir=str(folder / "cache"),
        )
    )


KINDS = (
    file_kind(
        "data, npz",
        {"mine.npz": st.one_of(archives(st.just(_ARRAYS)), bombs([2**38, 2**50]))},
        _load_npz,
        _as_stored,
    ),
    file_kind(
        "split file",
        {
            "split.npz": archives(
                st.just({"train": np.arange(4), "valid": np.array([5])})
            )
        },
        _split,
    ),
    Kind("image folders", _folders(), _load_folder, share=0.5),
    Kind("places of data", _places(), _load_place, share=0.25),
)
