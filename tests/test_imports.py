"""Who may import whom, and that importing does nothing else."""

import ast
import json
import pathlib
import subprocess
import sys

import pytest

import qnas_jax

PACKAGE = pathlib.Path(qnas_jax.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Parts of ours that each part may import, besides itself.
BASIS = {"options", "errors", "stopping", "reading", "files", "shipped"}
NETS = {"spaces", "kernels", "devices", *BASIS}
LEARNING = {"nets", "data", "tasks", *NETS}
SEARCHING = {"searching", "optimise", "quantum"}
USERS = {"status", "user_code"}
PARTS = {
    "baselines",
    "training",
    "evaluation",
    "latency",
    "reporting",
    "runs",
    "devices",
    *SEARCHING,
    *LEARNING,
    *USERS,
}
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "stopping": set(),
    "reading": {"errors"},
    "status": set(),
    "user_code": {"status", "errors", "stopping", "files"},
    "options": {"errors"},
    "value": set(),
    "devices": {"errors"},
    "runs": {"errors", "files", "options", "reading"},
    "huge_pages": {"stopping"},
    "spaces": {"user_code", *BASIS},
    "data": BASIS,
    "tasks": {"data", "spaces", *BASIS},
    "baselines": set(),
    "kernels": {"devices", *BASIS},
    "nets": NETS,
    "quantum": {"kernels", "errors"},
    "optimise": {"quantum", "kernels", "value", *BASIS},
    "latency": NETS | {"nets", "export"},
    "training": LEARNING,
    "evaluation": {"training", *USERS, *LEARNING},
    "searching": {"spaces", "quantum", "optimise", "value", "devices", *BASIS},
    "export": {"nets", "spaces", "kernels", "user_code", *BASIS},
    "reporting": {"errors", "reading", "files"},
    "printing": set(),
    "shipped": {"errors"},
    "jobs": {"export", "printing", *PARTS},
    "command": {"jobs", "printing", "huge_pages", *PARTS},
    "__main__": {"command"},
    "api": {"export", "jobs", *PARTS},
}
# Libraries that a part must do without.
FORBIDDEN = {
    "options": {"jax", "flax", "optax", "numpy"},
    "user_code": {"jax", "flax", "optax", "numpy"},
    "spaces": {"jax", "flax", "optax"},
    "data": {"flax", "optax", "tensorflow"},
    "tasks": {"flax.nnx", "flax.linen"},
    "kernels": {"flax", "optax"},
    "quantum": {"flax", "optax"},
    "baselines": {"flax", "optax"},
    "export": {"optax", "tensorflow_datasets"},
    "optimise": {"flax"},
    "searching": {"flax.nnx", "flax.linen", "tensorflow_datasets"},
    "reporting": {"jax", "flax", "optax"},
}


