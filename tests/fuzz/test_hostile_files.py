"""Files that are made to harm: code in them is not executed, none leads out of its folder, none takes all memory."""

import hashlib
import io
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rcn_bench.cli import main
from rcn_bench.code import Code
from rcn_bench.data.check import check_videos
from rcn_bench.engine.pretrain import read_stills
from rcn_bench.engine.resume import MARK, resume
from rcn_bench.errors import InputError, one_line, reason, refusing, shown
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.lookup import Lookup
from rcn_bench.models.init import read_state_dict
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.sections import Digits
from rcn_bench.plan.stages import Dependencies


class Canary:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "sang"
    pickle.loads(pickle.dumps(Canary(path)))
    assert path.exists()  # else it could not show anything
    path.unlink()
    yield path
    assert not path.exists()


def test_no_code_in_weights_is_executed(tmp_path, canary):
    torch.save({"a": torch.ones(2), "b": Canary(canary)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth"):
        read_state_dict(tmp_path / "w.pth")


def test_no_code_in_a_checkpoint_is_executed(tmp_path, canary):
    buffer = io.BytesIO()
    torch.save({"identity": Canary(canary)}, buffer)
    (tmp_path / "a.pt").write_bytes(MARK + hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    with pytest.raises(InputError, match=r"a\.pt: not a checkpoint"):
        resume(tmp_path / "a.pt", Dependencies({}, Code({}), {}), {})


def test_no_code_in_stills_is_executed(tmp_path, canary):
    digits = Digits([1, 2], 16, 8, 8, 4, 4, 10, 0, (0.1, 0.2), 0)
    np.savez(tmp_path / "stills.npz", train_images=np.array([Canary(canary)], dtype=object))
    with pytest.raises(InputError, match=r"stills\.npz: not the stills of these digits"):
        read_stills(tmp_path / "stills.npz", digits)


def test_no_code_in_a_config_is_executed(tmp_path, canary):
    path = f"!!python/object/apply:pathlib.Path [{canary}]"
    text = f"name: a\ndata: !!python/object/apply:pathlib.Path.touch [{path}]\n"
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=r"a\.yaml: not YAML"):
        load_experiment([tmp_path / "a.yaml"])


# Configs without an end


def anchors(many, one):
    """Ten values of ten values of ten ..."""
    return f"a0: &a0 {one}\n" + "".join(f"a{n}: &a{n} {many(n)}\n" for n in range(1, 12))


ENDLESS = {
    "lists of lists": anchors(lambda n: "[" + ",".join([f"*a{n - 1}"] * 10) + "]", "[1]"),
    "objects of objects": anchors(lambda n: "{" + ",".join(f"k{i}: *a{n - 1}" for i in range(10)) + "}", "{k: 1}"),
    "merged objects": anchors(lambda n: "{<<: [" + ",".join([f"*a{n - 1}"] * 10) + "]}", "{k: 1}"),
    "deep lists": "a: " + "[" * 3000 + "]" * 3000,
    "deep objects": "a: " + "{a: " * 3000 + "1" + "}" * 3000,
    "long": "a: 1 # " + "x" * 10**6,
    "itself": "a: &a [*a]",
    "NUL in a text": 'name: "a\\0b"',
    "long number": "a: " + "9" * 5000,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_config_without_an_end_is_a_line_at_once(tmp_path, kind):
    (tmp_path / "a.yaml").write_text(ENDLESS[kind])
    refused_at_once(tmp_path / "a.yaml")


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "link to itself"])
def test_a_config_that_is_no_file_is_a_line_at_once(tmp_path, kind):
    path = tmp_path / "a.yaml"
    {
        "device": lambda: path.symlink_to("/dev/zero"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "link to itself": lambda: path.symlink_to(path),
    }[kind]()
    refused_at_once(path)
    (tmp_path / "b.yaml").write_text("base: a.yaml")
    refused_at_once(tmp_path / "b.yaml")


def test_a_long_chain_of_bases_is_a_line_at_once(tmp_path):
    for number in range(2000):
        (tmp_path / f"{number}.yaml").write_text(f"base: {number + 1}.yaml\n")
    assert "more than 10 below each other" in refused_at_once(tmp_path / "0.yaml")


def refused_at_once(path):
    began = time.process_time()
    with pytest.raises(InputError) as error:
        load_experiment([path])
    assert time.process_time() - began < 5
    line = one_line(error.value)
    assert str(path.parent) in line
    assert line.isprintable()
    return line


# Lists that lead elsewhere


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../a.mp4", "a/../../b.mp4", "..\\a.mp4", "\\a.mp4", "C:\\a.mp4", "C:/a.mp4", "a/..", ".."],
)
def test_no_text_of_a_list_leads_out_of_the_folder(tmp_path, path):
    (tmp_path / "a.csv").write_text(f"path,label\n{path},walk\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2: .* leaves the folder of videos"):
        read_list(tmp_path / "a.csv", tmp_path)


@pytest.fixture
def linked(tmp_path):
    """A file, a link to it, a folder behind a link, and a link out of the folder of videos."""
    root, other = tmp_path / "videos", tmp_path / "other"
    (root / "walk").mkdir(parents=True)
    other.mkdir()
    for path in (root / "walk" / "a.mp4", other / "b.mp4"):
        path.write_bytes(b"none")
    (root / "walk" / "inside.mp4").symlink_to(root / "walk" / "a.mp4")
    (root / "walk" / "out.mp4").symlink_to(other / "b.mp4")
    (root / "run").symlink_to(other)
    return root


def test_links_out_of_the_folder_are_followed_and_counted(linked):
    videos = read_list(linked, linked)
    lookup = Lookup(linked, videos)
    assert [lookup.path(video).read_bytes() for video in videos] == [b"none"] * 4
    first = videos[0].paths[0]
    assert lookup.remark() == f"links lead out of {linked} for 2 videos, such as {first} to {linked.parent}/other/b.mp4"


def test_links_out_of_the_folder_can_be_refused(linked, tmp_path):
    for path in ("walk/out.mp4", "run/b.mp4"):
        (tmp_path / "a.csv").write_text(f"path,label\n{path},walk\n")
        with pytest.raises(InputError, match=r"a link leads to .*other/b\.mp4, out of .*follow_links"):
            check_videos(read_list(tmp_path / "a.csv", linked), linked, tmp_path / "r.csv", follow_links=False)
    (tmp_path / "a.csv").write_text("path,label\nwalk/a.mp4,walk\nwalk/inside.mp4,walk\nwalk/none.mp4,walk\n")
    videos = read_list(tmp_path / "a.csv", linked)
    assert [Lookup(linked, videos, follow_links=False).path(video).name for video in videos] == [
        "a.mp4", "inside.mp4", "none.mp4",
    ]  # fmt: skip


def test_a_picture_that_is_a_link_out_of_the_folder_can_be_refused(linked, tmp_path):
    (linked / "walk" / "2.jpg").symlink_to(tmp_path / "other" / "b.mp4")
    (tmp_path / "a.csv").write_text("path,label\nwalk,walk\n")
    (video,) = read_list(tmp_path / "a.csv", linked)
    with pytest.raises(InputError, match="follow_links is false"):
        Lookup(linked, [video], follow_links=False).path(video)


def test_commands_refuse_links_where_asked_to(linked, tmp_path, capsys):
    arguments = ["data", "convert", str(linked), "--root", str(linked), "--output", str(tmp_path / "o.csv")]
    assert main(arguments) == 0
    assert main([*arguments, "--no-follow-links"]) == 2
    assert "a link leads to" in capsys.readouterr().err
    check = ["data", "check", "--annotations", str(linked), "--root", str(linked), "--report", str(tmp_path / "r.csv")]
    assert main([*check, "--no-follow-links"]) == 2
    assert "a link leads to" in capsys.readouterr().err


# Messages


def test_a_message_is_one_line_whatever_is_in_it():
    assert one_line(InputError("a\nb\x1b[31m\udcff")) == "a\\nb\\x1b[31m\\udcff"
    assert one_line(InputError("")) == "InputError"
    assert one_line(InputError(" \n")) == "InputError"
    assert reason(OSError()) == "OSError"
    assert shown("ünï code") == "ünï code"
    assert len(one_line(InputError("a" * 10**6 + "; advice"))) < 2000
    assert one_line(InputError("a" * 10**6 + "; advice")).endswith("; advice")


def test_a_file_with_an_end_of_line_in_its_name_is_one_line(tmp_path, capsys):
    path = tmp_path / "a\nb.yaml"
    assert main(["check", "--config", str(path)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "a\\nb.yaml" in message


def test_whatever_a_reader_raises_is_refused_with_its_cause():
    with pytest.raises(InputError, match="a file: deep") as error, refusing(lambda why: InputError(f"a file: {why}")):
        raise RecursionError("deep")
    assert isinstance(error.value.__cause__, RecursionError)
    with pytest.raises(KeyboardInterrupt), refusing(InputError):
        raise KeyboardInterrupt
