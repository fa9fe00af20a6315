"""Circuits as text, as figures, as OpenQASM and as objects of Qiskit."""
