"""What `import qnas_jax as qnas` offers: the parts of the package, put together.

In reading order: choices, calls, strategies, loop, search, front, result, searcher (a
search by a Python function); runs (whole jobs); spaces, datasets, evaluators, solving
(parts alone); listing; names (what they have in common).
"""
