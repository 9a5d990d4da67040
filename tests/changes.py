"""Configs with other values."""

import copy
from typing import Any

MISSING = object()


def with_changes(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A config with other values at dotted keys, such as train.lr, or without those that are MISSING."""
    config = copy.deepcopy(config)
    for key, value in changes.items():
        *path, last = key.split(".")
        part = config
        for name in path:
            part = part.setdefault(name, {})
        if value is MISSING:
            del part[last]
        else:
            part[last] = value
    return config
