"""The check of videos: every kind of bad file is called what it is, and nothing that it meets stops it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from broken import KINDS, number_of, write, write_matrix

from rcn_bench import cli
from rcn_bench.data import check
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.check import check_videos
from rcn_bench.data.examine import decode, examine
from rcn_bench.data.findings import read_report
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A folder with one file of each kind, and one that is listed and not there."""
    root = tmp_path_factory.mktemp("zoo")
    for name, (make, _, _) in KINDS.items():
        make(root / name)
    rows = "".join(f"{name},label\n" for name in [*KINDS, "missing.mp4"])
    (root / "zoo.csv").write_text("path,label\n" + rows)
    return root


@pytest.fixture(scope="module")
def findings(zoo, tmp_path_factory):
    report = tmp_path_factory.mktemp("reports") / "zoo.csv"
    videos = read_list(zoo / "zoo.csv", zoo)
    found = check_videos(videos, zoo, report, frames=10, workers=2, progress=lambda line: None)
    assert list(read_report(report).values()) == found
    return {finding.id: finding for finding in found}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_called_what_it_is(findings, name):
    _, verdict, numbers = KINDS[name]
    found = findings[name]
    assert found.verdict == verdict, found
    if verdict == "ok":
        assert (found.frames, found.detail) == (len(numbers), "")
        assert found.claimed in (0, 60, len(numbers))  # an index claims what an edit list hides, too


def test_a_missing_file_is_missing(findings):
    assert findings["missing.mp4"].verdict == "missing"


@pytest.mark.parametrize("name", [name for name, (_, verdict, _) in KINDS.items() if verdict == "ok"])
def test_usable_files_decode_to_every_frame_in_order(zoo, name):
    assert [number_of(image) for image in upright(name, decode(zoo / name))] == list(KINDS[name][2])


def upright(name, frames):
    """A turned file's frames come out turned; turned back they show their numbers."""
    return np.rot90(frames, 1, (1, 2)) if name == "turned.mp4" else frames


def test_a_turned_video_comes_out_as_its_player_shows_it(zoo, tmp_path):
    shutil.copy(zoo / "turned.mp4", tmp_path / "plain.mp4")
    write_matrix(tmp_path / "plain.mp4", 65536, 0, 0, 0, 65536, 0, 0, 0, 2**30)
    plain, turned = decode(tmp_path / "plain.mp4"), decode(zoo / "turned.mp4")
    assert turned.shape == (60, 64, 48, 3)
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turned, np.rot90(plain, -1, (1, 2)))


def listed(root, *names, labels=()):
    path = root / "list.csv"
    rows = zip(names, [*labels, *["label"] * (len(names) - len(labels))], strict=True)
    path.write_text("path,label\n" + "".join(f"{name},{label}\n" for name, label in rows))
    return read_list(path, root)


def test_duplicates_unknown_labels_and_short_videos_depend_on_what_is_asked(tmp_path):
    shutil.copy(write(tmp_path / "a.mp4", 12), tmp_path / "b.mp4")
    write(tmp_path / "c.mp4", 5)
    videos = listed(tmp_path, "a.mp4", "b.mp4", "c.mp4", labels=["up", "down", "up"])
    report = tmp_path / "report.csv"

    def verdicts(**options):
        return [found.verdict for found in check_videos(videos, tmp_path, report, progress=print, **options)]

    assert verdicts() == ["ok", "duplicate", "ok"]
    assert verdicts(frames=6) == ["ok", "duplicate", "too short"]
    assert verdicts(labels=["up"]) == ["ok", "unknown label", "ok"]
    assert verdicts() == ["ok", "duplicate", "ok"]


def test_only_new_and_changed_files_are_examined_again(tmp_path, monkeypatch, capsys):
    shutil.copy(write(tmp_path / "a.mp4", 12), tmp_path / "b.mp4")
    videos, report = listed(tmp_path, "a.mp4", "b.mp4", "c.mp4"), tmp_path / "report.csv"
    assert [found.verdict for found in check_videos(videos, tmp_path, report)] == ["ok", "duplicate", "missing"]

    examined = []
    monkeypatch.setattr(check, "examine", lambda video: examined.append(video.path) or examine(video))
    write(tmp_path / "b.mp4", 20)
    write(tmp_path / "c.mp4", 30)
    found = check_videos(videos, tmp_path, report, workers=0)
    assert [Path(path).name for path in examined] == ["b.mp4", "c.mp4"]
    assert [(one.verdict, one.frames) for one in found] == [("ok", 12), ("ok", 20), ("ok", 30)]
    assert "1 of 3 videos are known" in capsys.readouterr().out


