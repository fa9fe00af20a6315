"""What comes from a file is never run by reading it, and nothing listens anywhere."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "qnas_jax"

# What makes objects of any class out of bytes, or unpacks names as they come.
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "tarfile"}
LISTENING = {"http.server", "socketserver", "xmlrpc", "flask", "asyncio"}
FOR_THIS_MACHINE = "command/serving.py"  # 127.0.0.1 alone: test_dashboard.py
CALLS = {"eval", "exec"}
METHODS = {"extractall", "unpack_archive", "listen", "read_pickle"}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def functions_and_methods(tree):
    """Names of what is called, those of methods with what stands before the dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id, node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield getattr(node.func.value, "id", ""), node.func.attr, node


@pytest.fixture(scope="module")
def trees():
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_nothing_untrusted_is_unpickled_and_nothing_listens(trees):
    for path, tree in trees.items():
        for name in imports(tree):
            assert name.partition(".")[0] not in UNSAFE, (path, name)
            assert name not in LISTENING or path == FOR_THIS_MACHINE, (path, name)
        for owner, name, call in functions_and_methods(tree):
            assert name not in (METHODS if owner else CALLS), (path, call.lineno)
            if (owner, name) == ("np", "load"):
                options = {word.arg: word.value.value for word in call.keywords}
                assert options == {"allow_pickle": False}, (path, call.lineno)


def test_users_files_are_run_at_one_place(trees):
    found = {
        path
        for path, tree in trees.items()
        for _, name, _ in functions_and_methods(tree)
        if name == "exec_module"
    }
    assert found == {"user_code/files.py"}
