"""A chain of registers in which every layer is entangled with the next.

The state is prepared from |0...0> by one uniformly controlled rotation a layer: for
each code k of layer l - 1, register l is turned by a rotation of its own, which takes
|0> to the real unit vector A_l[k]. Controls are read before they are turned no more,
so the product of these unitaries gives

    psi(a) = A_0[0, a_0] * prod_l A_l[a_{l-1}, a_l],

a matrix product state of bond dimension K and norm 1. Observing layer after layer draws
from |psi|^2 exactly, since layers to the right do not change the distribution of those
to the left: 21 layers of 16 ops need 21 rows of 16 numbers, not 2^84 amplitudes. If the
rows of a layer are equal, it is in a product with the layers before it.

Amplitudes stay non-negative, so nothing interferes and the distribution is that of a
Markov chain: the entanglement is real, a quantum speed-up is not claimed. Codes that
name no op have amplitude zero.

Sources: Mottonen et al., Phys. Rev. Lett. 93 (2004) 130502 (uniformly controlled
rotations); Schon et al., Phys. Rev. Lett. 95 (2005) 110503 (sequential preparation of
matrix product states).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.observation import draw_op, own_ops


def uniform_chain(num_ops: tuple[int, ...]) -> np.ndarray:
    """The product of equal superpositions, over the ops that each layer has.

    Args:
      num_ops: (K_1, ..., K_L).

    Returns:
      float32 [L, K_max, K_max], unit rows; zero for ops that a layer lacks.
    """
    own = own_ops(num_ops)
    rows = own / np.sqrt(own.sum(axis=1, keepdims=True))
    return np.repeat(rows[:, None, :], own.shape[1], axis=1).astype(np.float32)


def previous_ops(arch: Array) -> Array:
    """The code that controls each layer; the first layer's is 0.

    Args:
      arch: int32 [L].

    Returns:
      int32 [L].
    """
    return jnp.concatenate([jnp.zeros_like(arch[:1]), arch[:-1]])


def amplitude(chain: Array, arch: Array) -> Array:
    """The amplitude psi(arch).

    Args:
      chain: [L, K_max, K_max] unit rows.
      arch: int32 [L].

    Returns:
      [] in [0, 1]; its square is the probability of the arch.
    """
    return jnp.prod(chain[jnp.arange(arch.shape[0]), previous_ops(arch), arch])


def observe_chain(key: Array, chain: Array) -> Array:
    """Observes all registers of one chain jointly.

    Args:
      key: consumed.
      chain: [L, K_max, K_max] unit rows.

    Returns:
      int32 [L]; an arch of amplitude zero is never drawn.
    """

    def layer(previous: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        uniform, rows = inputs
        op = draw_op(uniform, jnp.square(rows[previous]))
        return op, op

    uniforms = jax.random.uniform(key, chain.shape[:1])
    return jax.lax.scan(layer, jnp.int32(0), (uniforms, chain))[1]


def marginals(chain: Array) -> Array:
    """Distribution of each layer's op, whatever the other layers are.

    Args:
      chain: [L, K_max, K_max] unit rows.

    Returns:
      [L, K_max] probabilities.
    """

    def layer(previous: Array, rows: Array) -> tuple[Array, Array]:
        present = jnp.sum(previous[:, None] * jnp.square(rows), axis=0)
        return present, present

    first = jnp.zeros_like(chain[0, 0]).at[0].set(1.0)
    return jax.lax.scan(layer, first, chain)[1]


def bond_entropy(chain: Array) -> Array:
    """Entanglement entropy between the layers up to l and those after it.

    Given op k of layer l, what follows is in a state |R_k> that depends on k alone, and
    <R_k|R_k'> = A_{l+1}[k] . A_{l+1}[k']. So the reduced state has the eigenvalues of
    the Gram matrix sqrt(p_k p_k') <R_k|R_k'>.

    Args:
      chain: [L, K_max, K_max] unit rows.

    Returns:
      [L - 1] bits in [0, log2 K_max].
    """

    def cut(shares: Array, rows: Array) -> Array:
        vectors = jnp.sqrt(shares)[:, None] * rows
        gram = jnp.matmul(vectors, vectors.T, precision="highest")
        weights = jnp.clip(jnp.linalg.eigvalsh(gram), 0.0, 1.0)
        return jnp.sum(jax.scipy.special.entr(weights)) / np.log(2)

    return jax.vmap(cut)(marginals(chain)[:-1], chain[1:])
