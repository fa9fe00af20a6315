"""The source that exported networks are made of: jax and flax, nothing of ours.

`export/source.py` writes the classes that a network uses into its `network.py`. They
are a second, plain implementation of the ops of `nets/ops.py`, for inference: batch
normalisation is folded into the convolution before it. Each class has the name and
the arguments of the op that it stands for.
"""
