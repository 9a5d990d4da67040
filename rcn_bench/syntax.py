"""What a source file computes: its top-level statements, each with its text, its names and its imports.

Comments, docstrings, formatting and what only a type checker runs are left out, and the text is the same in every
version of Python, which ast.dump's is not.
"""

import ast
import warnings
from collections.abc import Collection, Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from rcn_bench.errors import InputError

ALL = "*"  # as a name: every name of a module
_IMPORT_FUNCTIONS = ("import_module", "importlib.import_module", "__import__")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # the fields that hold statements
_NOT_CODE = {"ctx", "kind", "type_comment", "type_ignores"}
_NOTED = {ast.Name, ast.Attribute, ast.Call, ast.Import, ast.ImportFrom, *_Definition.__args__}


class Content(NamedTuple):
    """What one walk through a piece of code finds.

    text: the same in every version of Python, and different for any two that compute differently. names: all, those
    that it binds among them. imports: inside functions too, a module, relative or not, and a name of it. attributes:
    pairs of a dotted name that starts at one of the roots, and an attribute of it.
    """

    text: str
    names: set[str]
    imports: set[tuple[str, str]]
    attributes: set[tuple[str, str]]


class Statement:
    """A top-level statement of a module, docstrings and what only a type checker runs taken out."""

    def __init__(self, node: ast.stmt, roots: set[str]) -> None:
        self.node = node
        self._roots = roots  # names that the module's `import a.b` bind, through which it may reach any parent package

    @cached_property
    def content(self) -> Content:
        return _walk(self.node, self._roots)

    @cached_property
    def touched(self) -> set[str]:
        """The names that it defines or may change."""
        match self.node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return {self.node.name}
            case ast.Assign():
                return set().union(*(_walk(target).names for target in self.node.targets))
            case ast.AnnAssign() | ast.AugAssign():
                return _walk(self.node.target).names
        return self.content.names

    @cached_property
    def origins(self) -> dict[str, str]:
        """Of an import, the name that it binds and the dotted name that this stands for."""
        match self.node:
            case ast.Import(names=[alias]):
                return {alias.asname or top_level(alias.name): alias.name if alias.asname else top_level(alias.name)}
            case ast.ImportFrom(names=[alias]):
                package = _package(self.node)
                return {alias.asname or alias.name: f"{package}{'' if package.endswith('.') else '.'}{alias.name}"}
        return {}


def definitions(module: Iterable[Statement]) -> list[_Definition]:
    """The functions and classes among a module's statements."""
    return [one.node for one in module if isinstance(one.node, _Definition)]


def statements(file: Path) -> tuple[Statement, ...]:
    """Those at top level, parsed again only when the file changed. Errors: InputError where Python cannot parse it."""
    status = file.stat()
    return _parse(file, status.st_mtime_ns, status.st_size)


@cache
def _parse(file: Path, mtime_ns: int, size: int) -> tuple[Statement, ...]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{file}{line}: {getattr(error, 'msg', error)}; correct it") from error
    roots: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            roots |= {top_level(alias.name) for alias in node.names if "." in alias.name and not alias.asname}
        for name in _BLOCKS:
            if block := getattr(node, name, None):
                setattr(node, name, list(_computing(block)))
                pending += getattr(node, name)
    return tuple(Statement(node, roots) for node in tree.body)


def _computing(block: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that do something, with one import for each name."""
    for node in block:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _computing(node.orelse)
            case ast.Import():
                yield from (ast.Import([alias]) for alias in node.names)
            case ast.ImportFrom():
                yield from (ast.ImportFrom(node.module, [alias], node.level) for alias in node.names)
            case _:
                yield node


def _walk(tree: ast.AST, roots: Collection[str] = ()) -> Content:
    """In the text nodes come before their fields, with the names of these, and lists after their lengths.

    So nothing is closed. Fields left empty are left out: versions differ in those and in the fields that they have.
    """
    words: list[str] = []
    found = Content("", set(), set(), set())
    pending: list[Any] = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Constant):
            words.append(_constant(item.value))
        elif isinstance(item, ast.AST):
            kind: Any = type(item)
            word, at = kind.__name__, len(pending)
            if kind in _NOTED:
                _note(item, roots, found)
            elif isinstance(item, ast.JoinedStr):
                item.values = list(_merged(item.values))
            for name in _field_names(kind):
                value = getattr(item, name, None)
                if value is not None and value != []:
                    word += f" {name}"
                    pending.insert(at, value)
            words.append(word)
        elif isinstance(item, list):
            words.append(str(len(item)))
            pending += reversed(item)
        else:
            words.append(ascii(item))
    return found._replace(text="\n".join(words))


def _note(node: ast.AST, roots: Collection[str], found: Content) -> None:
    match node:
        case ast.Name():
            found.names.add(node.id)
        case ast.Attribute():
            if roots and top_level(package := dotted(node.value)) in roots:
                found.attributes.add((package, node.attr))
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) if dotted(node.func) in _IMPORT_FUNCTIONS:
            found.imports.add((name, ALL))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            found.names.add(node.name)
        case ast.Import(names=[alias]):
            found.names.add(alias.asname or top_level(alias.name))
            found.imports.add((alias.name, ALL))
        case ast.ImportFrom(names=[alias]):
            found.names.add(alias.asname or top_level(alias.name))
            found.imports.add((_package(node), alias.name))


def _constant(value: object) -> str:
    """With its type, as 1, 1.0 and True are equal. repr would refuse long integers and follow Unicode's version."""
    return f"{type(value).__name__} {hex(value) if isinstance(value, int) else ascii(value)}"


@cache
def _field_names(kind: Any) -> list[str]:
    return sorted({*kind._fields} - _NOT_CODE)


def _merged(values: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """The parts of an f-string, its text in as few as possible: versions split it in other places."""
    text = ""
    for part in values:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            text += part.value
            continue
        if text:
            yield ast.Constant(text)
        yield part
        text = ""
    if text:
        yield ast.Constant(text)


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        value = dotted(node.value)
        return value and f"{value}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def literal_call(node: ast.AST | None, function: str) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments of a call of a function, by position and by name; None for anything else, or what must be run."""
    if not isinstance(node, ast.Call) or dotted(node.func).rpartition(".")[2] != function:
        return None
    try:
        named = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
        return [ast.literal_eval(each) for each in node.args], named
    except (ValueError, TypeError):  # TypeError: for a list as a key
        return None


def top_level(name: str) -> str:
    """The first part of a dotted name: of a module, its top-level package."""
    return name.partition(".")[0]


def _package(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")
