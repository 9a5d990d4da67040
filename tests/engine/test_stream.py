"""Predictions on a video as its frames arrive, by the command line, against the network on the whole clip."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import save_weights, save_with_card
from torch import nn

import rcn_bench.engine.live.stream as streaming
from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.examine import decode
from rcn_bench.data.media.files import write_lossless
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run
from rcn_bench.records.weights import Card
from results import an_example

RUN = Run("rcn18", 4, "random", "random", 0)  # that conftest trains
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
LINE = re.compile(r" *(?P<at>\d+\.\d\d) s  (?P<scores>.*)")


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture
def weights(noise):
    return noise.paths.weights(RUN)


@pytest.fixture
def video(tmp_path):
    """Twenty frames, of which every second one is taken."""
    path = tmp_path / "video.mp4"
    frames = np.kron(np.random.default_rng(1).integers(0, 256, (20, 2, 2)), np.ones((1, 10, 10))).astype(np.uint8)
    write_lossless(path, frames, 8)
    return path


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


def frame_logits(weights, frames, restart=RUN.frames):
    """(T, classes) of the network on the frames, ``restart`` at once; a centre of 16 of 20 pixels."""
    model = create_model("rcn18", 3).eval()
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


@pytest.mark.parametrize(("restart", "frames"), [(3, 3), (0, 10), (100, 10)])
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


def test_ctrl_c_ends_a_camera_with_its_sums(capsys, weights, monkeypatch):
    def camera(source, short_side):
        for index in range(6):
            yield index / 8, np.zeros((20, 20, 3), np.uint8)
        raise KeyboardInterrupt

    monkeypatch.setattr(streaming, "frames_in_order", camera)
    predictions, end = streamed(capsys, "0", "--weights", weights)
    assert len(predictions) == 3
    assert end.startswith("3 frames in ")


# Refusals


def test_a_model_that_is_not_causal_is_refused(capsys, noise_without_runs, with_window_model, video):
    experiment, run = with_window_model(noise_without_runs), Run("window3d", 4, "random")
    load_plugins(experiment.plugins)
    save_weights(experiment, run, create_model("window3d", 2), ["a", "b"])
    path = experiment.paths.weights(run)
    line = refused(capsys, video, "--weights", path)
    assert str(path) in line
    assert "window3d is not causal" in line


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
