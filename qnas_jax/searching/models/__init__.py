"""Strategies that fit a model to all evaluations and ask for what it thinks best."""