def imported_names(path: pathlib.Path, *, types: bool = True) -> set[str]:
    """Full dotted names of all imports of a file, also of those within functions.

    Without `types`, what is imported for type checkers only does not count.
    """
    names = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not types:
        tree.body = [node for node in tree.body if not for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def for_types(node: ast.AST) -> bool:
    """Whether a statement is an `if TYPE_CHECKING:`, which never runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def part_of(path: pathlib.Path) -> str:
    """The folder or module right below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def broken_rules(path: pathlib.Path) -> list[str]:
    """Imports of a file that the rules do not allow, in words."""
    part = part_of(path)
    broken = []
    for name in sorted(imported_names(path)):
        if name.startswith("qnas_jax."):
            other = name.split(".")[1]
            if other not in {part, "__version__"} | ALLOWED[part]:
                broken.append(f"{part} imports {name}")
        for library in FORBIDDEN.get(part, ()):
            if name == library or name.startswith(f"{library}."):
                broken.append(f"{part} imports {name}")
    return broken


def module_of(name: str, modules: set[str]) -> str | None:
    """The module of ours that an imported name belongs to."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def circles(files: list[pathlib.Path], root: pathlib.Path) -> list[tuple[str, ...]]:
    """Groups of modules that import each other, also through a package's names."""
    names = {}
    for path in files:
        parts = path.relative_to(root.parent).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = path
    imports = {
        name: {
            module_of(found, set(names)) for found in imported_names(path, types=False)
        }
        - {None, name}
        for name, path in names.items()
    }
    reached = {name: set(found) for name, found in imports.items()}
    for middle in names:  # Warshall's closure
        for found in reached.values():
            if middle in found:
                found |= reached[middle]
    ring = sorted(name for name in names if name in reached[name])
    groups = {name: sorted(o for o in ring if o in reached[name]) for name in ring}
    return sorted(
        {
            tuple(other for other in group if name in reached[other])
            for name, group in groups.items()
        }
    )


def test_no_modules_import_each_other_in_a_circle():
    assert circles(FILES, PACKAGE) == []


def test_a_circle_would_be_seen(tmp_path):
    package = tmp_path / "qnas_jax"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "a": "from qnas_jax import b\n",
        "b": "def late():\n    from qnas_jax.c import thing\n",
        "c": "import qnas_jax.a\n",
        "d": "import qnas_jax.a\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    ring = ("qnas_jax.a", "qnas_jax.b", "qnas_jax.c")
    assert circles(sorted(package.glob("*.py")), package) == [ring]


def test_every_part_of_the_package_has_a_rule():
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts <= ALLOWED.keys(), "a new part needs a line in ALLOWED"


@pytest.mark.parametrize("part", ALLOWED)
def test_import_rules(part):
    files = [path for path in FILES if part_of(path) == part]
    assert [rule for path in files for rule in broken_rules(path)] == []


def test_the_package_itself_imports_nothing_but_what_it_is_asked_for():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == [
        "import importlib",
        "from typing import TYPE_CHECKING, Any",
    ]


def test_the_stand_alone_source_imports_nothing_of_ours():
    for path in (PACKAGE / "export" / "standalone").glob("*.py"):
        ours = {name for name in imported_names(path) if name.startswith("qnas_jax")}
        assert all(name.startswith("qnas_jax.export.standalone.") for name in ours)


def test_the_rules_see_what_they_should(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    file = tmp_path / "searching" / "new.py"
    file.parent.mkdir()
    file.write_text(
        "import numpy\n"
        "from qnas_jax.spaces import SearchSpace\n"
        "from flax import nnx\n"
        "def late():\n"
        "    from qnas_jax import nets\n"
        "    import qnas_jax.data.peek\n"
    )
    assert broken_rules(file) == [
        "searching imports flax.nnx",
        "searching imports qnas_jax.data.peek",
        "searching imports qnas_jax.nets",
    ]


def test_no_folder_or_module_without_an_idea():
    vague = {"utils", "util", "helpers", "common", "misc"}
    root = PACKAGE.parent
    named = [*FILES, *root.glob("*.py")]
    for folder in ("tests", "configs", "experiments"):
        named += (root / folder).rglob("*.py")
    words = {word for path in named for word in (path.stem, path.parent.name)}
    assert words & vague == set()


IMPORT_ALL = """
import importlib, json, os, pkgutil, sys
import jax
from jax._src import xla_bridge
config, environment = dict(jax.config.values), dict(os.environ)
import qnas_jax
names = [m.name for m in pkgutil.walk_packages(qnas_jax.__path__, "qnas_jax.")]
for name in names:
    importlib.import_module(name)
loaded = set(sys.modules)
after = {key: jax.config.values[key] for key in config}
print(json.dumps({
    "names": names,
    "loaded": sorted(loaded),
    "backends": xla_bridge.backends_are_initialized(),
    "config": [key for key in config if config[key] != after[key]],
    "environment": [k for k, v in os.environ.items() if environment.get(k) != v],
}))
"""


def test_importing_everything_does_nothing_else():
    """No device, hence no array; no setting changed; no word; no heavy library."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert {"qnas_jax.jobs.launch", "qnas_jax.jobs.runner"} < set(found["names"])
    assert len(found["names"]) == len(FILES) - 1
    assert not found["backends"], "importing created an array or asked for devices"
    assert found["config"] == [] and found["environment"] == []
    heavy = {"matplotlib", "sklearn", "tensorflow_datasets", "jinja2", "PIL"}
    assert heavy & set(found["loaded"]) == set()
