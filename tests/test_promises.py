"""The mutants of the promises fit the code as it is; running them takes minutes."""

import ast
import pathlib

import pytest
from mutate_promises import ROOT, broken
from promises import PROMISES


@pytest.mark.parametrize("mutant", PROMISES, ids=lambda mutant: mutant.promise)
def test_a_mutant_changes_the_code_and_names_its_tests(mutant):
    whole = (ROOT / mutant.file).read_text("utf-8")
    changed = ast.parse(broken(mutant, whole))
    assert ast.dump(changed) != ast.dump(ast.parse(whole))
    for test in mutant.tests.split():
        assert (ROOT / pathlib.Path(test.split("::")[0])).is_file(), test


def test_promises_have_names_of_their_own():
    names = [mutant.promise for mutant in PROMISES]
    assert len(set(names)) == len(names) >= 40
