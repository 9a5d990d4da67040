"""The code that a stage depends on: which modules it reaches, and where plugins are found."""

import py_compile
import sys
from importlib.util import spec_from_file_location
from textwrap import dedent

import pytest

from rcn_bench import code
from rcn_bench.code import (
    ModelSource,
    code_of,
    find_formats,
    find_models,
    find_products,
    find_trunks,
    load_plugins,
    plugin_code,
)
from rcn_bench.errors import InputError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files, by path from the working directory, from which plugins are imported."""
    monkeypatch.chdir(tmp_path)

    def write(files: dict[str, str | bytes]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())

    return write


LAZY = """
    from importlib import import_module
    def __getattr__(name):
        return getattr(import_module("pkg.b"), name)
"""


@pytest.mark.parametrize(
    ("entry", "init", "reached"),
    [
        ("import pkg.a", "", {"pkg.a"}),
        ("from pkg import a", "", {"pkg.a"}),
        ("from pkg.a import f", "from pkg import b", {"pkg.a"}),
        ("from pkg import f", "from pkg.a import f\nfrom pkg.b import g", {"pkg", "pkg.a"}),
        ("from pkg import h as f", "from .a import f as h\nfrom . import b", {"pkg", "pkg.a"}),
        ("from pkg import f", "from pkg.a import g\nfrom pkg.b import f as h\ndef f(): return h", {"pkg", "pkg.b"}),
        ("from pkg import T", "from pkg.a import f\nT = {}\nT[1] = f\nfrom pkg import b", {"pkg", "pkg.a"}),
        ("from pkg import f", "from pkg.a import *\nfrom pkg.b import g", {"pkg", "pkg.a"}),
        ("from pkg import f", LAZY, {"pkg", "pkg.b"}),
        ("from pkg import f", "from pkg.a import g\nglobals().update(f=g)", {"pkg", "pkg.a"}),
        ("from pkg import *", "from . import a, b", {"pkg", "pkg.a", "pkg.b"}),
        ("import pkg\npkg.f()", "from . import a, b", {"pkg", "pkg.a", "pkg.b"}),
        ("import pkg.a\npkg.g()", "from pkg.b import g\nfrom pkg.c import h", {"pkg", "pkg.a", "pkg.b"}),
        ("import pkg.a\npkg.a.f()", "from pkg.b import g", {"pkg.a"}),
        ("def f():\n  from pkg import a", "", {"pkg.a"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import pkg.a\nelse:\n  import pkg.b", "", {"pkg.b"}),
        ("import typing as t\nif t.TYPE_CHECKING: import pkg.a", "", set()),
        ("from importlib import import_module\nimport_module('pkg.a')", "", {"pkg.a"}),
        ("try:\n  import pkg.gone\nexcept ImportError:\n  import pkg.a", "", {"pkg.a"}),
        ("import json, torch.nn", "", set()),
        ("from pkg.sub import deep", "", {"pkg.sub.deep", "pkg.a"}),
    ],
)
def test_which_modules_an_import_reaches(write, entry, init, reached):
    write({f"pkg/{name}.py": "def f(): ...\ndef g(): ...\n" for name in "abc"})
    write({"pkg/sub/__init__.py": "from . import other", "pkg/sub/other.py": "", "pkg/sub/deep.py": "from .. import a"})
    write({"pkg/__init__.py": init, "entry.py": entry})
    assert set(code_of("entry").modules) == reached | {"entry"}


def test_of_an_init_only_what_an_imported_name_depends_on_counts(write):
    init = "from .a import f\nLIMIT = 3\ndef limit(): return LIMIT\nOTHER = 1\n"
    write({"pkg/__init__.py": init, "pkg/a.py": "", "entry.py": "from pkg import limit"})
    before = code_of("entry")
    write({"pkg/__init__.py": init.replace("OTHER = 1", "OTHER = 22").replace("import f", "import g")})
    assert code_of("entry") == before
    write({"pkg/__init__.py": init.replace("LIMIT = 3", "LIMIT = 44")})
    assert code_of("entry").modules["entry"] == before.modules["entry"]
    assert code_of("entry").modules["pkg"] != before.modules["pkg"]
    assert code_of("entry").hash != before.hash
    assert len(before.hash) == 12


def test_modules_that_import_each_other(write):
    write({"pkg/__init__.py": "from pkg import a", "pkg/a.py": "import pkg.b", "pkg/b.py": "from pkg import a, x"})
    assert list(code_of("pkg.a").modules) == ["pkg", "pkg.a", "pkg.b"]


def test_only_entries_are_followed_and_plugins_say_which_code_is_our_own(write):
    write({"one.py": "import two.a", "two/a.py": "", "three/__init__.py": ""})
    write({"elsewhere/far.py": "import near", "elsewhere/near.py": ""})
    assert list(code_of("one", plugins=["three"]).modules) == ["one", "two.a"]
    assert list(code_of("one", "three").modules) == ["one", "three", "two.a"]


def test_a_plugin_from_another_folder_of_pythons_path(write, tmp_path, monkeypatch):
    write(
        {
            "site/far.py": "import near\nfrom far_package import x",
            "site/near.py": "",
            "site/far_package/__init__.py": "",
        }
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert list(code_of("far").modules) == ["far", "far_package", "near"]
    write({"far.py": "x = 1", "near.py": ""})  # the working directory comes first
    assert list(code_of("far").modules) == ["far"]


def test_an_installed_plugin_does_not_reach_what_is_installed_beside_it(write, tmp_path, monkeypatch):
    write({"site/acme/__init__.py": "", "site/acme/models.py": "import other, acme.parts", "site/acme/parts.py": ""})
    write({"site/other.py": "", "site/acme-1.0.dist-info/METADATA": ""})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert list(code_of("acme.models").modules) == ["acme.models", "acme.parts"]
    assert list(code_of("acme.models", plugins=["other"]).modules) == ["acme.models", "acme.parts", "other"]


def test_an_editable_install_with_a_finder_of_its_own(write, tmp_path, monkeypatch):
    class Finder:
        @staticmethod
        def find_spec(name, path, target=None):
            return spec_from_file_location(name, tmp_path / "src/acme/__init__.py") if name == "acme" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    write({"src/acme/__init__.py": "", "src/acme/models.py": "from . import parts", "src/acme/parts.py": ""})
    assert list(code_of("acme.models").modules) == ["acme.models", "acme.parts"]


def test_a_namespace_package_over_two_folders(write, tmp_path, monkeypatch):
    write({"space/inner/a.py": "from space.inner import b", "site/space/inner/b.py": ""})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert list(code_of("space.inner.a").modules) == ["space.inner.a", "space.inner.b"]


def test_nothing_is_imported(write):
    write({"pkg/__init__.py": "raise SystemExit", "pkg/a.py": "raise SystemExit\nfrom rcn_bench import ops"})
    assert "rcn_bench.ops.recurrent_scan" in code_of("pkg.a").modules
    assert "pkg" not in sys.modules


def test_a_plugin_without_source_is_refused(write, tmp_path):
    write(
        {"whole.py": "x = 1", "fast.cpython-311-x86_64-linux-gnu.so": "", "fast.abi3.so": "", "user.py": "import fast"}
    )
    py_compile.compile("whole.py", cfile="bare.pyc")
    for name, entry, file in [
        ("bare", "bare", tmp_path / "bare.pyc"),
        ("fast", "user", tmp_path / "fast.abi3.so"),
    ]:
        with pytest.raises(InputError) as error:
            code_of(entry)
        expected = f"plugins: {name}: no Python source ({file}), so nobody could tell when it changed; give the .py"
        assert str(error.value).replace("fast.cpython-311-x86_64-linux-gnu.so", "fast.abi3.so") == expected


@pytest.mark.parametrize("name", ["no_such_plugin", "no_such.plugin", "pkg.gone", "pkg.a.b"])
def test_a_plugin_that_is_not_there(write, name):
    write({"pkg/__init__.py": "", "pkg/a.py": ""})
    with pytest.raises(InputError, match=rf"^plugins: cannot find module {name}; it is looked for in the working dir"):
        find_models([name])


@pytest.mark.parametrize(("text", "line"), [("x = 1\ndef f(:\n", ", line 2"), (b"x = '\0'", "")])
def test_a_plugin_that_python_cannot_parse(write, tmp_path, text, line):
    write({"broken.py": text})
    with pytest.raises(InputError) as error:
        code_of("broken")
    assert str(error.value).startswith(f"{tmp_path / 'broken.py'}{line}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("my_plugin.py", "'my_plugin.py' is not the name of a module; write it as Python imports it, my_plugin"),
        ("own/models.py", "'own/models.py' is not the name of a module; write it as Python imports it, own.models"),
        ("", "'' is not the name of a module; write it as Python imports it"),
        (".own", "'.own' is not the name of a module; write it as Python imports it, own"),
        (3, "3 is not the name of a module; write it as Python imports it"),
        ("json", "json is a module of Python's own; give yours another name"),
        ("random", "random is a module of Python's own; give yours another name"),
        ("sys", "sys is a module of Python's own; give yours another name"),
    ],
)
def test_a_plugin_of_an_odd_name(write, name, why):
    write({"random.py": "", "my_plugin.py": ""})
    for use in (load_plugins, find_models):
        with pytest.raises(InputError) as error:
            use([name])
        assert str(error.value) == f"plugins: {why}"


@pytest.fixture
def imports(monkeypatch):
    """What a test imports is forgotten after it."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.mark.usefixtures("imports")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit(0)", "SystemExit: 0; odd_plugin.py, line 1"),
        ("import sys\nsys.exit()", "SystemExit; odd_plugin.py, line 2"),
        ("x = 1\nraise ValueError('boom\\nand more')", "ValueError: boom; odd_plugin.py, line 2"),
        ("import json\n\njson.loads('{')", "JSONDecodeError: Expecting property name enclosed in double quotes: "),
        ("import nowhere_at_all", "No module named 'nowhere_at_all'; odd_plugin.py, line 1"),
        ("def f(:", "SyntaxError: invalid syntax (odd_plugin.py, line 1)"),
        ("import helper_of_odd", "KeyError: 'x'; helper_of_odd.py, line 2"),
    ],
)
def test_a_plugin_that_fails_when_imported_is_one_line(write, text, why):
    write({"odd_plugin.py": text, "helper_of_odd.py": "d = {}\nd['x']"})
    with pytest.raises(InputError) as error:
        load_plugins(["odd_plugin"])
    assert str(error.value).startswith(f"plugins: cannot import odd_plugin ({why}")
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("imports")
def test_a_plugin_with_the_name_of_another_module_that_python_uses(write, tmp_path):
    write({"yaml.py": "x = 1"})
    with pytest.raises(InputError, match=rf"^plugins: yaml \({tmp_path}/yaml.py\): Python uses .*yaml/__init__.py by"):
        load_plugins(["yaml"])


