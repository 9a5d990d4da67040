"""Experiments that differ from config/mini.yaml in a key or two."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from changes import MISSING, with_changes

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config
from rcn_bench.plan.experiment import Experiment

CONFIGS = Path(__file__).parents[2] / "config"
MINI = yaml.safe_load((CONFIGS / "mini.yaml").read_text())
SMOKE = yaml.safe_load((CONFIGS / "smoke.yaml").read_text())

RANDOM, STILLS, IMAGENET = (f"rcn18-t8-xh_{w_xh}-hh_identity-s0" for w_xh in ("random", "stills", "imagenet"))


def changed(key: str, value: Any, config: dict = MINI) -> dict:
    """A config (mini) with another value at a dotted key, or without that key."""
    return with_changes(config, {key: value})


def experiment(changes: dict[str, Any] | None = None, config: dict = MINI) -> Experiment:
    return check_config(with_changes(config, changes or {}), "some/config.yaml")


def imagenet(changes: dict[str, Any] | None = None) -> Experiment:
    """Mini with runs from ImageNet in the place of those from stills."""
    starts = {f"models.{name}.w_xh": ["random", "imagenet"] for name in MINI["models"] if name != "r2plus1d18"}
    return experiment({"pretrained": "imagenet", "pretrain": MISSING, **starts, **(changes or {})})


def refusal(config: Any) -> str:
    """The message for a bad config, without the name of its file."""
    with pytest.raises(InputError) as error:
        check_config(config, "some/config.yaml")
    message = str(error.value)
    assert message.startswith("some/config.yaml: ")
    assert "\n" not in message
    return message.removeprefix("some/config.yaml: ")
