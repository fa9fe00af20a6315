"""A quadratic form whose costs have been written out already."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.problem import number_of
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.value import Value


class Written(Value):
    """A form together with the list of all of its costs.

    Attributes:
      form: the terms, in any unit.
      costs: [2^n], of any zero.
    """

    form: Quadratic
    costs: Array | np.ndarray

    @property
    def num_levels(self) -> tuple[int, ...]:
        """See `Problem`."""
        return self.form.num_levels

    def cost(self, levels: Array) -> Array:
        """Costs [...] of bits, integers [..., n], from the list."""
        return jnp.asarray(self.costs)[number_of(levels, self.num_levels)]

    def table(self) -> Array:
        """The list, [2^n]."""
        return jnp.asarray(self.costs)
