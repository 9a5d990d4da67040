"""Every file that docs/extending.md shows, used from a folder of its own as a user would."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from provokers.user import forgetting
from safetensors.torch import save_file

from rcn_bench.code import find_formats, find_models, find_products
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.products import all_runs, products_of

REPOSITORY = Path(__file__).parents[1]
SHOWN = re.findall(
    r"```(?:python|yaml)\n# ([a-z_]+\.(?:py|yaml)).*?\n(.*?)```",
    (REPOSITORY / "docs/extending.md").read_text(),
    re.DOTALL,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files of the page, with the shipped configs beside them."""
    for name, text in SHOWN:
        (tmp_path / name).write_text(text)
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    with forgetting(monkeypatch):
        yield tmp_path


def rcn_bench(*arguments):
    command = [sys.executable, "-m", "rcn_bench.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_shows_a_file_for_each_kind(folder):
    assert [name for name, _ in SHOWN] == [
        "own.yaml", "my_models.py", "my_table.py", "my_figure.py", "my_lists.py", "my_videos.yaml",
    ]  # fmt: skip
    plugins = [Path(name).stem for name, _ in SHOWN if name.endswith(".py")]
    assert {"rcn_regnet", "rcn_pocket"} < set(find_models(plugins))
    assert find_products(plugins) == ["my_figure", "my_table"]
    assert find_formats(plugins) == ["my_lists"]


def test_the_experiment_trains_what_its_own_products_show(folder):
    products = products_of(load_experiment(["own.yaml"]))
    assert {"my_seeds", "my_epochs", "table2_architectures"} < set(products)
    runs = {run.name for run in all_runs(products.values())}
    assert "rcn_regnet-t8-xh_random-hh_identity-s0" in runs
    assert "rcn_pocket-t8-xh_stills-hh_identity-s0" in runs


@pytest.mark.slow
def test_the_experiment_is_planned_with_stills_of_its_own_trunks(folder):
    command = [sys.executable, "-m", "snakemake", "-n", "-s", str(REPOSITORY / "Snakefile"), "--configfile", "own.yaml"]
    planned = subprocess.run([*command, "--", "all"], capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    for made in (
        "pretrained/pocket-stills.safetensors",
        "pretrained/regnet_y_400mf-stills.safetensors",
        "tables/my_seeds.md",
        "figures/my_epochs.png",
    ):
        assert f"results/own/{made}" in planned.stdout


@pytest.mark.parametrize(("model", "trunk"), [("rcn_pocket", "pocket"), ("rcn_regnet", "regnet_y_400mf")])
def test_a_models_trunk_starts_from_stills_and_from_imagenet(folder, own_registry, model, trunk, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    import my_models  # noqa: F401 - registers the models

    from rcn_bench.models import create_model
    from rcn_bench.models.network2d import network2d

    weights = {key: value.contiguous() for key, value in network2d(trunk, 5).state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    torch.save(weights, folder / "pocket-imagenet.pth")
    sources = {"stills": "weights.safetensors", "imagenet": None if trunk == "pocket" else "weights.safetensors"}
    for w_xh, file in sources.items():
        net = create_model(model, 3, w_xh=w_xh, weights_file=file)
        first = next(iter(weights))
        assert any(torch.equal(value, weights[first]) for value in net.state_dict().values())
        assert net(torch.randn(1, 3, 4, 32, 32)).shape == (1, 3)


def test_a_list_of_a_format_of_ones_own_is_read(folder):
    (folder / "train.jsonl").write_text('{"file": "a.mp4", "class": "up"}\n{"file": "b.mp4", "class": "down"}\n')
    (folder / "val.jsonl").write_text('{"file": "c.mp4", "class": "up"}\n')
    experiment = load_experiment(["my_videos.yaml"])
    assert [(video.id, video.label) for video in experiment.dataset.listed("train")] == [
        ("a.mp4", "up"),
        ("b.mp4", "down"),
    ]


@pytest.mark.slow
def test_the_table_and_the_figure_are_made_from_runs(folder):
    """The whole road, of the smallest experiment that has them."""
    config = yaml.safe_load((folder / "own.yaml").read_text()) | {"base": "config/smoke.yaml"}
    config["tables"] = {"my_seeds": {"models": ["rcn_pocket"], "frames": 8}}
    config["tables"] |= dict.fromkeys(["table1", "table2", "table3", "table4", "table5", "league", "trainings"])
    config["figures"] = {"my_epochs": {"models": ["rcn_pocket"], "frames": 8}, "figure2": None, "online_accuracy": None}
    config["plugins"] = ["my_models", "my_table", "my_figure"]
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "-s", str(REPOSITORY / "Snakefile"), "--configfile"]
    made = subprocess.run([*command, "small.yaml", "--", "all"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    table = (folder / "results/own/tables/my_seeds.csv").read_text()
    assert table.startswith("model,seed,video acc %\n")
    assert "rcn_pocket,0," in table
    assert (folder / "results/own/figures/my_epochs.png").stat().st_size > 1000
    assert "my_table" in rcn_bench("depends", "table", "my_seeds", "--config", "small.yaml")
