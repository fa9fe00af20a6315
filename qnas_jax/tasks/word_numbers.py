"""Numbers of words as networks see them, and what training does to them."""

import jax
import jax.numpy as jnp

from qnas_jax.data import PADDING, UNKNOWN
from qnas_jax.spaces import WORD_BASE


def in_digits(words: jax.Array) -> jax.Array:
    """Numbers of words int32 [N, T] in two digits: float32 [N, T, 2]."""
    digits = jnp.stack(jnp.divmod(words, WORD_BASE), axis=-1)
    return digits.astype(jnp.float32)


def drop_words(key: jax.Array, words: jax.Array, share: float) -> jax.Array:
    """Makes some words unknown ones.

    Args:
      key: consumed; each sentence has a key of its own.
      words: int32 [N, T].
      share: of the words, in [0, 1).

    Returns:
      int32 [N, T]; what is no word stays none.
    """
    if not share:
        return words

    def drop(own_key: jax.Array, words: jax.Array) -> jax.Array:
        dropped = jax.random.uniform(own_key, words.shape) < share
        return jnp.where(dropped & (words != PADDING), UNKNOWN, words)

    return jax.vmap(drop)(jax.random.split(key, len(words)), words)
