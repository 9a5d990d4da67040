"""What code a stage depends on: the modules that it reaches by imports, each with a hash of what it computes.

An edit makes anew what it reaches and nothing else. Sources are read, not imported. Comments, docstrings, formatting
and what only a type checker runs change no hash, nor does the version of Python. Of a module everything counts; of a
package's __init__.py only what the names imported from it depend on, so that a package may list all its modules and
each be used alone. ``import package`` and ``from package import *`` take the whole of it. Followed is our own code:
rcn_bench, and of plugins their top-level packages and what lies in the same folder, unless packages are installed
there. Not seen is a module whose name is computed, as in ``import_module(name)``.
"""

import ast
import hashlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, invalidate_caches
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import resolve_name
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rcn_bench.errors import InputError, reason
from rcn_bench.syntax import ALL, Statement, definitions, dotted, literal_call, statements, top_level

# These name, check and describe, but compute no result; they and what only they import are left out. What the plan
# decides reaches a stage as values, which are hashed as such, and a record's reader refuses any other form itself.
NOT_COMPUTING = (
    "rcn_bench.plan",
    "rcn_bench.records",
    "rcn_bench.provenance",
    "rcn_bench.errors",
    "rcn_bench.code",
    "rcn_bench.syntax",
)
ROOT = "rcn_bench"
_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")
# Where no line of a plugin's lies; an installed one's lines are not named.
_ELSEWHERE = ("<", *(f"{place}{os.sep}" for place in [Path(__file__).parent, *map(sysconfig.get_path, _INSTALLED)]))


@dataclass(frozen=True)
class Code:
    """modules: by dotted name, sorted, the hash of what counts of it."""

    modules: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """12 hexadecimal digits."""
        return _digest(f"{name} {code}" for name, code in self.modules.items())


@dataclass(frozen=True)
class Registration:
    """A top-level function or class under a decorator; keywords: those of the decorator, unevaluated."""

    name: str
    module: str
    keywords: Mapping[str, ast.expr]


@dataclass(frozen=True)
class ModelSource:
    """Where a model is written.

    trunk: of the 2D network that it is built on, where it says so. specification: the arguments of its Specification,
    by position and by name, where they stand there as they are.
    """

    name: str
    module: str
    trunk: str | None
    specification: tuple[list[Any], dict[str, Any]] | None = None


def code_of(*entries: str, plugins: Sequence[str] = ()) -> Code:
    """The code that these modules depend on, themselves included.

    entries: dotted names, of rcn_bench or of plugins. plugins: those of the config; they say which code is our own and
    count only where an entry imports them.
    Errors: InputError for a module that is not found, has no source or cannot be parsed.
    """
    return Sources([*entries, *plugins]).code(entries)


def find_models(plugins: Sequence[str] = ()) -> dict[str, ModelSource]:
    """All models by name: those of rcn_bench and those that plugins, or what they import, register.

    Errors: InputError as from code_of, and for a model that is registered twice.
    """
    found = _by_name("model", registrations("register", plugins, within=f"{ROOT}.models"))
    return {name: _model_source(one) for name, one in found.items()}


def _model_source(one: Registration) -> ModelSource:
    trunk, specification = one.keywords.get("trunk"), one.keywords.get("specification")
    network = trunk.value if isinstance(trunk, ast.Constant) and isinstance(trunk.value, str) else None
    return ModelSource(one.name, one.module, network, literal_call(specification, "Specification"))


def find_trunks(plugins: Sequence[str] = ()) -> dict[str, str]:
    """The modules of the trunks that rcn_bench and plugins register, by name. Errors: as from find_models."""
    found = _by_name("trunk", registrations("register_trunk", plugins, within=f"{ROOT}.models"))
    return {name: one.module for name, one in found.items()}


def find_products(plugins: Sequence[str]) -> list[str]:
    """The modules of plugins that define products. Errors: as from code_of."""
    return sorted({one.module for one in registrations("product", plugins)})


def find_formats(plugins: Sequence[str]) -> list[str]:
    """The modules of plugins that define list formats. Errors: as from code_of."""
    return sorted({one.module for one in registrations("list_format", plugins)})


def registrations(decorator: str, plugins: Sequence[str], within: str | None = None) -> list[Registration]:
    """Functions and classes under a decorator of rcn_bench, in plugins, what they import, and the package `within`."""
    sources = Sources(plugins)
    modules = [module for module in sources.follow(plugins) if top_level(module.name) != ROOT]
    if within:
        modules += sources.package(within)
    return [one for module in _sorted(modules) for one in sources.marked(module, decorator)]


