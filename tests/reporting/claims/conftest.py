"""Many small records, which need not outlive a power cut."""

import pytest

from rcn_bench import files


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch):
    monkeypatch.setattr(files, "_sync", lambda *_: None)
