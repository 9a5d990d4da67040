"""Modules of a user's own that register models and trunks, for one test alone."""

import importlib
import sys
import textwrap

import pytest

from rcn_bench.models import network2d, registry


@pytest.fixture
def own_registry(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    monkeypatch.setattr(network2d, "_REGISTERED", dict(network2d._REGISTERED))


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
