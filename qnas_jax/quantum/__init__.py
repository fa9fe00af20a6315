"""A state-vector simulator and the quantum optimisers that run on it."""
