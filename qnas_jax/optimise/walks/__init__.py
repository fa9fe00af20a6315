"""Walks from string to string: simulated annealing, tabu search, path integrals."""
