"""What of a source file counts, and that it is the same in every version of Python."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rcn_bench
from rcn_bench import syntax

PACKAGE = Path(rcn_bench.__file__).parent


def texts(path: Path, source: str | bytes) -> list[str]:
    """What counts of a source, statement by statement."""
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    syntax._parse.cache_clear()  # a file of the same size may be written in one tick of the disk's clock
    return [statement.content.text for statement in syntax.statements(path)]


PLAIN = """
import a
import b

@mark(1)
def scale(x: int = 3, *, by=2.0):
    if x:
        return f"{x:>{by}} is" + "ab" * by
    return None

class Empty:
    pass
"""
ACCENTED = PLAIN.replace(" is", " é")
SAME = '''#!/usr/bin/env python
"""What this module does."""
import a, b  # both

@mark( 1 )
def scale(
    x: int = 0x3,
    *,
    by=2.00,
):
    """Scaled.

    With care."""
    # a comment
    if (x):

        return (f\'{x:>{by}}\' " is"
                + 'a' "b" * by)
    return None
if TYPE_CHECKING:
    from c import d
class Empty:
    """Nothing."""
'''


def test_comments_docstrings_formatting_and_typing_imports_do_not_count(tmp_path):
    assert texts(tmp_path / "a.py", PLAIN) == texts(tmp_path / "b.py", SAME)


@pytest.mark.parametrize(
    "change",
    [
        ("= 3", "= 4"),
        ("= 3", "= 3.0"),
        ("= 3", "= True"),
        ("* by", "+ by"),
        ("@mark(1)", "@mark(2)"),
        ("@mark(1)\n", ""),
        ("x: int", "x: bool"),
        ("*, by", "by"),
        ("{x:>", "{x!r:>"),
        ("{x:>", "{x:<"),
        (" is", " was"),
        ("return None", "return"),
        ("import b", "import b as c"),
        ("class Empty", "class Empty(object)"),
    ],
)
def test_every_other_change_counts(tmp_path, change):
    assert change[0] in PLAIN
    assert texts(tmp_path / "a.py", PLAIN) != texts(tmp_path / "b.py", PLAIN.replace(*change, 1))


@pytest.mark.parametrize(
    "encoded",
    [
        ACCENTED.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + ACCENTED.encode(),
        b"# -*- coding: latin-1 -*-\n" + ACCENTED.encode("latin-1"),
    ],
    ids=["crlf", "bom", "latin-1"],
)
def test_line_ends_and_encoding_do_not_count(tmp_path, encoded):
    assert texts(tmp_path / "a.py", ACCENTED) == texts(tmp_path / "b.py", encoded)


constants = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.integers(),
    st.booleans(),
    st.floats(0),
    st.none(),
)


@given(first=constants, second=constants)
def test_constants_differ_as_their_values_and_types(tmp_path_factory, first, second):
    folder = tmp_path_factory.getbasetemp()
    same = repr(first) == repr(second)
    assert (texts(folder / "a.py", f"x = {first!r}") == texts(folder / "a.py", f"x = {second!r}")) == same


CONSTRUCTS = """
from __future__ import annotations
import os.path as p, sys
from . import sibling
from ..up import (one, two as deux)

TABLE: dict[str, int] = {**{}, "a": 1, None: -1}
x = 0xFFFF_FFFF, 1e400, 1e-7, 0.1, 3j, b"\\x00\\xff", "\\u00e9\\U0001fae8", ..., None, True
y = f"" f"a{x[0]!r:>{p}.{sys}}b" "c" f"{x=}" rf"\\d{ {1: 2}[1] }{{}}" f"{x:}" f"{x:%H:%M}"
z: int
del z

@decorator(1, key=two)
async def f(a, /, b=1, *args, c, d=2, **kw) -> None:
    async with a as b, c: pass
    async for i in a: yield await i
    return [i async for i in a if i if not b]

class C(Base, metaclass=Meta):
    "Docstring."
    def m(self, *, k=None):
        global x; nonlocal_ = lambda q, *r: (q, *r)
        try: raise E from None
        except (A, B) as e: assert e, "no"
        else: x += 1
        finally: x[1:2, ::3] @= ~k
        try: pass
        except* C: raise
        while (n := k): break
        else: continue_
        match k:
            case {"a": 1, **rest} | [1, *_] | C(a=2) | None | -1: pass
            case str() as s if s: ...
        return a if not b else {c for c in d} < e <= f is not g
"""


def test_a_text_of_all_constructs_has_this_hash_in_every_version_of_python(tmp_path):
    assert hashlib.sha256("\n".join(texts(tmp_path / "a.py", CONSTRUCTS)).encode()).hexdigest()[:12] == "815eff7b62f3"


def other_pythons() -> list[str]:
    """One Python of each other version that is on the path or that pyenv keeps."""
    found = []
    for version in {11, 12, 13, 14} - {sys.version_info.minor}:
        kept = sorted(Path.home().glob(f".pyenv/versions/3.{version}.*/bin/python"))
        found += [python] if (python := kept[-1] if kept else shutil.which(f"python3.{version}")) else []
    return [str(python) for python in found]


def test_the_package_has_the_same_hashes_in_another_version_of_python(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "rcn_bench", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "constructs.py").write_text(CONSTRUCTS)
    entries = "'constructs', 'rcn_bench.engine.train', 'rcn_bench.models.rcn'"
    program = f"from rcn_bench.code import code_of; print(dict(code_of({entries}).modules))"
    if not (others := other_pythons()):
        pytest.skip("no other version of Python here")
    outputs = [
        subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for python in [sys.executable, *others]
    ]
    assert set(outputs) == {outputs[0]}
