"""Which supernet a kind of space has."""

from collections.abc import Callable
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.nets.cell import CellSupernet
from qnas_jax.nets.chain import ChainSupernet
from qnas_jax.nets.forms import Form
from qnas_jax.nets.protocol import Supernet
from qnas_jax.spaces import CellSpace, NetworkSpace, SearchSpace

SUPERNETS: dict[type[SearchSpace], Callable[[Any, Form], Supernet]] = {
    NetworkSpace: ChainSupernet,
    CellSpace: CellSupernet,
}


def build_supernet(space: SearchSpace, form: Form = "switch") -> Supernet:
    """Builds the static part of a space's supernet; no array is made.

    Args:
      space: the search space.
      form: how the ops of a place are run (`nets/forms.py`).

    Returns:
      The supernet.

    Raises:
      UserError: architectures of this space are no networks, or an op is not
        registered, does not fit its options, or has state other than parameters and
        batch statistics.
    """
    for kind, build in SUPERNETS.items():
        if isinstance(space, kind):
            return build(space, form)
    kinds = ", ".join(kind.__name__ for kind in SUPERNETS)
    raise UserError(
        f"space {space.name!r}: got a {type(space).__name__}, expected one of {kinds}: "
        "its architectures are no networks that could be trained; score them by a "
        "table or by a function of yours"
    )
