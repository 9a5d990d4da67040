"""Locks of files: one holder at a time, whatever is removed or killed meanwhile."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rcn_bench.files import Held, lock_file, locked

REPOSITORY = Path(__file__).parents[1]


def test_who_waits_is_told_for_whom_and_takes_over(tmp_path):
    program = """
        import sys
        from pathlib import Path
        from rcn_bench.files import locked
        with locked(Path(sys.argv[1]), "run"):
            print(flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": REPOSITORY}
    with subprocess.Popen(command, **pipes) as holder:
        holder.stdout.readline()
        told = []

        def end_it(line):
            told.append(line)
            holder.kill()

        with locked(tmp_path, "run", waiting=end_it), pytest.raises(Held), locked(tmp_path, "run"):
            pass
    assert len(told) == 1
    assert f"another process (PID {holder.pid} on " in told[0]


def test_one_at_a_time_though_each_removes_the_lock_or_its_folder(tmp_path):
    program = """
        import os, shutil, sys, time
        from pathlib import Path
        from rcn_bench.files import lock_file, locked
        folder = Path(sys.argv[1])
        for number in range(100):
            with locked(folder, "run", waiting=lambda line: None):
                inside = os.open(folder.parent / "inside", os.O_CREAT | os.O_EXCL)
                time.sleep(0.0005)
                os.close(inside)
                os.remove(folder.parent / "inside")
                if number % 2:
                    lock_file(folder, "run").unlink()
                else:
                    shutil.rmtree(folder, ignore_errors=True)  # Another may make its lock there meanwhile.
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "folder")]
    processes = [subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.communicate()[1] == ""
        assert process.returncode == 0


def test_the_lock_file_is_where_it_is_said_to_be(tmp_path):
    for name in ("", "run"):
        with locked(tmp_path, name):
            assert lock_file(tmp_path, name).is_file()


def test_a_lock_outlasts_a_folder_that_another_process_makes_and_removes_meanwhile(tmp_path, monkeypatch):
    mkdir, makings = Path.mkdir, iter([tmp_path / "folder"])

    def made_and_removed_once(folder, **options):
        if other := next(makings, None):
            other.mkdir()
            try:
                mkdir(folder, **options)
            finally:
                other.rmdir()
        else:
            mkdir(folder, **options)

    monkeypatch.setattr(Path, "mkdir", made_and_removed_once)
    with locked(tmp_path / "folder"):
        assert (tmp_path / "folder" / ".lock").exists()


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "dangling link"])
def test_a_folder_in_whose_place_something_else_is_is_refused(tmp_path, make):
    make(tmp_path / "folder")
    with pytest.raises(FileExistsError), locked(tmp_path / "folder"):
        pass


def test_a_lock_outlasts_a_folder_above_it_that_is_removed_meanwhile(tmp_path, monkeypatch):
    """As who held it removes what is empty in the end."""
    mkdir, removals = Path.mkdir, iter([tmp_path / "above"])

    def removed_once(folder, **options):
        if folder.name == "folder" and (above := next(removals, None)):
            above.rmdir()
        mkdir(folder, **options)

    monkeypatch.setattr(Path, "mkdir", removed_once)
    with locked(tmp_path / "above" / "folder"):
        assert (tmp_path / "above" / "folder" / ".lock").exists()
