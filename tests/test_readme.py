"""What the README shows must run as it stands."""

import re
import shlex
import sys
from pathlib import Path
from statistics import mean

import pytest
import torch
import yaml
from kept_results import kept_rows

from rcn_bench import cli
from rcn_bench.analysis.cost import count_gmacs
from rcn_bench.engine.build import build_model
from rcn_bench.models import list_models, registry, specification
from rcn_bench.plan.config import check_config
from rcn_bench.plan.run import Run

README = Path("README.md").read_text()
SENTENCES = " ".join(README.split())
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


@pytest.mark.slow
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
        text = page.read_text().replace("\\\n", "")  # a line that goes on in the next
        shown = re.findall(r"^rcn-bench .*", text, re.MULTILINE)
        for command in shown + re.findall(rf"`(rcn-bench [^`]*--(?:{INPUTS}) [^`]*)`", text):
            yield pytest.param(command, id=f"{page.name}: {command}")


@pytest.mark.parametrize("command", list(commands()))
def test_commands_are_known(command):
    cli.build_parser().parse_args(shlex.split(command.replace("\n", " "), comments=True)[1:])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


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


def interval(row):
    accuracy, low, high = (float(row[f"video acc {name}"]) for name in ("%", "95 % interval low", "95 % interval high"))
    return f"{accuracy:.1f} ({low:.1f}-{high:.1f})"


def test_the_first_table_is_that_of_the_kept_results():
    after_10 = [row for row in kept_rows("standard/figures/learning_curves.csv") if row["epoch"] == "10"]
    expected = []
    for row, small in zip(*(kept_rows(f"{tree}/tables/table1_init.csv") for tree in ("standard", "mini")), strict=True):
        start = {"model": "rcn18", "frames": "8", "w_xh": row["w_xh"], "w_hh": row["w_hh"]}
        fitted = [float(each["accuracy"]) for each in after_10 if start.items() <= each.items()]
        assert len(fitted) == 5
        paper = f"{float(row['paper, on Kinetics: video acc %']):.1f}"
        cells = [row["w_xh"], row["w_hh"], interval(row), f"{100 * mean(fitted):.1f}", interval(small), paper]
        expected.append(f"| {' | '.join(cells)} |")
    assert re.findall(r"^\| (?:random|stills) \| .*$", README, re.MULTILINE) == expected


def test_the_ages_told_of_are_those_of_the_kept_results():
    rows = kept_rows("standard/figures/lifetime.csv")
    right = {
        (row["model"], row["age"]): 100 * float(row["accuracy"])
        for row in rows
        if row["way"] == "last" and row["frames"] == "8"
    }
    young, old = right["rcn18", "8"], right["rcn18", "32"]
    assert f"has {young:.1f} % right at an age of 8 frames and {old:.1f} % at 32" in SENTENCES


def test_what_the_cure_came_to_is_that_of_the_kept_results():
    longer = kept_rows("longer/figures/lifetime.csv")
    wanted = {"model": "rcn18+carried", "way": "last", "age": "128"}
    (row,) = [row for row in longer if wanted.items() <= row.items()]
    change, low, high = (100 * float(row[name]) for name in ("change", "change_95_low", "change_95_high"))
    assert f"changes by {change:+.1f} points at sixteen times ({low:+.1f} to {high:+.1f})" in SENTENCES
    without, cured = (float(row["video acc %"]) for row in kept_rows("longer/tables/table2_architectures.csv"))
    assert f"({cured:.1f} against {without:.1f} %)" in SENTENCES
    short = {row["model"]: float(row["video acc %"]) for row in kept_rows("standard/tables/table2_architectures.csv")}
    assert f"after 450 it is {short['rcn18'] - short['rcn18+carried']:.0f} points behind" in SENTENCES


def test_what_else_moves_accuracy_is_that_of_the_kept_results():
    (without_pool,) = kept_rows("no_pool/tables/table2_architectures.csv")
    with_pool = kept_rows("standard/tables/table1_init.csv")[1]
    trained, frozen = kept_rows("frozen/tables/table2_architectures.csv")
    told = [float(row["video acc %"]) for row in (without_pool, with_pool, frozen, trained)]
    assert "RCN-18 has {:.1f} % from random weights, where it has {:.1f} with it".format(*told) in SENTENCES
    assert "batch norm frozen {:.1f} %, where it has {:.1f} at the same learning rate".format(*told[2:]) in SENTENCES


def test_the_effects_told_of_are_those_of_the_kept_claims():
    claims = {row["claim"]: row for row in kept_rows("standard/tables/claims.csv")}
    for claim, told in {
        "init-identity": "identity from stills is {below:.1f} points below random ({low:.1f} to {high:+.1f})",
        "clip-length": "is undecided ({effect:.1f} points, {low:.1f} to {high:+.1f})",
        "state-lifetime": "({effect:.1f} points at sixteen times the training length, {low:.1f} to {high:.1f};",
    }.items():
        row = claims[claim]
        low, high = (float(row[f"effect 95 % interval {end}"]) for end in ("low", "high"))
        effect = float(row["effect"])
        assert told.format(effect=effect, below=-effect, low=low, high=high) in SENTENCES
