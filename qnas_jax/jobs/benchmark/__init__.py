"""Runs many searches of one strategy on a table."""
