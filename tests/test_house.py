"""How the package is built: in which order its modules import each other, and how long they are."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from rcn_bench.code import code_of

PACKAGE = Path(__file__).parents[1] / "rcn_bench"
DOCUMENT = PACKAGE.parent / "docs" / "code.md"


def documented_order() -> list[str]:
    """The places, modules or folders, from the bottom up: the first words of the lines of the block ```order."""
    block = re.search(r"```order\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block, f"{DOCUMENT} shows no order of imports"
    return [line.split()[0] for line in block[1].strip().splitlines()]


ORDER = documented_order()


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def rank(module: str) -> int | None:
    """The place of a module in the order; None for the package itself, which imports nothing."""
    parts = module.split(".")
    if len(parts) == 1:
        return None
    assert parts[1] in ORDER, f"{module} stands nowhere in the order of {DOCUMENT.name}"
    return ORDER.index(parts[1])


def imports(path: Path) -> Iterator[str]:
    """All modules that one imports, inside functions too, but not what only a type checker runs."""
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)
        pending += ast.iter_child_nodes(node)


@cache
def imported() -> dict[str, set[str]]:
    """All that each module imports, by module."""
    return {module: set(imports(path)) for module, path in MODULES.items()}


def own(module: str) -> set[str]:
    """What a module imports of the package."""
    return imported()[module] & MODULES.keys() - {module}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_from_its_own_place_and_those_above(module):
    place = rank(module)
    below = {name for name in own(module) if place is None or (rank(name) or 0) > place}
    assert not below, f"{module} imports {', '.join(sorted(below))}, whose place is further down"


def test_no_modules_import_each_other_in_a_circle():
    finished: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above[above.index(module) :], module])
        if module not in finished:
            for name in sorted(own(module)):
                visit(name, (*above, module))
            finished.add(module)

    for module in MODULES:
        visit(module, ())


def test_every_place_is_there():
    for place in ORDER:
        assert (PACKAGE / place).is_dir() or (PACKAGE / f"{place}.py").is_file(), place


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_long():
    files = [*MODULES.values(), *Path(__file__).parent.rglob("*.py")]
    assert [(str(path), lines(path)) for path in files if lines(path) > 400] == []


DECODING = {"examine", "findings", "judge", "media", "processes", "check", "review", "digits"}
WRITING = {f"cache.{name}" for name in ("build", "jobs", "keep", "source", "space", "stock", "writing")}


@pytest.mark.parametrize("stage", ["train", "evaluate", "online"])
def test_an_edit_of_decoding_or_checking_videos_reruns_no_stage_that_reads_the_cache(stage):
    reached = code_of(f"rcn_bench.engine.{stage}").modules
    assert "rcn_bench.data.cache.shard" in reached
    left_out = tuple(f"rcn_bench.{place}" for place in ("lists", *(f"data.{name}" for name in DECODING | WRITING)))
    assert [module for module in reached if module.startswith(left_out)] == []


def test_the_package_never_imports_snakemake():
    assert not [module for module, names in imported().items() for name in names if "snakemake" in name]


@pytest.mark.parametrize("place", ["provenance", "code", "syntax", "lists", "plan", "records", "progress"])
def test_light_places_import_neither_torch_nor_pandas_at_their_top(place):
    heavy = {"torch", "torchvision", "pandas", "numpy", "matplotlib", "seaborn", "snakemake", "jsonschema"}
    for module, path in MODULES.items():
        if module.split(".")[1:2] != [place]:
            continue
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & heavy, module
