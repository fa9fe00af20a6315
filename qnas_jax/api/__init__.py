"""What `import qnas_jax as qnas` offers: the parts of the package, put together.

In reading order: choices, searcher, search, result (a search by a Python function);
runs (whole jobs); evaluators, datasets, costs, solving (parts alone); listing.
"""
