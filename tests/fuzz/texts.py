"""What people and other programs write: lists of videos, reports, configs."""

import csv
import io
import zlib
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from official import DIVING48, HMDB51, JESTER, KINETICS, MMACTION2, SLOWFAST, SOMETHING_V1, SOMETHING_V2, UCF101

from fuzz.damage import Reader
from fuzz.mutate import other_values
from rcn_bench.data.findings import Finding, read_report, writing_report
from rcn_bench.data.lengths import Lengths
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.lookup import Lookup
from rcn_bench.plan.config import load_experiment

PATHS = {"a.csv": b'path,label,start,end,group\na/b.mp4,"walk, fast",0.5,2,g\nc.mp4,run,,,\n'}
FRAMES = {"a.csv": b"path;label;start_frame;end_frame\r\na/b.mp4;walk;0;12\r\na/b.mp4;run;12;\r\n"}
SMALL_CONFIG = b"""base: other.yaml
name: small
train: &train {epochs: 2, lr: 0.1}
seeds: [0, 1]
"""


def video_list(folder: Path, title: str, case: tuple[dict[str, bytes], str, str]) -> Reader:
    files, name, damaged = case
    for each, content in files.items():
        (folder / each).write_bytes(content)

    def read() -> Any:
        """As far as a check goes before it decodes."""
        videos = read_list(folder / name, folder)
        lookup = Lookup(folder, videos)
        lengths = Lengths((video, 1.0) for video in videos)
        places = [(lookup.path(video), lookup.instead(video), lengths.missing(video, 1.0)) for video in videos]
        return list(videos), videos.labels, videos.summary, places

    return Reader(title, (files[damaged],), folder / damaged, read, share=60)


def report(folder: Path) -> Reader:
    path = folder / "check.csv"
    with writing_report(path) as write:
        for number in range(3):
            write(Finding(f"a {number}", "walk", "ok", f"a{number}.mp4", "ok", "", 3, 3, 4, 4, 0.5, 99, 7, "abc", "1"))
    known = read_report(path)

    def read() -> Any:
        """A row that has changed is left out; all others are as they were."""
        return known | read_report(path)

    def remake(example: bytes, rng: Random) -> bytes:
        rows = list(csv.reader(io.StringIO(example.decode(), newline="")))
        row = rng.choice(rows[1:])
        others = other_values(row[:-1], rng)
        others = list(map(str, others if isinstance(others, list) else [others]))
        content = "\0".join(others).encode(errors="surrogateescape")
        row[:] = [*others, f"{zlib.crc32(content):08x}"]
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue().encode(errors="surrogateescape")

    return Reader("report", (path.read_bytes(),), path, read, remake, share=200)


def config(folder: Path) -> Reader:
    path = folder / "a.yaml"
    base = Path("config/smoke.yaml").read_bytes()
    (folder / "other.yaml").write_bytes(base)
    (folder / "mini.yaml").write_bytes(Path("config/mini.yaml").read_bytes())
    return Reader("config", (SMALL_CONFIG,), path, lambda: load_experiment([path]).config, share=60)


LISTS = {  # the files, the list to read and which file is damaged
    "paths": (PATHS, "a.csv", "a.csv"),
    "paths, spans in frames": (FRAMES, "a.csv", "a.csv"),
    "kinetics": (KINETICS, "k400.csv", "k400.csv"),
    "kinetics_json": (KINETICS, "validate.json", "validate.json"),
    "something_v1": (SOMETHING_V1, "something-something-v1-train.csv", "something-something-v1-train.csv"),
    "something_v1, its labels": (SOMETHING_V1, "something-something-v1-train.csv", "something-something-v1-labels.csv"),
    "something_v2": (SOMETHING_V2, "train.json", "train.json"),
    "something_v2, its labels": (SOMETHING_V2, "train.json", "labels.json"),
    "jester": (JESTER, "jester-v1-train.csv", "jester-v1-train.csv"),
    "ucf101": (UCF101, "trainlist01.txt", "trainlist01.txt"),
    "ucf101, its classes": (UCF101, "trainlist01.txt", "classInd.txt"),
    "hmdb51": (HMDB51, "train1", "clap_test_split1.txt"),
    "diving48": (DIVING48, "Diving48_V2_train.json", "Diving48_V2_train.json"),
    "blank_separated": (MMACTION2, "ucf101_val_split_1_rawframes.txt", "ucf101_val_split_1_rawframes.txt"),
    "blank_separated, of SlowFast": (SLOWFAST, "val.csv", "val.csv"),
}
READERS = {
    **{f"list {name}": partial(video_list, title=f"list {name}", case=case) for name, case in LISTS.items()},
    "report": report,
    "config": config,
}
