"""Tabular benchmarks: what a search sees, sealed test values, budgets."""

from qnas_jax.evaluation.tables.budget import (
    UNITS,
    Incumbents,
    first_seen,
    full_evaluations,
    incumbents,
    query_costs,
)
from qnas_jax.evaluation.tables.limits import table_budget
from qnas_jax.evaluation.tables.nas_bench_201 import DATASETS
from qnas_jax.evaluation.tables.objectives import (
    ObjectiveLookup,
    objective_lookup,
    table_objectives,
)
from qnas_jax.evaluation.tables.sealed_test import NO_ARCH, SealedTest
from qnas_jax.evaluation.tables.sources import (
    TABLES,
    TableOptions,
    load_table,
    load_test,
    table_file,
)
from qnas_jax.evaluation.tables.table import Seed, Table
from qnas_jax.evaluation.tables.table_evaluator import table_evaluator

__all__ = [
    "DATASETS",
    "NO_ARCH",
    "TABLES",
    "UNITS",
    "Incumbents",
    "ObjectiveLookup",
    "Seed",
    "SealedTest",
    "Table",
    "TableOptions",
    "first_seen",
    "full_evaluations",
    "incumbents",
    "load_table",
    "load_test",
    "objective_lookup",
    "query_costs",
    "table_budget",
    "table_evaluator",
    "table_file",
    "table_objectives",
]
