"""The words of a sub-command; what is wrong with them is one line."""

import argparse
from typing import NoReturn

from qnas_jax.errors import UserError


class WordParser(argparse.ArgumentParser):
    """A parser of the words behind `qnas NAME`."""

    def error(self, message: str) -> NoReturn:
        """Raises UserError instead of ending the process."""
        raise UserError(f"{self.prog}: {message}; see {self.prog} --help")


def word_parser(name: str, description: str) -> WordParser:
    """A parser for `qnas NAME`."""
    return WordParser(prog=f"qnas {name}", description=description)