def test_what_a_plugin_refuses_and_what_our_own_code_raises_stay_as_they_are():
    with pytest.raises(InputError, match=r"^mine: no$"), plugin_code("own", "it failed"):
        raise InputError("mine: no")
    with pytest.raises(KeyError), plugin_code("rcn_bench.models.rcn", "it failed"):
        raise KeyError("x")
    with pytest.raises(KeyboardInterrupt), plugin_code("own", "it failed"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from rcn_bench.models import register", "register"),
        ("from rcn_bench.models import register", "register()"),
        ("from rcn_bench.models import register as mark", "mark(specification=None)"),
        ("from rcn_bench.models import registry", "registry.register(trunk=x)"),
        ("from rcn_bench import models", "models.register"),
        ("import rcn_bench.models", "rcn_bench.models.register"),
        ("import rcn_bench.models.registry as r", "r.register"),
        ("from rcn_bench.models import *", "register"),
        ("from own.base import register", "register"),
    ],
)
def test_models_of_plugins_in_every_form_of_the_decorator(write, imports, decorator):
    write({"own/__init__.py": "from .m import net", "own/m.py": f"{imports}\n@{decorator}\ndef net(n): ..."})
    write({"own/base.py": "from rcn_bench.models import register"})
    assert find_models(["own"])["net"] == ModelSource("net", "own.m", None)
    assert "net" not in find_models()


