"""A table as the evaluator of a run."""

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import Evaluator
from qnas_jax.evaluation.spec import EvaluatorSpec, Parts
from qnas_jax.evaluation.tables.sources import TableOptions, load_table
from qnas_jax.evaluation.tables.table import Table


def table_evaluator(table: Table, options: TableOptions) -> Evaluator:
    """The evaluator that the options describe.

    Args:
      table: what was read.
      options: fidelity and seed.

    Returns:
      That of the named fidelity; if none is named, of all that have such runs.

    Raises:
      UserError: there is no such fidelity or run.
    """
    seed = options.seed_of_runs()
    single_runs_lack = seed != "mean" and bool(table.averaged)
    if options.fidelity or single_runs_lack:
        return table.evaluator(options.fidelity or None, seed)
    return table.multi_fidelity_evaluator(seed)


def make_table_evaluator(options: TableOptions, parts: Parts) -> Evaluator:
    """Reads the table of a run.

    Args:
      options: which table.
      parts: the space that is searched.

    Returns:
      The evaluator.

    Raises:
      UserError: the table cannot be read, or is of other architectures.
    """
    table, space = load_table(options), parts.space
    if table.space.choices != space.choices:
        raise UserError(
            f"table {table.name}: got {_in_words(table.space.choices)}, expected those "
            f"of space {space.name!r}: {_in_words(space.choices)}"
        )
    return table_evaluator(table, options)


def _in_words(choices: tuple[tuple[str, ...], ...]) -> str:
    """Number of layers, and their ops."""
    ops = dict.fromkeys(", ".join(names) for names in choices)
    return f"{len(choices)} layers of {' or '.join(ops)}"


SPEC = EvaluatorSpec(
    summary="what a benchmark has recorded",
    make=make_table_evaluator,
    group="table",
    options=TableOptions,
    fidelities=True,
)
