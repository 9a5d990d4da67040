"""The plan as an object: what it starts, which config its jobs read, what their shell finds, how lists are counted."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from experiments import CONFIGS, MINI, with_changes
from light import light_environment
from official import HMDB51, SOMETHING_V2, UCF101, write_lists

from rcn_bench.errors import InputError
from rcn_bench.plan.dataset import OwnVideos
from rcn_bench.plan.workflow import Workflow

SMOKE = CONFIGS / "smoke.yaml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def passing_check(monkeypatch):
    """In place of the process that loads torch; the commands that were asked for."""
    asked = []

    def run(command, **_):
        asked.append(command)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def own_config(rows, name="own"):
    """A config of random weights on lists with so many videos, in 480 shards and one."""
    for split, count in (("train", rows), ("val", 2)):
        lines = "".join(f"{number:06d}.mp4,{number % 4}\n" for number in range(count))
        Path(f"{split}-{rows}.csv").write_text("path,label\n" + lines)
    data = {
        "annotations": {split: f"{split}-{rows}.csv" for split in ("train", "val")},
        "videos": "videos",
        "shard_videos": max(rows // 480, 1),
    }
    starts = {f"models.{model}.w_xh": ["random"] for model in MINI["models"]}
    config = with_changes(MINI, {"name": name, "pretrained": None, "pretrain": None, "data": data, **starts})
    Path(f"{name}.yaml").write_text(yaml.safe_dump(config))
    return f"{name}.yaml"


# What is started


def test_config_is_written_once_the_check_has_passed(passing_check):
    plan = Workflow([SMOKE], {"seeds": [1]})
    assert not Path("results").exists()
    plan.start()
    ((*_, written),) = passing_check
    assert written.endswith("config.yaml")
    for path in (plan.config_file, Path("results/smoke/config.yaml")):
        assert yaml.safe_load(path.read_text()) == plan.experiment.config
    assert yaml.safe_load(plan.config_file.read_text())["seeds"] == [1]


def test_nothing_is_left_when_the_check_fails(monkeypatch):
    def run(command, **_):
        return SimpleNamespace(returncode=2, stderr=f"rcn-bench: {command[-1]}: models.rcn18: cannot be\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(InputError) as error:
        Workflow([SMOKE], {"seeds": [1]}).start()
    assert str(error.value) == f"{SMOKE} + --config: models.rcn18: cannot be"
    assert not Path("results").exists()


def test_leftovers_are_told_at_the_start(passing_check, capsys):
    Workflow([SMOKE], {"weights_files": {"resnet18": "weights.pth"}}).start()
    assert capsys.readouterr().err.startswith("weights_files.resnet18: nothing uses it")


def test_jobs_of_two_plans_read_their_own_configs(passing_check):
    first, second = Workflow([SMOKE]), Workflow([SMOKE], {"seeds": [1]})
    for each in (first, second):
        each.start()
        each.end()
    assert first.config_file.parent == Path("results/smoke/plans")
    assert first.config_file != second.config_file
    assert yaml.safe_load(first.config_file.read_text())["seeds"] == [0]
    assert yaml.safe_load(second.config_file.read_text())["seeds"] == [1]
    assert str(first.config_file) in first.shell_prefix
    assert Workflow([SMOKE]).config_file == first.config_file
    again = Workflow([first.config_file])
    assert again.config_file == first.config_file


@pytest.mark.parametrize("folder", ["plain", "it's a folder", "a {brace}", 'a "quote" $HOME'])
def test_jobs_find_this_environments_commands_wherever_it_lies(tmp_path, folder):
    python = light_environment(tmp_path / folder / "environment")
    code = (
        "import sys\n"
        "from rcn_bench.plan.workflow import Workflow\n"
        f"prefix = Workflow([{str(SMOKE)!r}]).shell_prefix\n"
        "sys.stdout.write(prefix.format())\n"  # as Snakemake does
    )
    prefix = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    command = prefix + "command -v rcn-bench; echo $CONFIG"
    told = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[0] == str(python.parent / "rcn-bench")
    assert told.stdout.splitlines()[1].startswith("results/smoke/plans/")


# Lists


def test_a_list_whose_hash_is_known_is_not_read(passing_check, monkeypatch):
    config = own_config(960)
    Workflow([config]).start()

    def read(*_):
        raise AssertionError("read")

    monkeypatch.setattr(OwnVideos, "count", read)
    assert Workflow([config]).shards == {"train": 480, "val": 1}
    with Path("train-960.csv").open("a") as file:
        file.write("another.mp4,0\n")
    with pytest.raises(AssertionError, match="read"):
        Workflow([config])


@pytest.mark.parametrize("content", ["", "[]", '{"a": "b"}', '{"a": 1'])
def test_counts_that_cannot_be_read_are_counted_anew(content):
    config = own_config(960)
    plans = Path("results/own/plans")
    plans.mkdir(parents=True)
    (plans / "lists.json").write_text(content)
    assert Workflow([config]).shards == {"train": 480, "val": 1}


def test_a_plan_alone_leaves_nothing_behind():
    Workflow([own_config(960)])
    assert not Path("results").exists()


def test_a_list_that_is_not_there_is_planned_as_one_shard():
    config = own_config(960)
    Path("train-960.csv").unlink()
    plan = Workflow([config])
    assert plan.shards == {"train": 1, "val": 1}
    assert plan.lists(SimpleNamespace(split="train")) == []
    assert plan.lists(SimpleNamespace(split="val")) == [Path("val-960.csv")]


def official(name, files, **annotations):
    """The shipped config of a data set, with a few lines of its own lists and a shard a video."""
    write_lists(Path("lists"), files)
    lists = {split: f"lists/{file}" for split, file in annotations.items()}
    Path("own.yaml").write_text(yaml.safe_dump({"data": {"annotations": lists, "shard_videos": 1}}))
    return Workflow([CONFIGS / f"{name}.yaml", "own.yaml"])


@pytest.mark.parametrize(
    ("name", "files", "train", "val", "beside", "shards"),
    [
        ("ssv2", SOMETHING_V2, "train.json", "validation.json", "labels.json", (2, 1)),
        ("ucf101", UCF101, "trainlist01.txt", "testlist01.txt", "classInd.txt", (4, 2)),
    ],
)
def test_a_data_set_is_planned_from_its_own_lists(passing_check, name, files, train, val, beside, shards):
    plan = official(name, files, train=train, val=val)
    assert (plan.shards["train"], plan.shards["val"]) == shards
    assert plan.lists(SimpleNamespace(split="val")) == [Path(f"lists/{file}") for file in (train, beside, val)]
    plan.start()
    Path("lists", beside).unlink()
    with pytest.raises(InputError, match=f"{beside}: not there; it comes with the lists"):
        official(name, {}, train=train, val=val)  # what it said of the classes counts, though the list is the same


def test_a_list_of_many_files_is_planned_by_their_content(passing_check, monkeypatch):
    write_lists(Path("lists"), HMDB51)
    data = {"annotations": {"train": "lists/train1", "val": "lists/test1"}, "shard_videos": 1, "format": "hmdb51"}
    Path("own.yaml").write_text(yaml.safe_dump({"base": str(CONFIGS / "kinetics.yaml"), "data": data}))
    plan = Workflow(["own.yaml"])
    assert plan.shards == {"train": 3, "val": 2}
    assert len(plan.lists(SimpleNamespace(split="val"))) == 2
    plan.start()
    monkeypatch.setattr(OwnVideos, "count", lambda self, split: pytest.fail("it is read again"))
    assert Workflow(["own.yaml"]).shards == {"train": 3, "val": 2}


def test_class_folders_are_known_by_the_names_of_their_files():
    def identity():
        return Workflow(["own.yaml"]).identity("cache", "split")(SimpleNamespace(split="val"))

    own_config(960)
    config = yaml.safe_load(Path("own.yaml").read_text())
    config["data"]["annotations"]["val"] = "videos/val"
    Path("own.yaml").write_text(yaml.safe_dump(config))
    for name in ("up/a.mp4", "down/b.mp4"):
        path = Path("videos/val") / name
        path.parent.mkdir(parents=True)
        path.touch()
    before = identity()
    assert identity() == before
    Path("videos/val/down/c.mp4").touch()
    assert identity() != before


def test_planning_loads_neither_torch_nor_pandas_nor_snakemake():
    code = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from rcn_bench.plan.workflow import Workflow\n"
        f"plan = Workflow([{str(CONFIGS / 'mini.yaml')!r}])\n"
        "for run in plan.runs:\n"
        "    plan.identity('train', 'run')(SimpleNamespace(run=run.name))\n"
        "for name in plan.names('table'):\n"
        "    plan.identity('table', 'table')(SimpleNamespace(table=name))\n"
        "assert not {'torch', 'pandas', 'numpy', 'snakemake'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
