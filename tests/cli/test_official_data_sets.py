"""Data sets as they are published, small, from their own lists and files to an accuracy, through the commands."""

from pathlib import Path

import pytest
import yaml
from broken import number_of, write
from packed import write_packed_avi

from rcn_bench.data.cache.index import Cache
from rcn_bench.engine.build import load_weights
from rcn_bench.lists.formats import read_list
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Evaluation

CONFIGS = Path(__file__).parents[2] / "config"
RUN = "rcn18-t8-xh_random-hh_identity-s0"
SMALL = {
    "pretrained": None,
    "clip": {"crop": 32, "evaluation_clips": 2},
    "train": {"epochs": 1, "frames_per_batch": 32, "autocast": "none", "compile": False, "cuda_graph": False}
    | {"threads": 1, "workers": 0, "schedule": "cosine"},
    "tables": {f"table{number}": None for number in (1, 3, 4, 5)} | {"table2": {"models": ["rcn18"], "frames": 8}},
    "figures": None,
}
SSV2_LABELS = ["Pushing something so that it falls off the table", "Closing something", "Opening something"]


def write_ssv2(folder):
    """Four videos to train on and two to validate on; the labels are not in the order of the alphabet."""
    labels = ", ".join(f'"{label}":"{number}"' for number, label in enumerate(SSV2_LABELS))
    (folder / "labels.json").write_text(f"{{{labels}}}")
    for name, ids in (("train", range(1, 5)), ("validation", range(5, 7))):
        templates = ["Closing [something]", "Pushing [something] so that it falls off the table"]
        entries = [
            f'{{"id":"{id}","label":"closing a box","template":"{templates[id % 2]}","placeholders":["a box"]}}'
            for id in ids
        ]
        (folder / f"{name}.json").write_text("[\n" + ",\n".join(entries) + "\n]")
        for id in ids:
            write(folder / f"{id}.webm", 36 + id, container="webm", codec="libvpx-vp9", codec_options={"cpu-used": "8"})
    return {"train": "train.json", "val": "validation.json"}, [f"{id}.webm" for id in range(1, 5)]


def write_ucf101(folder):
    (folder / "classInd.txt").write_bytes(b"1 HandstandPushups\r\n2 JumpingJack\r\n3 JumpRope\r\n")
    files = {"train": [], "val": []}
    for number, spelling in enumerate(("HandStandPushups", "JumpingJack", "JumpRope"), start=1):
        label = spelling.replace("HandS", "Hands")
        (folder / label).mkdir()
        for split, group in (("val", 1), ("train", 8), ("train", 9)):
            name = f"{label}/v_{spelling}_g{group:02d}_c01.avi"
            write_packed_avi(folder / name, 30 + 10 * number + group)
            files[split].append(f"{name} {number}" if split == "train" else name)
    for name, lines in (("trainlist01", files["train"]), ("testlist01", files["val"])):
        (folder / f"{name}.txt").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    return {"train": "trainlist01.txt", "val": "testlist01.txt"}, [line.split()[0] for line in files["train"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write_data_set", "every", "labels"),
    [
        ("ssv2", write_ssv2, 1, SSV2_LABELS),
        ("ucf101", write_ucf101, 2, ["HandstandPushups", "JumpingJack", "JumpRope"]),
    ],
)
def test_a_data_set_as_published_is_cached_trained_and_evaluated(output, tmp_path, name, write_data_set, every, labels):
    lists, files = write_data_set(tmp_path)
    annotations = {split: str(tmp_path / file) for split, file in lists.items()}
    data = {"annotations": annotations, "videos": str(tmp_path), "short_side": None, "max_bad": 0.0}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL | {"data": data}))
    configs = [CONFIGS / f"{name}.yaml", tmp_path / "small.yaml"]
    options = ("--config", *configs, "--results", tmp_path / "results")
    for split in ("train", "val"):
        told = output("data", "cache", "--split", split, "--workers", "1", *options)
        assert told.startswith(read_list(tmp_path / lists[split], tmp_path).summary + "\n")
    experiment = load_experiment(configs, tmp_path / "results")
    cache = Cache(experiment.paths.cache("train"))
    assert cache.labels == labels
    assert len(cache.videos) == len(files)
    for video in cache.videos:
        frames = cache.frames(video)
        assert [number_of(frame) for frame in frames] == list(range(0, every * len(frames), every))
    output("train", RUN, *options)
    output("evaluate", RUN, *options)
    paths, run = experiment.paths, Run.parse(RUN)
    assert load_weights(paths.weights(run)).card.labels == labels
    assert Evaluation.read_of(paths.evaluation(run), RUN).videos_used == len(
        read_list(tmp_path / lists["val"], tmp_path)
    )
