"""Shows how far a loop is."""

from collections.abc import Callable, Iterable

Progress = Callable[[Iterable[int], int, str], Iterable[int]]
"""`progress(steps, total, description)` yields the steps and shows how far it is."""


def progress(steps: Iterable[int], total: int, description: str) -> Iterable[int]:
    """Shows a bar with rate and time left; silent if the output is no terminal."""
    from tqdm import tqdm

    return tqdm(steps, total=total, desc=description, disable=None, leave=False)
