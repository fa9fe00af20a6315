"""A supernet as proxies want a network: fresh weights, no training, sums over weights.

A path read from a supernet that nobody trained is a network with fresh weights, so one
program measures all architectures. Weights start as the networks of the space do, and
batch normalisation uses the batch's statistics.

Without batch normalisation (`synflow`) it divides by fresh running variances, which are
1, and values are divided by their magnitude between the parts of the network
(`nets/probing.py`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.arrays import Groups, groups_of, rows_of
from qnas_jax.nets import Mode, Probe, Slots, Supernet, Watch, probe_network, take_path

Weights = dict[str, Slots]


class Measured(NamedTuple):
    """What a batch leaves behind on its way through a network.

    Attributes:
      logits: [N, classes].
      features: [N, H, W, C], what the mean over the pixels is taken of.
      watched: sum over all ReLUs of what `watch` makes of their inputs, of its shape;
        None without.
      log_spread: [] sum over all batch normalisations of the log of the scale that they
        divided out; 0 without batch normalisation.
      log_scale: [] log of what the logits, biases aside, were divided by to keep values
        in range; 0 with batch normalisation.
    """

    logits: jax.Array
    features: jax.Array
    watched: jax.Array | None
    log_spread: jax.Array
    log_scale: jax.Array


class ProxyNetwork:
    """The networks of a space with fresh weights.

    Weights are those of one path, {"params": `Slots`, "stats": `Slots`}; the statistics
    stay fresh.

    Attributes:
      supernet: what it looks at.
    """

    def __init__(self, supernet: Supernet):
        """Finds the arrays in the supernet's rows.

        Args:
          supernet: of any kind.
        """
        self.supernet = supernet
        self._weights: Groups = groups_of(
            supernet.row_arrays("params"), lambda array: len(array.shape) > 1
        )
        self._variances: Groups = groups_of(
            supernet.row_arrays("stats"), lambda array: "var" in array.name.split(".")
        )

    def path(self, key: jax.Array, arch: jax.Array) -> Weights:
        """Draws the weights of an architecture.

        Args:
          key: consumed.
          arch: int32 [L].

        Returns:
          Its rows.
        """
        params, stats = self.supernet.init(key)
        return {"params": take_path(params, arch), "stats": take_path(stats, arch)}

    def redraw(self, key: jax.Array, path: Weights, arch: jax.Array) -> Weights:
        """Draws weights of convolutions and linear layers anew from normal(0, 1).

        Args:
          key: consumed.
          path: see `path`; scales, shifts and biases stay.
          arch: int32 [L].

        Returns:
          The same form.
        """
        drawn = []
        for arrays, op, row in rows_of(self._weights, path["params"], arch):
            key, own_key = jax.random.split(key)
            normal = jax.random.normal(own_key, row.shape)
            drawn.append(jnp.where(arrays.mask(op, len(row)), normal, row))
        num_fixed = len(path["params"]["fixed"])
        params = {"fixed": drawn[:num_fixed], "layers": drawn[num_fixed:]}
        return {**path, "params": params}

    def run(
        self,
        weights: Weights,
        arch: jax.Array,
        images: jax.Array,
        *,
        normalised: bool = True,
        watch: Watch | None = None,
    ) -> Measured:
        """Passes a batch through a path.

        Args:
          weights: see `path`.
          arch: int32 [L].
          images: float [N, H, W, C].
          normalised: by the batch's statistics, or not at all.
          watch: what to sum over the inputs [N, ...] of all ReLUs; its result must have
            the same shape for all of them. No gradient flows through it.

        Returns:
          Logits and what was asked for.
        """

        def run(stats: Slots) -> Any:
            mode: Mode = "batch" if normalised else "running"
            return self.supernet.forward(
                weights["params"], stats, arch, images, mode=mode
            )

        probe = Probe(watch=watch, in_range=not normalised)
        passed, found = probe_network(run, weights["stats"], images, probe)
        log_spread = jnp.zeros(())
        if normalised:
            log_spread = self._log_spread(passed.stats, arch)
        return Measured(
            passed.logits, passed.features, found.watched, log_spread, found.log_scale
        )

    def _log_spread(self, stats: Slots, arch: jax.Array) -> jax.Array:
        total = jnp.zeros(())
        for arrays, op, row in rows_of(self._variances, stats, arch):
            variance, wanted = arrays.means(op, row)
            varies = wanted & (variance > 0)
            logs = jnp.log(jnp.where(varies, variance, 1.0)) / 2
            total += logs.sum()
        return total

    def layer_sums(self, values: Weights, arch: jax.Array) -> jax.Array:
        """Sums over the weights of each convolution and linear layer.

        Args:
          values: one value a weight, in the form of a path's weights.
          arch: int32 [L].

        Returns:
          float [layers]; 0 for layers that the architecture does not have.
        """
        sums = [
            arrays.sums(op, row)
            for arrays, op, row in rows_of(self._weights, values["params"], arch)
        ]
        return jnp.concatenate(sums)
