"""Promises of the README and BUILD.md, each with a one-line mutant that breaks it.

`python tests/mutate_promises.py` puts the mutants into a copy of the project one by one
and runs the tests that should fail. A mutant that survives is a promise without a test.
"""

from promises import of_networks, of_results, of_runs, of_searches
from promises.mutant import Mutant

__all__ = ["PROMISES", "Mutant"]

PROMISES = (
    *of_networks.MUTANTS,
    *of_searches.MUTANTS,
    *of_runs.MUTANTS,
    *of_results.MUTANTS,
)
