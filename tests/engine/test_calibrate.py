"""Published weights on a cache: by torchvision's own preparation and labels, and refusals where they do not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from caches import write_cache
from tiny import REPOSITORY, changed
from torch import nn
from torchvision.models import get_model

from rcn_bench import cli
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.frames import evaluation_starts
from rcn_bench.engine import calibrate as calibration
from rcn_bench.engine.calibrate import calibrate
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models.published import kinetics400_weights
from rcn_bench.plan.config import load_experiment
from rcn_bench.records.runs import Calibration

KINETICS = REPOSITORY / "config" / "kinetics.yaml"
LABELS = ["yoga", "abseiling", "yoga", "zumba"]


@pytest.fixture
def experiment(tmp_path):
    """Kinetics at 30 frames a second, with a cache of a few videos of noise."""
    settings = {"data.frame_rate": 30, "train.threads": 1, "train.workers": 0}
    experiment = changed(load_experiment([KINETICS], tmp_path / "results"), settings)
    write_cache(experiment.paths.cache("val"), videos())
    return experiment


def videos(side: int = 128, frames: int = 40):
    """Coarse noise, each of another width."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(LABELS):
        coarse = rng.integers(0, 256, (frames, 8, 10 + number, 3), np.uint8)
        yield label, np.kron(coarse, np.ones((1, side // 8, side // 8, 1), np.uint8))


@pytest.fixture
def net(monkeypatch):
    """A small network in the place of r3d_18, as it comes out of its weights file."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool3d((2, 4, 4)), nn.Flatten(), nn.Linear(96, 400))
    monkeypatch.setattr(calibration, "_model", lambda name, weights_file: net)
    return net.eval()


def by_hand(net: nn.Module, cache: Cache, stride: int) -> list[list[int]]:
    """The best class of each of five clips of every video, as torchvision prepares them."""
    preset, best = kinetics400_weights("r3d_18").transforms(), []
    for video in cache.videos:
        frames = torch.from_numpy(cache.frames(video)).permute(0, 3, 1, 2)
        starts = evaluation_starts(len(frames), 15 * stride + 1, 5)
        clips = torch.stack([preset(frames[start : start + 15 * stride + 1 : stride]) for start in starts])
        with torch.no_grad():
            best.append(net(clips).argmax(1).tolist())
    return best


def test_accuracy_is_that_of_torchvisions_preparation_and_labels(experiment, net, capsys):
    cache = Cache(experiment.paths.cache("val"))
    categories = kinetics400_weights("r3d_18").meta["categories"]
    with torch.no_grad():  # so that some clips are right, and some are not
        net[2].bias[[categories.index(label) for label in set(LABELS)]] += 10
    best = by_hand(net, cache, stride=2)
    right = [[categories[b] == video.label for b in clips] for clips, video in zip(best, cache.videos, strict=True)]
    assert 0 < np.mean(right) < 1
    calibrate("r3d_18", experiment, None)
    result = Calibration.read(experiment.paths.calibration("r3d_18"))
    assert result.clip_accuracy == pytest.approx(np.mean(right))
    assert (result.frames, result.clips_per_video, result.videos_used) == (16, 5, 4)
    assert result.published_accuracy == pytest.approx(0.632)
    assert result.video_interval is None  # of four videos
    assert result.data_fingerprint == cache.fingerprint
    assert result.origin.inputs == {"kinetics/cache/val.json": cache.fingerprint}
    assert "of 4 videos, published: 63.2 %; " in capsys.readouterr().out


def test_short_videos_are_scored_by_the_clips_that_fit_or_counted(experiment, net, capsys):
    whole = list(videos())
    frames = [40, 40, 33, 30]  # a clip of 16 at stride 2 needs 31
    short = [(label, shown[:count]) for (label, shown), count in zip(whole, frames, strict=True)]
    write_cache(experiment.paths.cache("val"), short)
    calibrate("r3d_18", experiment, None)
    result = Calibration.read(experiment.paths.calibration("r3d_18"))
    assert (result.videos_listed, result.videos_used, result.clips, result.clips_per_video) == (4, 3, 13, 5)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "of 3 videos, published: 63.2 %; " in line
    assert " of 13 clips; 1 of 4 listed videos left out: 1 too short for a clip; " in line


@pytest.mark.slow
def test_the_command_evaluates_a_weights_file(experiment, tmp_path, capsys):
    torch.manual_seed(0)
    file = tmp_path / "r3d_18.pth"
    torch.save(get_model("r3d_18").state_dict(), file)
    kinetics = ["--config", str(KINETICS), "--results", str(experiment.results)]
    assert cli.main(["calibrate", "r3d_18", *kinetics, "--weights-file", str(file)]) == 0
    assert "r3d_18: " in capsys.readouterr().out
    result = Calibration.read(experiment.paths.calibration("r3d_18"))
    assert not Path(result.weights_file).is_absolute()
    assert result.weights_file.endswith("r3d_18.pth")
    assert result.origin.inputs[result.weights_file] == file_hash(file)


@pytest.mark.parametrize("rate", [None, 25])
def test_another_frame_rate_is_refused(experiment, net, rate):
    experiment = changed(experiment, {"data.frame_rate": rate})
    with pytest.raises(InputError, match=rf"data\.frame_rate: {rate or 'left out'}; .*15"):
        calibrate("r3d_18", experiment, None)


def test_frames_that_are_too_small_are_refused(experiment, net):
    write_cache(experiment.paths.cache("val"), videos(side=64))
    with pytest.raises(InputError, match=r"0 0 has 64 pixels on its shorter side; r3d_18 was measured at 128"):
        calibrate("r3d_18", experiment, None)


def test_a_label_that_the_weights_do_not_know_is_named(experiment, net, monkeypatch):
    monkeypatch.setitem(globals(), "LABELS", ["knitting a network", *LABELS[1:]])
    write_cache(experiment.paths.cache("val"), videos())
    with pytest.raises(InputError, match="'knitting a network' is none of the 400"):
        calibrate("r3d_18", experiment, None)


def test_the_authors_weights_must_be_given(experiment):
    write_cache(experiment.paths.cache("val"), videos(side=224))
    with pytest.raises(InputError, match="rcn50: give --weights-file"):
        calibrate("rcn50", experiment, None)


def test_the_authors_weights_are_evaluated_by_the_labels_of_training(experiment, monkeypatch, capsys, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool3d((2, 4, 4)), nn.Flatten(), nn.Linear(96, 400))
    monkeypatch.setattr(calibration, "_model", lambda name, weights_file: net)
    listed = tmp_path / "train.csv"
    taken = {"clip.evaluation_clips": 3, "clip.evaluation_crops": 3}
    experiment = changed(experiment, {**taken, "data.annotations.train": str(listed)})
    write_cache(experiment.paths.cache("val"), videos(side=224))
    others = [f"label {i}" for i in range(396)]
    listed.write_text("path,label\n" + "".join(f"{i}.mp4,{name}\n" for i, name in enumerate([*LABELS, *others])))
    with pytest.raises(InputError, match="399 labels, the authors' network has 400 classes"):
        calibrate("rcn50", experiment, None)
    more = tmp_path / "more.csv"  # a list is read once
    more.write_text(listed.read_text() + "more.mp4,another label\n")
    calibrate("rcn50", changed(experiment, {"data.annotations.train": str(more)}), None)
    result = Calibration.read(experiment.paths.calibration("rcn50"))
    assert result.published_accuracy is None
    assert (result.clips, result.clips_per_video, result.crops) == (3 * len(LABELS), 3, 3)
    assert "no published figure" in capsys.readouterr().out
