"""Predictions on a video as its frames arrive, by the command line, against the network on the whole clip."""

import itertools
import json
import re
import time
from dataclasses import dataclass

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import save_weights, save_with_card
from torch import nn

from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.examine import decode
from rcn_bench.data.media import kinds
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.media.medium import Medium
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run
from rcn_bench.records.weights import Card
from results import an_example

RUN = Run("rcn_pocket", 4, "random", "random", 0)  # that conftest trains
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
LINE = re.compile(r" *(?P<at>\d+\.\d\d) s  (?P<scores>.*)")


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture
def video(tmp_path):
    """Twenty frames, of which every second one is taken."""
    path = tmp_path / "video.mp4"
    frames = np.kron(np.random.default_rng(1).integers(0, 256, (20, 2, 2)), np.ones((1, 10, 10))).astype(np.uint8)
    write_lossless(path, frames, 8)
    return path


@dataclass
class GreyPicture:
    level: int
    height: int = 20
    width: int = 20

    def rgb(self, short_side=None):
        return np.full((self.height, self.width, 3), self.level, np.uint8)


class FakeCamera(Medium):
    """A picture every 5 ms for 0.2 s, whether somebody looks at them or not."""

    is_live = True
    PICTURES, SECONDS = 40, 0.005

    @classmethod
    def takes(cls, source):
        return True

    def frames(self):
        began = time.perf_counter()
        for number in range(self.PICTURES):
            time.sleep(max(began + number * self.SECONDS - time.perf_counter(), 0))
            yield number * self.SECONDS, GreyPicture(number)


def streamed(capsys, *arguments):
    """The lines of predictions, as (seconds, {label: percent}), and the line at the end."""
    assert cli.main(["stream", *(str(argument) for argument in arguments)]) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    predictions = []
    for line in lines:
        match = LINE.fullmatch(line)
        scores = (score.rsplit(" ", 1) for score in match["scores"].split("  "))
        predictions.append((float(match["at"]), {label: float(percent.rstrip("%")) for label, percent in scores}))
    return predictions, end


