"""What the README shows must run as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from rcn_bench.analysis.cost import count_gmacs
from rcn_bench.config import load_config
from rcn_bench.engine.build import build_model
from rcn_bench.experiment import Run
from rcn_bench.layout import Layout

README = Path("README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_models_are_used_as_shown():
    (shown,) = [block for block in blocks("python") if "create_model" in block]
    subprocess.run([sys.executable, "-c", shown], check=True)


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    """The config of the README's own model, in a folder that holds its module."""
    (module,) = [block for block in blocks("python") if "@register" in block]
    (tmp_path / "my_models.py").write_text(module)
    (keys,) = [block for block in blocks("yaml") if "plugins" in block]
    config = load_config("config/mini.yaml")
    added = yaml.safe_load(keys)
    config |= {"plugins": added["plugins"], "models": config["models"] | added["models"]}
    monkeypatch.chdir(tmp_path)
    return config


def test_own_model_is_added_as_shown(own_model, tmp_path):
    torch.manual_seed(0)
    net = build_model(Run("rcn_regnet", 8, "random"), own_model, Layout(tmp_path), 5).eval()
    clip = torch.randn(1, 3, 4, 32, 32)
    assert net(clip).shape == (1, 5)
    assert not torch.equal(net(clip), net(clip.flip(2)))
    assert count_gmacs(net, clip) > 0