def load_plugins(modules: Iterable[str]) -> None:
    """Import modules that a config names as plugins; the working directory is searched too.

    Errors: InputError for one that cannot be imported, or whose name another module has.
    """
    for name in modules:
        _require_name(name)
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        with plugin_code(name, f"plugins: cannot import {name}"):
            import_module(name)
        top = top_level(name)
        found, loaded = _find_root(top), getattr(sys.modules.get(top), "__spec__", None)
        if found and loaded and os.path.realpath(found.origin or "") != os.path.realpath(loaded.origin or ""):
            raise InputError(f"plugins: {top} ({found.origin}): Python uses {loaded.origin} by that name; rename yours")


@contextmanager
def plugin_code(module: str, what: str | Callable[[], str]) -> Iterator[None]:
    """For calls of what a plugin defines: whatever it raises becomes one line.

    module: where that is defined; what one of rcn_bench raises keeps its traceback. what: says what failed.
    Errors: InputError with the plugin's line, where it is known; one that it raised itself as it is.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        if not is_plugin(module):
            raise
        raise InputError(f"{what if isinstance(what, str) else what()} ({_failure(error)})") from error


def is_plugin(module: str) -> bool:
    return top_level(module) != ROOT


def _failure(error: BaseException) -> str:
    name, why = type(error).__name__, reason(error)
    text = why if isinstance(error, ImportError) or why == name else f"{name}: {why}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_ELSEWHERE)]
    return f"{text}; {os.path.basename(own[-1].filename)}, line {own[-1].lineno}" if own else text


def _require_name(name: str) -> None:
    """Errors: InputError for a plugin that is not named as Python imports it, or named like a module of Python's."""
    if not isinstance(name, str) or not all(name.split(".")) or "/" in name or name.endswith(".py"):
        plain = str(name).removesuffix(".py").replace("/", ".").strip(".")
        hint = f", {plain}" if isinstance(name, str) and plain else ""
        raise InputError(f"plugins: {name!r} is not the name of a module; write it as Python imports it{hint}")
    if top_level(name) in sys.stdlib_module_names:
        raise InputError(f"plugins: {top_level(name)} is a module of Python's own; give yours another name")


def _by_name(kind: str, found: Iterable[Registration]) -> dict[str, Registration]:
    named: dict[str, Registration] = {}
    for one in found:
        first = named.setdefault(one.name, one)
        if first is not one:
            raise InputError(f"plugins: {kind} {one.name} is registered by {first.module} and {one.module}; rename one")
    return named


@dataclass(frozen=True, eq=False)
class _Module:
    """file: None for a namespace package, which has no code; folders: where a package's modules lie."""

    name: str
    file: Path | None
    folders: tuple[str, ...]

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        return statements(self.file) if self.file else ()

    def absolute(self, name: str) -> str:
        """The module that an import in this one means; empty for a relative import that leads out of its package."""
        try:
            return resolve_name(name, self.name if self.folders else self.name.rpartition(".")[0])
        except ImportError:
            return ""

    def defines(self, name: str) -> bool:
        return any(name in statement.touched for statement in self.statements)

    def counting(self, names: Collection[str]) -> tuple[Statement, ...]:
        """The statements that these names depend on; all, for a name that no statement defines."""
        if ALL in names or (not any(map(self.defines, ("__getattr__", ALL))) and not all(map(self.defines, names))):
            return self.statements
        needed = {*names} | {"__getattr__" for name in names if not self.defines(name)}
        kept: set[Statement] = set()
        while more := {one for one in self.statements if one not in kept and one.touched & (needed | {ALL})}:
            kept |= more
            needed = needed.union(*(one.content.names for one in more))
        return tuple(one for one in self.statements if one in kept)


class _Part(NamedTuple):
    """Of a module what some of its names depend on: its hash, and the modules, each with a name, that it reaches."""

    hash: str
    reached: set[tuple[_Module, str]]


