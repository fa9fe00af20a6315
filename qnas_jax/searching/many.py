"""Many searches in one program: settings x seeds, in chunks of bounded memory."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.struct
import jax
import numpy as np
from jax import Array

from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.generations import EvaluateFn
from qnas_jax.searching.loop import RecordFn, everything, scan_search
from qnas_jax.value import Value


class EvaluatorArgument(Value):
    """An evaluator that is a pytree, told apart from those of other classes."""

    evaluate: Any
    form: int = flax.struct.field(pytree_node=False)  # hash of the pytree's form

    def __call__(self, key: Array, archs: Array, *fidelities: Array) -> Any:
        """Evaluates."""
        return self.evaluate(key, archs, *fidelities)


def as_argument(evaluate: EvaluateFn) -> EvaluateFn:
    """An evaluator that a program can take as an argument.

    Evaluators that are pytrees stay as they are: their arrays are arguments, and tables
    of one shape share a program. Other functions become a part of the program.
    """
    form = jax.tree.structure(evaluate)
    if jax.tree_util.treedef_is_leaf(form):
        return jax.tree_util.Partial(evaluate)
    return EvaluatorArgument(evaluate, hash(form))


def stack_strategies(strategies: Sequence[Strategy]) -> Strategy:
    """Strategies that differ in their numbers only, as one to be vmapped.

    Args:
      strategies: N of them, at least one.

    Returns:
      A strategy whose leaves have a leading axis [N]; its methods are for use under
      `vmap` over that axis.

    Raises:
      UserError: there is none, or they differ in more than numbers.
    """
    if not strategies:
        raise UserError("strategies: got none, expected at least one")
    forms = {jax.tree.structure(strategy) for strategy in strategies}
    if len(forms) > 1:
        raise UserError(
            f"strategies: got {len(forms)} different forms, expected strategies that "
            "differ in numbers only"
        )
    return jax.tree.map(lambda *leaves: np.stack(leaves), *strategies)


def compiled_searches(
    generations: int,
    record: Callable[..., Any],
    *,
    stacked: bool = False,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
    scan: Callable[..., tuple[Any, Any]] = scan_search,
    **fixed: Any,
) -> Callable[[Strategy, EvaluateFn, Array], Any]:
    """The program behind `search_seeds`, compiled at its first call for a form.

    Args:
      generations: G.
      record: what is kept of each generation.
      stacked: whether each search has a strategy of its own.
      devices: among which searches are divided.
      scan: the whole search, called as `scan_search`.
      **fixed: more arguments of it, by name.

    Returns:
      `run(strategy, evaluate, keys [S])`, what `record` returns with leading axes
      [S, G]; the evaluator is one of `as_argument`, the strategy has leaves [S, ...]
      if they are stacked.
    """
    return _compiled(generations, record, stacked, devices, scan, **fixed)


@functools.lru_cache(maxsize=16)
def _compiled(
    generations: int,
    record: Callable[..., Any],
    stacked: bool,
    devices: Devices,
    scan: Callable[..., tuple[Any, Any]],
    **fixed: Any,
) -> Callable[[Strategy, EvaluateFn, Array], Any]:
    def search(strategy: Strategy, evaluate: EvaluateFn, key: Array) -> Any:
        return scan(strategy, evaluate, key, generations, record=record, **fixed)[1]

    searches = jax.vmap(search, in_axes=(0 if stacked else None, None, 0))

    def run(strategy: Strategy, evaluate: EvaluateFn, keys: Array) -> Any:
        if stacked:
            divided = devices.over_members(
                lambda evaluate, own: searches(own[0], evaluate, own[1])
            )
            return divided(evaluate, (strategy, keys))
        divided = devices.over_members(
            lambda whole, keys: searches(whole[0], whole[1], keys)
        )
        return divided((strategy, evaluate), keys)

    return jax.jit(run)


def search_seeds(
    strategy: Strategy,
    evaluate: EvaluateFn,
    keys: Array,
    generations: int,
    *,
    record: Callable[..., Any] = everything,
    seeds_at_once: int = 256,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
    scan: Callable[..., tuple[Any, Any]] = scan_search,
    **fixed: Any,
) -> Any:
    """Runs one search a key.

    Args:
      strategy: the strategy.
      evaluate: an evaluator in JAX.
      keys: S root keys, each as for `scan_search`, and with the same result.
      generations: G.
      record: what is kept of each generation.
      seeds_at_once: searches of one call, which bounds the memory on the device.
      devices: among which searches are divided.
      scan: the whole search, called as `scan_search`.
      **fixed: more arguments of it, by name.

    Returns:
      What `record` returns, as NumPy arrays with leading axes [S, G].

    Raises:
      UserError: no key.
    """
    program = compiled_searches(
        generations, record, devices=devices, scan=scan, **fixed
    )
    whole = devices.replicated((strategy, as_argument(evaluate)))

    def run(places: np.ndarray) -> Any:
        return program(*whole, devices.replicated(keys[places]))

    return in_chunks(run, len(keys), seeds_at_once)


def search_settings(
    strategies: Sequence[Strategy],
    evaluate: EvaluateFn,
    keys: Array,
    generations: int,
    *,
    record: RecordFn = everything,
    searches_at_once: int = 256,
) -> Any:
    """Runs one search a strategy and key, all of them as one program.

    Args:
      strategies: N, which differ in their numbers only.
      evaluate: an evaluator in JAX.
      keys: S root keys, the same for each strategy.
      generations: G.
      record: what is kept of each generation.
      searches_at_once: searches of one call, which bounds the memory on the device.

    Returns:
      What `record` returns, as NumPy arrays with leading axes [N, S, G]; row i is what
      `search_seeds` finds with strategy i.

    Raises:
      UserError: no key, no strategy, or strategies of different forms.
    """
    program = compiled_searches(generations, record, stacked=True)
    known, stack = as_argument(evaluate), stack_strategies(strategies)
    count = len(keys)

    def run(places: np.ndarray) -> Any:
        settings, seeds = np.divmod(places, count)
        chosen = jax.tree.map(lambda leaf: leaf[settings], stack)
        return program(chosen, known, keys[seeds])

    found = in_chunks(run, len(strategies) * count, searches_at_once)
    return jax.tree.map(
        lambda leaf: leaf.reshape(len(strategies), count, *leaf.shape[1:]), found
    )


def in_chunks(run: Callable[[np.ndarray], Any], count: int, at_once: int) -> Any:
    """Results of searches 0 to count - 1, NumPy arrays with a leading axis [count].

    Args:
      run: int [at_once] numbers of searches -> a tree of arrays [at_once, ...].
      count: of the searches.
      at_once: in one call of `run`; fewer if there are fewer.

    Raises:
      UserError: there is no search.
    """
    if count < 1:
        raise UserError("keys: got none, expected at least one search")
    size = min(at_once, count)
    parts = []
    for first in range(0, count, size):
        # The last chunk repeats a search, so that one program serves all of them.
        places = np.minimum(np.arange(first, first + size), count - 1)
        part = jax.device_get(run(places))
        kept = min(size, count - first)
        parts.append(jax.tree.map(lambda leaf, kept=kept: leaf[:kept], part))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
