"""The two forms in which a supernet runs the ops of its layers.

- `switch`: only the chosen op runs, by control flow (`nets/switching.py`). The least
  arithmetic, one architecture after the other.
- `padded`: ops that differ in sizes are one body whose op is data, without control flow
  (`nets/families`). Many architectures are a `vmap`, and compiling takes less.

Both have the same weights and the same results.
"""

from typing import Literal, cast

import jax

from qnas_jax.errors import UserError

Form = Literal["switch", "padded"]
FORMS: tuple[Form, ...] = ("switch", "padded")
# By backend, as `experiments/benches/forms.py` measures: on CPUs `digits` and
# `proxylessnas`, on a GPU by what compiles; TPUs were not measured. Others: padded.
FASTEST: dict[str, Form] = {"cpu": "switch", "gpu": "padded", "tpu": "padded"}


def resolve_form(name: str) -> Form:
    """The form of a name, of which "auto" is the fastest on the present backend.

    Args:
      name: auto, switch or padded.

    Returns:
      The form.

    Raises:
      UserError: another name.
    """
    if name == "auto":
        return FASTEST.get(jax.default_backend(), "padded")
    if name not in FORMS:
        raise UserError(f"form: got {name!r}, expected auto, {' or '.join(FORMS)}")
    return cast(Form, name)