def refused(capsys, *arguments):
    """The one line on stderr."""
    assert cli.main(["stream", *(str(argument) for argument in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def slow_down(monkeypatch, seconds):
    """So many more for every frame."""
    step = LiveStep.__call__

    def slowly(self, frame, state):
        time.sleep(seconds)
        return step(self, frame, state)

    monkeypatch.setattr(LiveStep, "__call__", slowly)


def frame_logits(weights, frames, restart=RUN.frames):
    """(T, classes) of the network on the frames, ``restart`` at once; a centre of 16 of 20 pixels."""
    model = create_model(RUN.model, 3).eval()
    model.load_state_dict(load_file(weights))
    clip = torch.tensor((frames[:, 2:18, 2:18] / 255 - MEAN) / STD, dtype=torch.float32)
    with torch.no_grad():
        parts = clip.permute(3, 0, 1, 2).unsqueeze(0).split(restart, 2)
        return torch.cat([model.frame_logits(part)[0] for part in parts]).double()


def percentages(logits, labels):
    softmax = logits.mean(0).softmax(0)
    return {label: pytest.approx(100 * float(value), abs=0.06) for label, value in zip(labels, softmax, strict=True)}


def assert_alike(found, expected):
    """And the best first."""
    assert found == expected
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("restart", "frames"), [(3, 3), *(pytest.param(r, 10, marks=pytest.mark.slow) for r in (0, 100))]
)
def test_the_state_restarts_as_asked(capsys, noise, weights, video, restart, frames):
    predictions, _ = streamed(capsys, video, "--weights", weights, "--restart", restart, "--last", 1)
    logits = frame_logits(weights, decode(video)[::2], frames)
    labels = Cache(noise.paths.cache("train")).labels
    for frame, (_, scores) in zip(logits, predictions, strict=True):
        assert_alike(scores, percentages(frame[None], labels))
    assert (predictions == streamed(capsys, video, "--weights", weights, "--last", 1)[0]) is False


def test_the_last_line_is_the_softmax_of_the_mean_of_all_frames_logits(capsys, noise, weights, video):
    predictions, end = streamed(capsys, video, "--weights", weights)
    logits, labels = frame_logits(weights, decode(video)[::2]), Cache(noise.paths.cache("train")).labels
    assert_alike(predictions[-1][1], percentages(logits, labels))
    assert end.startswith("10 frames in ")
    assert re.search(r": [\d.]+ frames/s, [\d.]+ ms a frame in the network$", end)


def test_every_line_is_of_the_frames_so_far(capsys, noise, weights, video):
    predictions, _ = streamed(capsys, video, "--weights", weights)
    logits, labels = frame_logits(weights, decode(video)[::2]), Cache(noise.paths.cache("train")).labels
    assert [at for at, _ in predictions] == [index / 8 for index in range(0, 20, 2)]
    for seen, (_, scores) in enumerate(predictions, start=1):
        assert_alike(scores, percentages(logits[:seen], labels))
    assert predictions[0][1] != predictions[-1][1]


@pytest.mark.parametrize("last", [1, 3, 100])
def test_last_averages_over_the_last_frames(capsys, noise, weights, video, last):
    predictions, _ = streamed(capsys, video, "--weights", weights, "--last", last)
    logits, labels = frame_logits(weights, decode(video)[::2]), Cache(noise.paths.cache("train")).labels
    for seen, (_, scores) in enumerate(predictions, start=1):
        assert_alike(scores, percentages(logits[max(seen - last, 0) : seen], labels))


@pytest.mark.slow
@pytest.mark.parametrize("top", [1, 2, 10])
def test_top_labels_are_printed(capsys, noise, weights, video, top):
    predictions, _ = streamed(capsys, video, "--weights", weights, "--top", top)
    whole, _ = streamed(capsys, video, "--weights", weights)
    assert predictions == [(at, dict(list(scores.items())[:top])) for at, scores in whole]


def test_after_a_clips_frames_the_score_is_the_clips(capsys, noise, weights, video):
    predictions, _ = streamed(capsys, video, "--weights", weights)
    logits = frame_logits(weights, decode(video)[: 2 * RUN.frames : 2])
    labels = Cache(noise.paths.cache("train")).labels
    assert_alike(predictions[RUN.frames - 1][1], percentages(logits, labels))


def test_frames_are_scaled_to_the_size_that_the_run_was_trained_with(capsys, noise, weights, tmp_path):
    large = tmp_path / "large.mp4"
    frames = np.random.default_rng(2).integers(0, 256, (6, 40, 60)).astype(np.uint8)
    write_lossless(large, frames, 8)
    predictions, _ = streamed(capsys, large, "--weights", weights)
    scaled = decode(large, short_side=20)[::2]
    assert scaled.shape[1:3] == (20, 30)
    logits, labels = frame_logits(weights, scaled[:, :, 5:25]), Cache(noise.paths.cache("train")).labels
    assert_alike(predictions[-1][1], percentages(logits, labels))


def test_a_folder_of_pictures_is_streamed_as_the_video_that_it_was(capsys, weights, video, tmp_path):
    whole, _ = streamed(capsys, video, "--weights", weights)
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(decode(video), start=1):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number}.png")
    pictures, _ = streamed(capsys, tmp_path / "pictures", "--weights", weights, "--pictures-per-second", 8)
    assert pictures == whole


def test_pictures_without_their_rate_are_refused_where_the_network_takes_frames_at_one(
    capsys, noise_without_runs, tmp_path
):
    load_plugins(noise_without_runs.plugins)
    save_weights(noise_without_runs, RUN, create_model(RUN.model, 2), ["a", "b"], frame_rate=4.0)
    (tmp_path / "pictures").mkdir()
    line = refused(capsys, tmp_path / "pictures", "--weights", noise_without_runs.paths.weights(RUN))
    assert re.fullmatch(r".*pictures: a folder of pictures .* --pictures-per-second", line)


@pytest.mark.slow
def test_ctrl_c_ends_a_camera_with_its_sums(capsys, weights, monkeypatch):
    class EndedCamera(FakeCamera):
        def frames(self):
            yield from itertools.islice(super().frames(), 6)
            raise KeyboardInterrupt

    monkeypatch.setattr(kinds, "KINDS", (EndedCamera,))
    assert cli.main(["stream", "0", "--weights", str(weights)]) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 3
    assert end.startswith(f"{len(lines)} frames in ")


def test_a_camera_that_is_faster_than_the_network_does_not_run_ahead_of_it(capsys, weights, monkeypatch):
    """40 pictures in 0.2 s, every second due, to a network that takes 30 ms for one."""

    slow_down(monkeypatch, 0.03)
    monkeypatch.setattr(kinds, "KINDS", (FakeCamera,))
    assert cli.main(["stream", "0", "--weights", str(weights)]) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    dropped = [int(found[1]) if (found := re.search(r"\((\d+) ticks? dropped\)$", line)) else 0 for line in lines]
    assert 2 <= len(lines) < FakeCamera.PICTURES / 2
    assert sum(dropped) + len(lines) == FakeCamera.PICTURES / 2
    assert end.endswith(f", {sum(dropped)} ticks dropped")
    times = [float(line.split(" s ")[0]) for line in lines]
    assert times == sorted(set(times))
    assert times[-1] > 0.15


def test_of_a_file_nothing_is_left_out_however_slow_the_network_is(capsys, weights, video, monkeypatch):
    quick = streamed(capsys, video, "--weights", weights)[0]
    slow_down(monkeypatch, 0.02)
    slow, end = streamed(capsys, video, "--weights", weights)
    assert slow == quick
    assert len(slow) == 10
    assert "dropped" not in end


# Refusals


@pytest.mark.parametrize("address", ["udp://@239.0.0.1:1234", "SRT://a", "file:///video.mp4"])
def test_an_address_of_another_protocol_is_refused_in_words(capsys, weights, address):
    line = refused(capsys, address, "--weights", weights)
    assert line.startswith(f"rcn-bench: {address}: an address of a kind that is not read; give rtsp:// or http://, or ")


def test_a_video_whose_size_changes_is_refused_where_it_does(capsys, weights, tmp_path):
    parts = []
    for side in (32, 48):
        write_lossless(tmp_path / f"{side}.mp4", np.zeros((8, side, 32), np.uint8), 8)
        with av.open(str(tmp_path / f"{side}.ts"), "w") as file, av.open(str(tmp_path / f"{side}.mp4")) as source:
            copy = file.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                packet.stream = copy
                if packet.size:
                    file.mux(packet)
        parts.append((tmp_path / f"{side}.ts").read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    line = refused(capsys, tmp_path / "joined.ts", "--weights", weights)
    assert re.fullmatch(r".*joined.ts: frames of 32x32, then of 32x48 from \d\.\d\d s on; stream each .*", line)


def test_a_model_that_is_not_causal_is_refused(capsys, noise_without_runs, with_window_model, video):
    experiment, run = with_window_model(noise_without_runs), Run("window3d", 4, "random")
    load_plugins(experiment.plugins)
    save_weights(experiment, run, create_model("window3d", 2), ["a", "b"])
    path = experiment.paths.weights(run)
    line = refused(capsys, video, "--weights", path)
    assert str(path) in line
    assert "window3d hands on no state" in line


def test_weights_whose_plugin_is_not_there_name_it(capsys, noise_without_runs, video):
    run = Run("c2d18", 4, "random")
    save_weights(noise_without_runs, run, create_model("c2d18", 2), ["a", "b"], plugins=["no_such_plugin"])
    path = noise_without_runs.paths.weights(run)
    assert f"{path}: plugins: cannot import no_such_plugin" in refused(capsys, video, "--weights", path)


def test_missing_weights_are_refused(capsys, video, tmp_path):
    assert str(tmp_path / "none.safetensors") in refused(capsys, video, "--weights", tmp_path / "none.safetensors")


CARDS = {
    "no card": None,
    "another card": {"format": "pt"},
    "an earlier version's": {"run": RUN.name, "labels": '["a"]', "config": "{}"},
    "not JSON": {"card": "learning rate 0.1"},
    "no labels": {"card": json.dumps({"run": RUN.name})},
    "another run": an_example(Card, run="the second").to_metadata(),
}


@pytest.mark.parametrize("card", CARDS)
def test_a_safetensors_file_that_is_no_runs_is_refused(capsys, video, tmp_path, card):
    path = tmp_path / "other.safetensors"
    save_file(nn.Linear(2, 2).state_dict(), path, metadata=CARDS[card])
    assert str(path) in refused(capsys, video, "--weights", path)


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"\x10" + b"\0" * 7 + b"{}"], ids=repr)
def test_a_damaged_checkpoint_is_refused(capsys, video, tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert str(path) in refused(capsys, video, "--weights", path)


def test_weights_of_another_model_than_the_card_says_are_refused(capsys, weights, video, tmp_path):
    path = tmp_path / "model.safetensors"
    save_with_card(nn.Linear(2, 2).state_dict(), path, Card.of(weights))
    line = refused(capsys, video, "--weights", path)
    assert f"{path}: not the weights of {RUN.name}" in line


@pytest.mark.parametrize("content", [None, b"", b"not a video"], ids=repr)
def test_an_unreadable_video_is_refused(capsys, weights, tmp_path, content):
    path = tmp_path / "broken.mp4"
    if content is not None:
        path.write_bytes(content)
    assert refused(capsys, path, "--weights", weights).startswith(f"rcn-bench: {path}: ")


def test_a_missing_camera_is_refused(capsys, weights):
    assert refused(capsys, "97", "--weights", weights).startswith("rcn-bench: 97: ")
