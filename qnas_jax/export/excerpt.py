"""Takes out of Python text what some of its classes and functions need, and no more.

A name of the outermost level is needed if something needed mentions it. What cannot be
told from the text alone (star imports, names made at run time) is refused.
"""

import ast
import builtins
import dataclasses
from collections.abc import Iterable, Sequence

from qnas_jax.errors import UserError

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """Parts of a text.

    Attributes:
      imports: its needed import statements, one name each.
      definitions: what is needed by name, in the text's order.
    """

    imports: tuple[str, ...]
    definitions: dict[str, str]


def take_out(text: str, names: Iterable[str]) -> Excerpt:
    """Finds what names of a text need.

    Args:
      text: of one or several files.
      names: of its outermost level.

    Returns:
      The needed parts; what is imported and also defined counts as defined.

    Raises:
      UserError: something needed is neither defined nor imported there.
    """
    imported, defined = _outermost(ast.parse(text))
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        known = name in imported or name in defined
        if name in needed or (not known and hasattr(builtins, name)):
            continue
        if not known:
            raise UserError(f"{name} is not defined at the outermost level")
        needed.add(name)
        if name in defined:
            waiting += _mentioned(defined[name])
    lines = text.splitlines()
    return Excerpt(
        tuple(line for name, line in imported.items() if name in needed - set(defined)),
        {name: _text(lines, defined[name]) for name in defined if name in needed},
    )


def _outermost(module: ast.Module) -> tuple[dict[str, str], dict[str, Definition]]:
    """Imports and definitions of a module by the name that they make."""
    imported: dict[str, str] = {}
    defined: dict[str, Definition] = {}
    for node in module.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                imported[name] = f"import {_alias(alias)}"
        elif isinstance(node, ast.ImportFrom):
            start = f"from {'.' * node.level}{node.module or ''} import"
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{start} {_alias(alias)}"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            defined |= dict.fromkeys(names, node)
    return imported, defined


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _mentioned(definition: Definition) -> Sequence[str]:
    """Names that a definition reads and does not make itself."""
    read: set[str] = set()
    made: set[str] = set()
    for node in ast.walk(definition):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = (each.asname or each.name.partition(".")[0] for each in node.names)
            made.update(names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler):
            made.add(node.name or "")
    return sorted(read - made)


def _text(lines: Sequence[str], node: Definition) -> str:
    decorators = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])
