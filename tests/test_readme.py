"""What the README shows must run as it stands."""

import csv
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
import yaml

from rcn_bench import cli
from rcn_bench.analysis.cost import count_gmacs
from rcn_bench.engine.build import build_model
from rcn_bench.models import list_models, registry, specification
from rcn_bench.plan.config import check_config
from rcn_bench.plan.run import Run

README = Path("README.md").read_text()
PAGES = [Path("README.md"), *sorted(Path("docs").glob("*.md")), *sorted(Path("results").glob("**/README.md"))]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run_block(part):
    """The names that the only Python block with this part in it leaves behind."""
    (shown,) = [block for block in blocks("python") if part in block]
    names = {}
    exec(shown, names)
    return names


def test_models_are_used_as_shown():
    names = run_block("logits = model(")
    assert names["logits"].shape == (2, 400)
    assert names["frames"].shape == (2, 8, 400)


def test_models_are_listed_as_shown():
    (shown,) = re.findall(r'list_models\("rcn\*"\)  # (.*)', README)
    assert shown == str([name for name in list_models("rcn*") if specification(name)])


def test_causality_of_every_model_is_as_its_specification_claims():
    shown = {
        name: verdict == "yes"
        for names, verdict in re.findall(r"^\| `([a-z0-9_ ]+)` \|.*\| (yes|no)\b[^|]*\|$", README, re.MULTILINE)
        for name in names.split()
    }
    claimed = {name: specification(name) for name in list_models()}  # other tests register models without claims
    assert shown == {name: claims.causal for name, claims in claimed.items() if claims}


def test_live_video_is_stepped_through_as_shown():
    names = run_block("initial_state")
    assert names["logits"].shape == (2, 3, 400)


def test_other_networks_are_turned_into_video_networks_as_shown(fixed_seed_and_one_thread):
    names, clip = run_block("resnext50_32x4d"), torch.randn(1, 3, 4, 32, 32)
    for kind in ("rcn", "causal", "i3d"):
        net = names[kind].eval()
        with torch.inference_mode():
            assert net(clip).shape == (1, 1000)
            assert not torch.equal(net(clip), net(clip.flip(2))), f"{kind} ignores the order of frames"


INPUTS = "config|annotations|weights"  # without any of them a command in a sentence is only a part of one


def commands():
    for page in PAGES:
        text = page.read_text()
        shown = re.findall(r"^rcn-bench .*", text, re.MULTILINE)
        for command in shown + re.findall(rf"`(rcn-bench [^`]*--(?:{INPUTS}) [^`]*)`", text):
            yield pytest.param(command, id=f"{page.name}: {command}")


@pytest.mark.parametrize("command", list(commands()))
def test_commands_are_known(command):
    cli.build_parser().parse_args(shlex.split(command.replace("\n", " "), comments=True)[1:])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    """The experiment of the README's own model, in a folder that holds its module."""
    (module,) = [block for block in blocks("python") if "@register" in block]
    (tmp_path / "my_models.py").write_text(module)
    (keys,) = [block for block in blocks("yaml") if "plugins" in block]
    config = yaml.safe_load(Path("config/mini.yaml").read_text())
    added = yaml.safe_load(keys)
    config |= {"plugins": added["plugins"], "models": config["models"] | added["models"]}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))  # registered for this test alone
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    return check_config(config, "README.md", tmp_path)


def test_own_model_is_added_as_shown(own_model):
    torch.manual_seed(0)
    net = build_model(Run("rcn_regnet", 8, "random"), own_model, 5).eval()
    clip = torch.randn(1, 3, 4, 32, 32)
    assert net(clip).shape == (1, 5)
    assert not torch.equal(net(clip), net(clip.flip(2)))
    assert count_gmacs(net, clip) > 0


def test_own_model_is_certified_as_shown(own_model, capsys):
    assert cli.main(["certify", "rcn_regnet", "--frames", "4", "--plugin", "my_models"]) == 0
    assert capsys.readouterr().out.startswith("rcn_regnet: causal")


def test_the_first_table_is_that_of_the_kept_results():
    with Path("results/reference/mini/tables/table1_init.csv").open(newline="") as file:
        kept = list(csv.DictReader(file))
    shown = re.findall(r"^\| (random|stills) \| (random|identity) \| (.+) \|$", README, re.MULTILINE)
    assert shown == [
        (
            row["w_xh"],
            row["w_hh"],
            f"{float(row['video acc %']):.1f} ({float(row['video acc 95 % interval low']):.1f}-"
            f"{float(row['video acc 95 % interval high']):.1f}) | {float(row['paper, on Kinetics: video acc %']):.1f}",
        )
        for row in kept
    ]
