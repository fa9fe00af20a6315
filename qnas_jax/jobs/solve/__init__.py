"""Minimises a cost of the user's own by a quantum or classical optimiser."""
