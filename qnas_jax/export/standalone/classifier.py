"""What surrounds the blocks: from raw examples to logits, classes and probabilities."""

import pathlib
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


class Predictor(nnx.Module):
    """A network that takes examples as they are; their normalisation is part of it.

    Attributes:
      input_shape: of one example.
      class_names: one a logit.
    """

    input_shape: ClassVar[tuple[int, ...]]
    class_names: ClassVar[tuple[str, ...]]

    def __init__(self, *, rngs: nnx.Rngs):
        raise NotImplementedError

    def run(self, values: jax.Array) -> jax.Array:
        """Prepared examples [N, ...] -> logits [N, classes]."""
        raise NotImplementedError

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Examples [N, *input_shape] as they are -> what the blocks see, [N, ...]."""
        raise NotImplementedError

    def __call__(self, examples: Any) -> jax.Array:
        """Computes logits.

        Args:
          examples: [N, *input_shape], see `prepare`.

        Returns:
          float32 [N, classes].

        Raises:
          ValueError: the examples have another shape.
        """
        examples = jnp.asarray(examples)
        if examples.shape[1:] != self.input_shape:
            raise ValueError(
                f"got shape {list(examples.shape)}, expected [N, "
                f"{', '.join(map(str, self.input_shape))}]"
            )
        return self.run(self.prepare(examples))

    def predict(self, examples: Any) -> tuple[list[str], np.ndarray]:
        """Names the most probable class of each example.

        Args:
          examples: as above.

        Returns:
          Names [N] and their probabilities, float32 [N].
        """
        logits = logits_of(self, jnp.asarray(examples))
        probabilities = np.asarray(jax.nn.softmax(logits))
        best = probabilities.argmax(axis=-1)
        names = [self.class_names[index] for index in best]
        return names, probabilities.max(axis=-1)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Self:
        """Builds the network with the weights of a safetensors file."""
        from safetensors.numpy import load_file

        network = nnx.eval_shape(lambda: cls(rngs=nnx.Rngs(0)))  # no array is made
        network.eval()
        graph, shapes = nnx.split(network)
        weights = load_file(path)
        state = {}
        for place, variable in nnx.to_flat_state(shapes):
            name = ".".join(map(str, place))
            state[place] = variable.replace(jnp.asarray(weights[name]))
        return nnx.merge(graph, nnx.from_flat_state(state))


class ImageClassifier(Predictor):
    """A network for images.

    Attributes:
      mean: of the training pixels in [0, 1], for each channel.
      std: their standard deviation.
      resized_to: (height, width) that the blocks see; None: as the images are.
    """

    mean: ClassVar[tuple[float, ...]]
    std: ClassVar[tuple[float, ...]]
    resized_to: ClassVar[tuple[int, int] | None] = None

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Images -> pixels with mean 0 and deviation 1, of the size of the blocks.

        Args:
          examples: uint8 [N, H, W, C] with 0..255, or float with values in [0, 1].

        Returns:
          float32 [N, H', W', C].
        """
        largest = 255 if examples.dtype == jnp.uint8 else 1
        pixels = examples.astype(jnp.float32) / largest
        if self.resized_to is not None:
            shape = (examples.shape[0], *self.resized_to, examples.shape[3])
            levels = jnp.round(255 * jax.image.resize(pixels, shape, "linear"))
            pixels = jnp.clip(levels, 0, 255) / 255
        return (pixels - channel_row(self.mean, 4)) / channel_row(self.std, 4)


class SeriesClassifier(Predictor):
    """A network for time series.

    Attributes:
      mean: of the training values, for each channel.
      std: their standard deviation.
      masked: whether the blocks have a further channel, 1 where there is a value.
    """

    mean: ClassVar[tuple[float, ...]]
    std: ClassVar[tuple[float, ...]]
    masked: ClassVar[bool] = False

    def prepare(self, examples: jax.Array) -> jax.Array:
        """Series -> values with mean 0 and deviation 1; missing ones are the mean.

        Args:
          examples: float [N, time, C]; a value that is missing is NaN.

        Returns:
          float32 [N, time, C], with a mask [N, time, C + 1].
        """
        examples = examples.astype(jnp.float32)
        missing = jnp.isnan(examples)
        values = (examples - channel_row(self.mean, 3)) / channel_row(self.std, 3)
        values = jnp.where(missing, 0.0, values)
        if not self.masked:
            return values
        there = (~missing).any(axis=-1, keepdims=True)
        return jnp.concatenate([values, there.astype(values.dtype)], axis=-1)


def channel_row(values: Sequence[float], rank: int) -> jax.Array:
    """Values of C channels behind `rank - 1` other axes, float32 [1, ..., 1, C]."""
    return jnp.asarray(values, jnp.float32).reshape(*[1] * (rank - 1), -1)


@nnx.jit
def logits_of(network: Predictor, examples: jax.Array) -> jax.Array:
    """The network, compiled: examples [N, *input_shape] -> float32 [N, classes]."""
    return network(examples)
