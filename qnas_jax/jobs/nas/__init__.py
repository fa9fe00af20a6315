"""Searches an architecture: supernet, search, retraining, report."""