class Sources:
    """Our own code, found as Python would find it, the working directory first, without importing any of it.

    What has been read once is not read again. Errors: as from code_of.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """names: of modules, of rcn_bench or of plugins, whose top-level packages are our own code too."""
        names = list(names)
        for name in names:
            _require_name(name)
        invalidate_caches()
        self._modules: dict[str, _Module | None] = {}
        self._parts: dict[tuple[_Module, frozenset[str]], _Part] = {}
        self._roots = {top_level(name) for name in names} - {ROOT}
        self._beside = [folder for name in sorted(self._roots) for folder in _folders_beside(_find_root(name))]
        for name in names:
            self.module(name)

    def code(self, entries: Iterable[str]) -> Code:
        """The code that some of the names depend on."""
        followed = self.follow(entries)
        return Code({module.name: self._part(module, followed[module]).hash for module in _sorted(followed)})

    def module(self, name: str) -> _Module:
        found = self.find(name)
        if found is None:
            where = "it is looked for in the working directory and in Python's path"
            raise InputError(f"plugins: cannot find module {name}; {where}")
        return found

    def find(self, name: str) -> _Module | None:
        """A module of our own code; None for any other, and for one that does not exist."""
        if name not in self._modules:
            spec = self._spec(name)
            self._modules[name] = _with_source(name, spec) if spec else None
        return self._modules[name]

    def _spec(self, name: str) -> ModuleSpec | None:
        parent, _, last = name.rpartition(".")
        if parent:
            package = self.find(parent)
            return PathFinder.find_spec(last, package.folders) if package else None
        if name == ROOT:
            return PathFinder.find_spec(ROOT, [str(Path(__file__).parents[1])])
        return _find_root(name) if name in self._roots else PathFinder.find_spec(name, self._beside)

    def package(self, name: str) -> list[_Module]:
        """All modules of a package, its subpackages' too."""
        folders = [Path(folder) for folder in self.module(name).folders]
        files = [file.relative_to(folder) for folder in folders for file in folder.rglob("*.py")]
        names = [".".join([name, *file.with_suffix("").parts]).removesuffix(".__init__") for file in files]
        return [self.module(name) for name in names]

    def follow(self, entries: Iterable[str]) -> dict[_Module, frozenset[str]]:
        """What the entries reach, and the names that count of each."""
        names: dict[_Module, frozenset[str]] = {}
        pending = {(self.module(entry), ALL) for entry in entries}
        while pending:
            module, name = pending.pop()
            known = names.get(module, frozenset())
            if module.file and not {name, ALL} & known:
                names[module] = known | {name}
                pending |= self._part(module, names[module]).reached
        return names

    def _part(self, module: _Module, names: frozenset[str]) -> _Part:
        if (module, names) not in self._parts:
            counting = module.counting(names)
            reached = {found for one in counting for found in self._reached(module, one)}
            self._parts[module, names] = _Part(_digest(one.content.text for one in counting), reached)
        return self._parts[module, names]

    def _reached(self, module: _Module, statement: Statement) -> Iterator[tuple[_Module, str]]:
        reached = [self._imported(module.absolute(target), name) for target, name in statement.content.imports]
        reached += [self._used(package, name) for package, name in statement.content.attributes]
        for found, name in chain.from_iterable(reached):
            if not any(f"{found.name}.".startswith(f"{left_out}.") for left_out in NOT_COMPUTING):
                yield found, name

    def _imported(self, target: str, name: str) -> Iterator[tuple[_Module, str]]:
        module = self.find(target)
        if module is None:
            return
        if name == ALL or not module.folders:
            yield module, ALL
            return
        submodule = self.find(f"{target}.{name}")
        if submodule:
            yield submodule, ALL
        if not submodule or module.defines(name):
            yield module, name

    def _used(self, package: str, name: str) -> Iterator[tuple[_Module, str]]:
        """What `package.name` reaches after an import of one of the package's modules; that import was seen itself."""
        module, submodule = self.find(package), self.find(f"{package}.{name}")
        if submodule and not submodule.folders:
            yield submodule, ALL
        elif module and not submodule:
            yield module, name if module.folders else ALL

    def marked(self, module: _Module, decorator: str) -> Iterator[Registration]:
        """Its top-level functions and classes under a decorator of that name which is our own code."""
        origins = {bound: module.absolute(name) for one in module.statements for bound, name in one.origins.items()}
        for node in definitions(module.statements):
            for mark in node.decorator_list:
                name = dotted(mark.func if isinstance(mark, ast.Call) else mark)
                first, dot, rest = name.partition(".")
                origin = origins.get(first)  # None: defined here or, of a name without a dot, perhaps imported with *
                ours = self.find(top_level(origin)) if origin else not dot
                if ours and f"{origin or first}{dot}{rest}".rpartition(".")[2] == decorator:
                    yield Registration(node.name, module.name, _keywords(mark))


def _sorted(modules: Iterable[_Module]) -> list[_Module]:
    return sorted(modules, key=lambda module: module.name)


def _find_root(name: str) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, [os.getcwd(), *sys.path])
    others = (finder.find_spec(name, None) for finder in sys.meta_path)  # editable installs have finders of their own
    return spec or next(filter(None, others), None)


def _folders_beside(top: ModuleSpec | None) -> list[str]:
    """Where a plugin's top-level module lies, if that is a place for our own code and not for installed packages."""
    if top is None:
        return []
    places = top.submodule_search_locations or ([top.origin] if top.has_location and top.origin else [])
    folders = {Path(place).parent for place in places}
    return sorted(str(folder) for folder in folders if not any(folder.glob("*.dist-info")))


def _with_source(name: str, spec: ModuleSpec) -> _Module:
    folders = tuple(spec.submodule_search_locations or ())
    if spec.loader is None or spec.origin is None:
        return _Module(name, None, folders)
    if not isinstance(spec.loader, SourceFileLoader):
        why = f"no Python source ({spec.origin}), so nobody could tell when it changed; give the .py"
        raise InputError(f"plugins: {name}: {why}")
    return _Module(name, Path(spec.origin), folders)


def _keywords(decorator: ast.expr) -> dict[str, ast.expr]:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return {one.arg: one.value for one in keywords if one.arg}


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()[:12]
