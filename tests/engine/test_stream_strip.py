"""`rcn-bench stream --strip`: a picture of what was seen, by whatever computes it and however the stream ends."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from live_sources import Sent, http_stream, ts
from PIL import Image
from provokers.user import forgetting
from test_stream import FakeCamera
from tiny import save_weights

from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.media import kinds
from rcn_bench.data.media.files import write_lossless
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run

RUN = Run("rcn_pocket", 4, "random", "random", 0)  # that conftest trains

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture
def write_video(tmp_path):
    def write(frames):
        path = tmp_path / "video.mp4"
        write_lossless(path, np.random.default_rng(1).integers(0, 256, (frames, 20, 20)).astype(np.uint8), 8)
        return path

    return write


@pytest.fixture
def strip(tmp_path):
    return tmp_path / "strip.png"


def streamed(capsys, *arguments):
    """Exit code, stdout and stderr."""
    capsys.readouterr()
    code = cli.main(["stream", *map(str, arguments)])
    return code, *capsys.readouterr()


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"), np.int16)


def test_the_picture_is_of_what_was_printed_and_changes_nothing_of_it(capsys, weights, write_video, strip, tmp_path):
    video, other = write_video(20), tmp_path / "other.png"
    with_strip = streamed(capsys, video, "--weights", weights, "--strip", strip)
    without = streamed(capsys, video, "--weights", weights)
    assert with_strip[1].splitlines()[:-1] == without[1].splitlines()[:-1]
    assert (with_strip[0], with_strip[2]) == (without[0], without[2])
    streamed(capsys, video, "--weights", weights, "--strip", other, "--restart", 0, "--last", 1, "--json")
    assert not np.array_equal(pixels(strip), pixels(other)), "other scores"


def test_a_video_of_one_frame_has_one(capsys, weights, write_video, strip):
    code, out, _ = streamed(capsys, write_video(1), "--weights", weights, "--strip", strip)
    assert (code, out.splitlines()[-1].split(" in ")[0]) == (0, "1 frames")
    assert pixels(strip).std() > 0


def test_an_exported_step_draws_the_same_where_torch_cannot_be_imported(capsys, weights, write_video, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    video, step = write_video(20), tmp_path / "step.onnx"
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        assert cli.main(["export", str(weights), "--format", "onnx", "--output", str(step)]) == 0
    broken = tmp_path / "before" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('torch is not here')\n")
    command = [sys.executable, "-m", "rcn_bench.cli", "stream", video, "--model", step, "--strip", tmp_path / "a.png"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(broken.parent), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    streamed(capsys, video, "--weights", weights, "--strip", tmp_path / "b.png")
    assert np.abs(pixels(tmp_path / "a.png") - pixels(tmp_path / "b.png")).mean() < 0.5


def test_a_camera_is_drawn_until_somebody_ends_it(capsys, weights, monkeypatch, strip):
    class EndedCamera(FakeCamera):
        def frames(self):
            yield from itertools.islice(super().frames(), 6)
            raise KeyboardInterrupt

    monkeypatch.setattr(kinds, "KINDS", (EndedCamera,))
    code, out, _ = streamed(capsys, "0", "--weights", weights, "--strip", strip)
    assert code == 0
    assert len(out.splitlines()) > 1
    assert pixels(strip).std() > 0


def test_a_source_that_is_lost_is_drawn_until_then(capsys, noise_without_runs, strip):
    load_plugins(noise_without_runs.plugins)
    save_weights(noise_without_runs, RUN, create_model(RUN.model, 3), ["a", "b", "c"], frame_rate=12.5, stride=1)
    weights = noise_without_runs.paths.weights(RUN)
    with http_stream(Sent(ts(range(10)), end="close")) as address:
        code, _, err = streamed(capsys, address, "--weights", weights, "--give-up", 0, "--strip", strip)
    assert code == 2
    assert "; given up " in err.splitlines()[-1]
    assert pixels(strip).std() > 0


def test_of_a_video_that_cannot_be_read_there_is_no_picture(capsys, weights, tmp_path, strip):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    code, _, err = streamed(capsys, broken, "--weights", weights, "--strip", strip)
    assert (code, len(err.splitlines())) == (2, 1)
    assert not strip.exists()


@pytest.mark.parametrize("there", ["/dev/null", "folder", "notes.txt"])
def test_what_is_there_and_no_picture_is_left(capsys, weights, write_video, tmp_path, there):
    path = tmp_path / there  # which an absolute path stays
    if there == "folder":
        path.mkdir()
    if there == "notes.txt":
        path.write_text("mine")
    code, out, err = streamed(capsys, write_video(4), "--weights", weights, "--strip", path)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"rcn-bench: {path}: ")
    assert line.endswith("; give --strip the name of a file")
    assert there != "notes.txt" or path.read_text() == "mine"


def test_a_package_that_draws_and_is_missing_is_named_before_the_stream(
    capsys, monkeypatch, weights, write_video, strip
):
    monkeypatch.setitem(sys.modules, "seaborn", None)
    code, out, err = streamed(capsys, write_video(4), "--weights", weights, "--strip", strip)
    assert (code, out) == (2, "")
    assert err.startswith("rcn-bench: the package seaborn is not installed here; ")
