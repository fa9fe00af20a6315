"""What surrounds the blocks: from raw images to logits, classes and probabilities."""

import pathlib
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


class ImageClassifier(nnx.Module):
    """A network that takes images as they are; the normalisation is part of it.

    Attributes:
      input_shape: (height, width, channels) of the images.
      mean: of the training pixels in [0, 1], for each channel.
      std: their standard deviation.
      class_names: one a logit.
      resized_to: (height, width) that the blocks see; None: as the images are.
    """

    input_shape: ClassVar[tuple[int, int, int]]
    mean: ClassVar[tuple[float, ...]]
    std: ClassVar[tuple[float, ...]]
    class_names: ClassVar[tuple[str, ...]]
    resized_to: ClassVar[tuple[int, int] | None] = None

    def __init__(self, *, rngs: nnx.Rngs):
        raise NotImplementedError

    def run(self, values: jax.Array) -> jax.Array:
        """Normalised images [N, H, W, C] -> logits [N, classes]."""
        raise NotImplementedError

    def __call__(self, images: Any) -> jax.Array:
        """Computes logits.

        Args:
          images: uint8 [N, H, W, C] with 0..255, or float with values in [0, 1].

        Returns:
          float32 [N, classes].

        Raises:
          ValueError: the images have another shape.
        """
        images = jnp.asarray(images)
        if images.shape[1:] != self.input_shape:
            raise ValueError(
                f"images: got shape {list(images.shape)}, expected [N, "
                f"{', '.join(map(str, self.input_shape))}]"
            )
        return self.run(self.prepare(images))

    def prepare(self, images: jax.Array) -> jax.Array:
        """Images -> pixels with mean 0 and deviation 1, of the size of the blocks."""
        largest = 255 if images.dtype == jnp.uint8 else 1
        pixels = images.astype(jnp.float32) / largest
        if self.resized_to is not None:
            shape = (images.shape[0], *self.resized_to, images.shape[3])
            levels = jnp.round(255 * jax.image.resize(pixels, shape, "linear"))
            pixels = jnp.clip(levels, 0, 255) / 255
        mean = jnp.asarray(self.mean, jnp.float32).reshape(1, 1, 1, -1)
        std = jnp.asarray(self.std, jnp.float32).reshape(1, 1, 1, -1)
        return (pixels - mean) / std

    def predict(self, images: Any) -> tuple[list[str], np.ndarray]:
        """Names the most probable class of each image.

        Args:
          images: as above.

        Returns:
          Names [N] and their probabilities, float32 [N].
        """
        probabilities = np.asarray(jax.nn.softmax(logits_of(self, jnp.asarray(images))))
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


@nnx.jit
def logits_of(network: ImageClassifier, images: jax.Array) -> jax.Array:
    """The network, compiled."""
    return network(images)
