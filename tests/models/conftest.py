"""Modules of a user's own that register models and trunks, for one test alone."""

import importlib
import sys
import textwrap

import pytest


@pytest.fixture
def plugin(own_registry, tmp_path, monkeypatch):
    """A function that writes a module of a user's and imports it, as naming it under ``plugins`` does."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(source, name="my_models"):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    sys.modules.pop("my_models", None)
