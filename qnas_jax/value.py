"""Values: frozen dataclasses whose fields are leaves, or static.

They are pytrees of a class of their own. JAX (0.10) takes two dataclasses that were
registered as such for equal where their static fields are equal, whatever their
classes, and may then run the one's compiled program for the other; so these are
registered as nodes, which are told apart.
"""

import dataclasses
import typing
from typing import Any

import flax.struct
import jax


@typing.dataclass_transform(
    frozen_default=True, field_specifiers=(flax.struct.field, dataclasses.field)
)
class Value:
    """Base of values; fields with `metadata={"pytree_node": False}` are static.

    `flax.struct.field(pytree_node=False)` makes such a field.

    Two values are equal only if they are one object; compare their leaves.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Makes the subclass a dataclass and a pytree."""
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, eq=False)(cls)
        leaves: list[str] = []
        rest: list[str] = []
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            known = field.metadata.get("pytree_node", True)
            (leaves if known else rest).append(field.name)

        def flatten(value: Any) -> tuple[Any, Any]:
            children = tuple(getattr(value, name) for name in leaves)
            return children, tuple(getattr(value, name) for name in rest)

        def flatten_with_keys(value: Any) -> tuple[Any, Any]:
            children, static = flatten(value)
            keys = map(jax.tree_util.GetAttrKey, leaves)
            return tuple(zip(keys, children, strict=True)), static

        def unflatten(static: Any, children: Any) -> Any:
            # Not by the constructor: what it checks are values of a user, and JAX puts
            # anything in place of leaves.
            value = object.__new__(cls)
            for name, part in zip((*leaves, *rest), (*children, *static), strict=True):
                object.__setattr__(value, name, part)
            return value

        jax.tree_util.register_pytree_with_keys(
            cls, flatten_with_keys, unflatten, flatten
        )