@pytest.mark.slow
def test_a_killed_check_goes_on_where_it_was(tmp_path):
    names = [f"{i:03d}.mp4" for i in range(400)]  # enough to be killed in between
    for i, name in enumerate(names[:40]):
        write(tmp_path / name, 20 + i)
    for i, name in enumerate(names[40:]):
        shutil.copy(tmp_path / names[i % 40], tmp_path / name)
    listed(tmp_path, *names)
    command = [sys.executable, "-m", "rcn_bench.cli", "data", "check", "--workers", "1", "--annotations"]
    command += [str(tmp_path / "list.csv"), "--root", str(tmp_path), "--report", str(tmp_path / "report.csv")]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    partial = tmp_path / "report.part" / "findings.csv"
    with subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        while not (partial.is_file() and partial.read_text().count("\n") > 3):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    kept = read_report(partial)
    assert 0 < len(kept) < 400
    assert not (tmp_path / "report.csv").exists()
    with partial.open("a") as file:
        file.write("399.mp4,label,ok,torn")  # as a kill in the middle of a line would leave it
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"{len(kept)} of 400 videos are known from an earlier check" in finished.stdout
    frames = [found.frames for found in read_report(tmp_path / "report.csv").values()]
    assert frames == [20 + i % 40 for i in range(400)]
    assert not partial.parent.exists()


def test_findings_of_another_checker_are_not_believed(tmp_path, monkeypatch):
    write(tmp_path / "a.mp4", 12)
    videos, report = listed(tmp_path, "a.mp4"), tmp_path / "report.csv"
    monkeypatch.setattr(check, "CHECKER", "0 av 1.0")
    check_videos(videos, tmp_path, report)
    report.write_text(report.read_text().replace(",12,12,", ",7,7,").replace(check.CHECKER, "an older one"))
    assert [found.frames for found in check_videos(videos, tmp_path, report)] == [12]


def test_a_name_that_no_file_can_have_is_missing():
    assert examine("a\0b.mp4").decoding == "missing"


def test_a_foreign_file_is_not_taken_for_a_report(tmp_path):
    write(tmp_path / "a.mp4", 12)
    (tmp_path / "report.csv").write_text("accuracy,run\nrcn18,rcn18\n")
    with pytest.raises(InputError, match=r"report\.csv: not a report"):
        check_videos(listed(tmp_path, "a.mp4"), tmp_path, tmp_path / "report.csv")
    assert "rcn18" in (tmp_path / "report.csv").read_text()


def test_odd_names_stop_nothing(tmp_path):
    names = ["a" * 300 + ".mp4", "12:30.mp4", "7", "über.mp4"]
    for name in names[1:]:
        write(tmp_path / name, 12)
    found = check_videos(listed(tmp_path, *names), tmp_path, tmp_path / "report.csv")
    assert [one.decoding for one in found] == ["missing", "ok", "ok", "ok"]
    assert len(decode(tmp_path / "7")) == len(decode(tmp_path / "12:30.mp4")) == 12


