"""What splits are called: by us, and by those who make data sets."""

SPLITS = ("train", "valid", "test")

_OTHER_NAMES = {
    "train": ("training",),
    "valid": ("val", "validation", "dev"),
    "test": ("testing",),
}


def split_of(name: str) -> str | None:
    """Our name of a split: `val` is `valid`, `Train` is `train`; None: it is none."""
    word = name.lower()
    for split, others in _OTHER_NAMES.items():
        if word == split or word in others:
            return split
    return None
