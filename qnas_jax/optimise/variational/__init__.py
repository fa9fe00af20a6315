"""Circuits whose angles are optimised: QAOA and VQE."""
