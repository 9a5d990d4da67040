"""A job that was refused is refused again at once when a workflow tries it again; one that crashed is done again."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rcn_bench import cli
from rcn_bench.cli import options
from rcn_bench.cli.refusals import FOLDER
from rcn_bench.errors import InputError, TrainingDiverged

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def works(monkeypatch, tmp_path):
    """Set its error, and `show` ends by it; counts how often it set to work. Refusals lie in a folder of their own."""

    class Works:
        error: BaseException = InputError("x: bad")
        count = 0

        def __call__(self, *_):
            self.count += 1
            raise self.error

    works = Works()
    monkeypatch.setattr(options, "load_experiment", works)
    monkeypatch.setenv(FOLDER, str(tmp_path / "refused"))
    return works


@pytest.mark.parametrize(
    ("error", "told"), [(InputError("x: bad"), (2, "x: bad")), (TrainingDiverged("loss is nan"), (1, "loss is nan"))]
)
def test_a_refused_job_is_refused_again_without_work(works, run, error, told):
    works.error = error
    first, second = (run("show", "--config", "a.yaml") for _ in range(2))
    assert first == second == (told[0], f"rcn-bench: {told[1]}")
    assert works.count == 1


def test_a_refusal_holds_for_the_same_command_alone(works, run):
    run("show", "--config", "a.yaml")
    run("show", "--config", "b.yaml")
    assert works.count == 2


def test_a_workflow_that_starts_anew_tries_anew(works, run, tmp_path):
    run("show", "--config", "a.yaml")
    for path in (tmp_path / "refused").iterdir():
        path.unlink()
    run("show", "--config", "a.yaml")
    assert works.count == 2


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("a crash")], ids=repr
)
def test_what_may_end_otherwise_is_tried_again(works, tmp_path, error):
    works.error = error
    for _ in range(2):
        if isinstance(error, RuntimeError):
            with pytest.raises(RuntimeError):
                cli.main(["show", "--config", "a.yaml"])
        else:
            cli.main(["show", "--config", "a.yaml"])
    assert works.count == 2
    assert not (tmp_path / "refused").exists()


def test_by_hand_nothing_is_remembered(works, run, monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER)
    for _ in range(2):
        assert run("show", "--config", "a.yaml") == (2, "rcn-bench: x: bad")
    assert works.count == 2
    assert not (tmp_path / "refused").exists()


def test_a_full_disk_does_not_hide_the_message(works, run, monkeypatch, tmp_path):
    (tmp_path / "a file").touch()
    monkeypatch.setenv(FOLDER, str(tmp_path / "a file"))
    assert run("show", "--config", "a.yaml") == (2, "rcn-bench: x: bad")


COUNTED_LIST = '''
import sys
from pathlib import Path

from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.video import Video


@list_format
class Counted(ListFormat):
    """List of videos that are not there; notes the command that reads it."""

    name = "counted"

    def recognises(self, source):
        return source.suffix == ".counted"

    def read(self, source, root):
        with Path("reads.txt").open("a") as file:
            file.write(" ".join(sys.argv[1:]) + chr(10))
        for i in range(300):
            yield Video(f"{i}a", ("up", "down")[i % 2], f"{i}a", (f"{i}a.mp4",))
'''


@pytest.mark.slow
def test_a_job_with_bad_input_is_tried_twice_and_works_once(tmp_path):
    (tmp_path / "counted.py").write_text(COUNTED_LIST)
    (tmp_path / "list.counted").touch()
    (tmp_path / "videos").mkdir()
    lists = {"train": "list.counted", "val": "list.counted"}
    data = {"annotations": lists, "videos": "videos", "max_overlap": 1}
    own = {"name": "refused", "plugins": ["counted"], "data": data}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(tmp_path)]
    command += ["--snakefile", str(REPOSITORY / "Snakefile")]
    configs = ["--configfile", str(REPOSITORY / "config" / "kinetics.yaml"), str(tmp_path / "own.yaml")]
    for runs in (1, 2):  # a workflow that starts anew tries the job anew
        target = "results/refused/cache/train.fingerprint"
        result = subprocess.run([*command, *configs, "--", target], capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode != 0
        assert result.stderr.count("Error in rule cache:") == 2, result.stderr
        reads = (tmp_path / "reads.txt").read_text().splitlines()
        jobs = [read for read in reads if read.startswith("data cache") and "--shard" not in read]
        assert len(jobs) == runs, reads
        log = (tmp_path / "results/refused/logs/cache/train.log").read_text()
        assert log.startswith("rcn-bench: ")
        assert "a.mp4" in log or "list.counted" in log
