"""Quantum-inspired strategies: populations of registers that turn towards guides."""