def test_what_a_file_is_called_does_not_depend_on_the_one_before(zoo):
    (zoo / "scratched.avi").write_bytes(scratched(zoo))
    found = [examine(str(zoo / "scratched.avi")) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert found[0].decoding in ("warnings", "unreadable", "truncated")


def scratched(zoo):
    content = bytearray((zoo / "b_frames.avi").read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 40):
        content[place] ^= 255
    return bytes(content)


@pytest.mark.slow
def test_workers_end_with_a_killed_check(tmp_path):
    names = [f"{i:02d}.mp4" for i in range(40)]
    for name in names:
        write(tmp_path / name, 200)
    listed(tmp_path, *names)
    command = [sys.executable, "-m", "rcn_bench.cli", "data", "check", "--workers", "1", "--annotations"]
    command += [str(tmp_path / "list.csv"), "--root", str(tmp_path), "--report", str(tmp_path / "report.csv")]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.DEVNULL
    ) as process:
        while not (children := workers_of(process.pid)):
            time.sleep(0.05)
        process.kill()
    deadline = time.monotonic() + 120
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def workers_of(pid):
    """The processes that a check has started to decode in."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def crash(video):
    if "bad" in video.path:
        os.kill(os.getpid(), signal.SIGSEGV)
    return examine(video)


@pytest.mark.slow
def test_a_file_that_crashes_the_decoder_is_found_out(tmp_path, monkeypatch):
    names = ["a.mp4", "bad.mp4", "b.mp4", "c.mp4", "bad2.mp4", "d.mp4"]
    for frames, name in enumerate(names, start=11):
        write(tmp_path / name, frames)
    monkeypatch.setattr(check, "examine", crash)
    found = check_videos(listed(tmp_path, *names), tmp_path, tmp_path / "report.csv", workers=2)
    assert {one.id: one.verdict for one in found} == {n: "crash" if "bad" in n else "ok" for n in names}


def grey_video(seed: int, frames: int = 5, height: int = 16, width: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width)).astype(np.uint8)


def test_odd_names_of_files_pass_through_reports_and_results(tmp_path, capsys):
    """Names are bytes, which need not be text: in a class folder they come as they are."""
    folder = tmp_path / "videos" / "up"
    folder.mkdir(parents=True)
    for name in (b"\xff\xfe.mp4", "ü,\n.mp4".encode()):
        write_lossless(Path(os.fsdecode(os.path.join(os.fsencode(folder), name))), grey_video(0), 8)
    report = tmp_path / "check.csv"
    arguments = ["--annotations", str(tmp_path / "videos"), "--root", str(tmp_path / "videos"), "--workers", "1"]
    assert cli.main(["data", "check", *arguments, "--report", str(report)]) == 0
    assert "2 videos: 1 ok, 1 duplicate" in capsys.readouterr().out
    ids = [video.id for video in read_list(tmp_path / "videos", tmp_path / "videos")]
    assert list(read_report(report)) == ids
    source = Source(tmp_path / "videos", tmp_path / "videos", tmp_path / "c.json", tmp_path / "d.csv")
    build_cache(source, progress=lambda line: None)
    assert [video.id for video in Cache(source.index).videos] == ids


# The command


def checked(capsys, zoo, tmp_path, *options):
    arguments = ["data", "check", "--annotations", zoo / "zoo.csv", "--root", zoo, "--report", tmp_path / "check.csv"]
    code = cli.main([str(argument) for argument in (*arguments, *options)])
    return code, capsys.readouterr()


def test_too_many_bad_videos_end_the_command_with_one_line(capsys, zoo, tmp_path):
    code, output = checked(capsys, zoo, tmp_path, "--max-bad", "1%")
    bad = sum(verdict not in ("ok", "too short") for _, verdict, _ in KINDS.values()) + 1
    assert code == 2
    (line,) = output.err.splitlines()
    assert f"{bad} of {len(KINDS) + 1} videos cannot be used, more than --max-bad 1.00%" in line
    assert len(read_report(tmp_path / "check.csv")) == len(KINDS) + 1


@pytest.mark.parametrize("share", ["60%", "0.6"])
def test_fewer_bad_videos_than_allowed_are_no_error(capsys, zoo, tmp_path, share):
    code, output = checked(capsys, zoo, tmp_path, "--max-bad", share)
    assert code == 0
    assert f"{len(KINDS) + 1} videos: " in output.out


@pytest.mark.parametrize("share", ["-1", "200%", "few"])
def test_a_share_that_is_none_is_refused(capsys, zoo, tmp_path, share):
    with pytest.raises(SystemExit):
        checked(capsys, zoo, tmp_path, f"--max-bad={share}")


@pytest.fixture
def own_videos(zoo, tmp_path):
    """Arguments of an experiment on the zoo: of training all but the file that is not there, of validation three."""
    config = yaml.safe_load((REPOSITORY / "config" / "mini.yaml").read_text())
    (tmp_path / "train.csv").write_text("path,label\n" + "".join(f"{name},zoo\n" for name in KINDS))
    (tmp_path / "val.csv").write_text("path,label\nok.mp4,zoo\nten.mp4,zoo\nuneven.mp4,garden\n")
    annotations = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
    config["data"] = {"annotations": annotations, "videos": str(zoo), "max_bad": 0.6, "max_overlap": 1}
    config["pretrained"] = "imagenet"
    del config["pretrain"]
    for of in config["models"].values():
        of["w_xh"] = ["imagenet" if start == "stills" else start for start in of["w_xh"]]
    (tmp_path / "zoo.yaml").write_text(yaml.safe_dump(config))
    return ["--config", str(tmp_path / "zoo.yaml"), "--results", str(tmp_path / "results")]


@pytest.mark.slow
def test_the_cache_takes_what_the_check_found_usable_and_lists_the_rest(own_videos, tmp_path, capsys):
    for split in ("train", "val"):
        assert cli.main(["data", "cache", "--split", split, *own_videos]) == 0
    train, val = (Cache(tmp_path / "results" / "mini" / "cache" / f"{split}.json") for split in ("train", "val"))
    usable = [name for name, (_, verdict, _) in KINDS.items() if verdict in ("ok", "too short")]
    assert [video.id for video in train.videos] == usable
    skipped = {video.id: video.reason for video in train.skipped}
    assert set(skipped) == set(KINDS) - set(usable)
    assert "truncated (" in skipped["cut_in_the_middle.mp4"]
    assert [(video.id, video.shape[0]) for video in val.videos] == [("ok.mp4", 60), ("ten.mp4", 10)]
    assert [video.reason.split(": ")[1] for video in val.skipped] == ["unknown label (garden)"]
    report = read_report(tmp_path / "results" / "mini" / "check" / "train.csv")
    assert list(report) == list(KINDS)
    assert "3 videos: 2 ok, 1 unknown label" in capsys.readouterr().out


def test_a_missing_root_is_one_line(capsys, zoo, tmp_path):
    code = cli.main(["data", "check", "--annotations", str(zoo / "zoo.csv"), "--root", str(tmp_path / "nowhere")])
    assert code == 2
    assert "nowhere: no such video folder" in capsys.readouterr().err
