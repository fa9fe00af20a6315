"""The command of scripts that look at random subnets of spaces, a row a subnet."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from experiments.measuring.rows import append_rows, read_rows, table
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.spaces import BuildableSpace, SearchSpace
from qnas_jax.spaces.registry import BUILT_IN

Rows = Sequence[dict[str, Any]]


def missing_subnets(
    names: Sequence[str],
    build: Callable[[str], SearchSpace],
    count: int,
    seed: int,
    known: Rows,
) -> Iterator[tuple[str, BuildableSpace, int]]:
    """What no row is about yet.

    Args:
      names: of spaces.
      build: name -> space.
      count: subnets of each.
      seed: of the rows.
      known: rows that are there, with `space`, `seed` and `subnet`.

    Yields:
      Name, space, and number of the subnet.
    """
    done = {(row["space"], row["seed"], row["subnet"]) for row in known}
    for name in names:
        space = build(name)
        assert isinstance(space, BuildableSpace)
        for number in range(count):
            if (name, seed, number) not in done:
                yield name, space, number


def run_command(
    summary: str,
    run: Callable[[list[str], int, int, Rows], Iterable[dict[str, Any]]],
    result_rows: Callable[[Rows], list[dict[str, Any]]],
    *,
    subnets: int,
    rows: str,
) -> None:
    """Adds rows as they come, and prints the table of all that are there.

    Args:
      summary: one line for `--help`.
      run: (spaces, subnets of each, seed, rows that are there) -> further rows.
      result_rows: rows -> lines of the table, one a space.
      subnets: default of `--subnets`.
      rows: default of `--rows`.
    """
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--spaces", default=",".join(sorted(BUILT_IN)))
    parser.add_argument("--subnets", type=int, default=subnets)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", default=rows)
    options = parser.parse_args()
    use_compilation_cache()
    known = read_rows(options.rows)
    for row in run(options.spaces.split(","), options.subnets, options.seed, known):
        append_rows(options.rows, [row])
    lines = result_rows(read_rows(options.rows))
    print(table(lines, list(lines[0])))
