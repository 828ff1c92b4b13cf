"""Which codes the program gives to problems, found in its source code.

A code is passed as an argument or key called ``code`` (or ``error_code``): to a record that has such a field, to any
call by that name, or to a function that passes its own parameter on. If it is a variable, its values are used: a
constant, a conditional expression, or the items of a table that a loop iterates over.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

__all__ = ["FORM", "emitted"]

PACKAGE = Path(__file__).parents[2] / "importer"
SILENT = {"sandbox", "catalogue"}  # the sandbox's codes are the API's; the catalogue only describes codes
KEYS = {"code", "error_code"}
FORM = re.compile(r"[a-z]+(_[a-z0-9]+)*_?")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    name: str
    room: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]


def emitted() -> dict[str, str]:
    """Code → a file that uses it. A code with a number (``http_422``) ends with its underscore here."""
    modules = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        room = name.parts[0].removesuffix(".py")
        if room not in SILENT:
            modules.append(Module(str(name), room, ast.parse(path.read_text(encoding="utf-8"))))
    places = _records(modules)
    while True:
        found = {}
        handed_on = dict(places)
        for module in modules:
            for function in (*module.functions, module.tree):
                for value in _given(function, module.room, places):
                    found |= dict.fromkeys(_texts(value, function, module.tree), module.name)
                    handed_on |= _passes_on(value, function, module.room)
        if handed_on == places:
            return found
        places = handed_on


def _records(modules: Sequence[Module]) -> dict[tuple[str, str], int]:
    """(package, record with a ``code`` field) → the position of that field."""
    places = {}
    for module in modules:
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                fields = [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]
                if "code" in fields:
                    places[module.room, node.name] = fields.index("code")
    return places


def _place(room: str, name: str, places: dict[tuple[str, str], int]) -> int | None:
    """Which argument of a call is the code, by a function or record of this package, or the only one elsewhere."""
    others = {at for (_, other), at in places.items() if other == name}
    return places.get((room, name), others.pop() if len(others) == 1 else None)


def _given(scope: ast.AST, room: str, places: dict[tuple[str, str], int]) -> Iterator[ast.expr]:
    """The expressions used as codes within a function, or at the top of a module."""
    for node in _calls(scope):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = _place(room, name, places)
            if at is not None and (len(node.args) > at or any(isinstance(arg, ast.Starred) for arg in node.args)):
                yield node.args[min(at, len(node.args) - 1)]
            keys = KEYS | {"name"} if name == "Check" else KEYS  # a pandera check is named after its problem's code
            yield from (keyword.value for keyword in node.keywords if keyword.arg in keys)
        else:
            pairs = zip(node.keys, node.values, strict=True)
            yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value in KEYS)


@cache
def _within(scope: ast.AST) -> list[ast.AST]:
    """Every node of a scope, except those of nested functions."""
    found = [scope]
    for outer in found:
        found += [node for node in ast.iter_child_nodes(outer) if not isinstance(node, Function)]
    return found[1:]


@cache
def _calls(scope: ast.AST) -> list[ast.Call | ast.Dict]:
    return [node for node in _within(scope) if isinstance(node, ast.Call | ast.Dict)]


def _texts(value: ast.expr, scope: ast.AST, module: ast.AST, *, deep: bool = True) -> Iterator[str]:
    """The codes that an expression can be."""
    match value:
        case ast.Constant(value=str(text)) if FORM.fullmatch(text):
            yield text
        case ast.JoinedStr(values=[first, *_]):
            yield from _texts(first, scope, module)
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one, scope, module), *_texts(other, scope, module))
        case ast.BoolOp(values=options):
            yield from (text for option in options for text in _texts(option, scope, module))
        case ast.Starred(value=ast.Subscript(value=inner)):
            yield from _texts(inner, scope, module)
        case ast.Name(id=name) if deep:
            bounds = [*_bound(name, scope), *_bound(name, module)]
            # A loop over a table at the top of the module.
            bounds += [more for table in bounds if isinstance(table, ast.Name) for more in _bound(table.id, module)]
            for bound in bounds:
                yield from _texts(bound, scope, module, deep=False)
                items = [item for node in ast.walk(bound) if isinstance(node, ast.Tuple) for item in node.elts]
                yield from (text for item in items for text in _texts(item, scope, module) if "_" in text)


def _bound(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    """What is assigned to a name, or the table that a loop binds it from."""
    for node in _within(scope):
        match node:
            case ast.Assign(targets=targets, value=value) if any(_binds(to, name) for to in targets):
                yield value
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _binds(target, name):
                yield value
            case ast.For(target=target, iter=table) if _binds(target, name):
                yield table
                yield from _bound(table.id, scope) if isinstance(table, ast.Name) else ()


def _binds(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _passes_on(value: ast.expr, scope: ast.AST, room: str) -> dict[tuple[str, str], int]:
    """A function whose own parameter is the code gets it from its callers."""
    if not isinstance(value, ast.Name) or not isinstance(scope, Function):
        return {}
    names = [arg.arg for arg in scope.args.args if arg.arg != "self"]
    return {(room, scope.name): names.index(value.id)} if value.id in names else {}