def test_what_is_no_model(write):
    write({"own.py": "import atexit\n@atexit.register\ndef a(): ...\n@local.register\ndef b(): ...\ndef c(): ..."})
    assert find_models(["own"]).keys() == find_models().keys()


def test_a_models_trunk_and_the_trunks_of_plugins(write):
    text = """
        from rcn_bench.models import register
        from rcn_bench.models.network2d import register_trunk
        @register_trunk
        def regnet(): ...
        @register(trunk="regnet")
        def net(n): ...
    """
    write({"own.py": text})
    assert find_models(["own"])["net"].trunk == "regnet"
    assert find_trunks(["own"])["regnet"] == "own"


def test_a_model_registered_twice(write):
    text = "from rcn_bench.models import register\n@register\ndef net(n): ...\n"
    write({"one.py": text, "two.py": text})
    with pytest.raises(InputError, match=r"model net is registered by one and two"):
        find_models(["one", "two"])


def test_products_and_list_formats_of_plugins(write):
    write(
        {
            "own/__init__.py": "from own import claims, lists",
            "own/claims.py": "from rcn_bench.plan import products\n@products.product\nclass Claim: ...",
            "own/lists.py": "from rcn_bench.lists import list_format\n@list_format\ndef read(): ...",
        }
    )
    assert find_products(["own"]) == ["own.claims"]
    assert find_formats(["own"]) == ["own.lists"]
    assert find_products([]) == find_formats([]) == []


def test_what_computes_nothing_is_left_out(write):
    write({"own.py": "import rcn_bench.errors, rcn_bench.plan.run\nfrom rcn_bench import provenance, code, files"})
    assert list(code_of("own").modules) == ["own", "rcn_bench.files"]


def test_the_models_of_the_package_are_found():
    from rcn_bench.models import list_models

    assert sorted(find_models()) == list_models()


def test_a_model_reaches_its_operators_and_no_other_model():
    modules = code_of("rcn_bench.models.rcn").modules
    assert "rcn_bench.ops.recurrent_scan" in modules
    assert "rcn_bench.models.s3d" not in modules
    assert not any(name.startswith(code.NOT_COMPUTING) for name in modules)
