"""From the words of a search space to Flax modules and their templates."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.nets.ops import OPS
from qnas_jax.nets.pieces import OpTemplate, op_template
from qnas_jax.spaces import Layer, Op

OpModules = tuple[type[nnx.Module], ...]


def op_modules(layer: Layer) -> OpModules:
    """The modules that are registered for a layer's ops at present.

    What is cached for a layer is cached for these too: a user may register an op anew.

    Args:
      layer: its candidates.

    Returns:
      A class for each op.

    Raises:
      UserError: a kind is not registered.
    """
    return tuple(_op_module(spec) for spec in layer.ops)


def _op_module(spec: Op) -> type[nnx.Module]:
    if spec.kind not in OPS:
        raise UserError(
            f"op {spec.name!r}: got kind {spec.kind!r}, expected one of "
            f"{', '.join(OPS)} (see register_op){did_you_mean(spec.kind, OPS)}"
        )
    return OPS[spec.kind]


@contextlib.contextmanager
def naming_op(where: str, op: Op) -> Iterator[None]:
    """What goes wrong within the block is said of an op.

    Args:
      where: its layer, in words.
      op: what is built or computed.

    Yields:
      Nothing.

    Raises:
      UserError: whatever was raised, in one line that names layer and op.
    """
    try:
        yield
    except Exception as error:
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        words = " ".join(str(error).split())
        name = f"op {op.name!r}"
        said = words.removeprefix(f"{name}: ")
        raise UserError(f"{where}, {name}: {kind}{said}") from error


def build_op(layer: Layer, index: int, rngs: nnx.Rngs) -> nnx.Module:
    """Builds one candidate of a layer.

    Args:
      layer: its shape and candidates.
      index: which candidate.
      rngs: keys for its weights.

    Returns:
      The module.

    Raises:
      UserError: the kind is not registered, the module cannot be made with these
        options, or it keeps an array that is no variable.
    """
    spec = layer.ops[index]
    make = _op_module(spec)
    options: Mapping[str, bool | int | float | str] = dict(spec.options)
    features = f"{layer.in_features} -> {layer.out_features} features"
    with naming_op(f"a layer of {features}, stride {layer.stride}", spec):
        try:
            module = make(  # type: ignore[call-arg]
                layer.in_features,
                layer.out_features,
                layer.stride,
                rngs=rngs,
                **options,
            )
        except TypeError as error:
            raise UserError(
                f"options {dict(options)} do not fit {make.__name__}: {error}"
            ) from error
        _check_attributes(spec, module)
    return module


def _check_attributes(spec: Op, module: nnx.Module) -> None:
    """An array that is no variable would be shared by no one and trained by no one."""
    for path, part in nnx.iter_modules(module):
        for name, value in vars(part).items():
            if isinstance(value, jax.Array | np.ndarray):
                raise UserError(
                    f"op {spec.name!r}: got a plain array in the attribute "
                    f"{'.'.join(map(str, (*path, name)))}, expected nnx.Param, or a "
                    "constant that is made in __call__"
                )


def abstract_op(layer: Layer, index: int) -> nnx.Module:
    """Builds one candidate with shapes instead of arrays."""
    one = dataclasses.replace(layer, ops=(layer.ops[index],))
    return nnx.merge(*_abstract_parts(one, op_modules(one), _precision()), copy=True)


def _precision() -> str:
    """What JAX makes of a Python float at present."""
    return str(jnp.result_type(float))


@functools.lru_cache(maxsize=4096)
def _abstract_parts(
    layer: Layer, modules: OpModules, precision: str
) -> tuple[Any, Any]:
    """Static part and shapes of the only op of a layer."""
    del modules, precision  # parts of the cache key only
    return nnx.split(
        nnx.eval_shape(lambda: build_op(layer, 0, nnx.Rngs(jax.random.key(0))))
    )


def template_of_op(layer: Layer, index: int) -> OpTemplate:
    """The template of one candidate of a layer.

    Args:
      layer: its shape and candidates.
      index: which candidate.

    Returns:
      The template.

    Raises:
      UserError: the op is not registered, does not fit its options, or has state other
        than parameters and batch statistics.
    """
    one = dataclasses.replace(layer, ops=(layer.ops[index],))
    return _template(one, op_modules(one), _precision())


@functools.lru_cache(maxsize=4096)
def _template(layer: Layer, modules: OpModules, precision: str) -> OpTemplate:
    del modules, precision  # parts of the cache key only
    return op_template(abstract_op(layer, 0), layer.ops[0].name)


def op_templates(layer: Layer) -> tuple[OpTemplate, ...]:
    """The templates of all candidates of a layer.

    Args:
      layer: its shape and candidates.

    Returns:
      A template for each op.

    Raises:
      UserError: as `template_of_op`.
    """
    return tuple(template_of_op(layer, index) for index in range(len(layer.ops)))
