"""Published weights on a cache: by torchvision's own preparation and labels, and refusals where they do not fit."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from caches import write_cache
from torch import nn
from torchvision.models import get_model

from rcn_bench import cli
from rcn_bench.config import load_config
from rcn_bench.data.cache import Cache
from rcn_bench.data.clips import evaluation_starts
from rcn_bench.engine import calibrate as calibration
from rcn_bench.engine.calibrate import calibrate
from rcn_bench.errors import InputError
from rcn_bench.files import read_json
from rcn_bench.layout import Layout
from rcn_bench.models.published import kinetics400_weights

REPOSITORY = Path(__file__).parents[2]
LABELS = ["yoga", "abseiling", "yoga", "zumba"]


@pytest.fixture
def config():
    config = copy.deepcopy(load_config(REPOSITORY / "config" / "kinetics.yaml"))
    config["data"]["frame_rate"] = 30
    config["train"] |= {"threads": 1, "workers": 0}
    return config


def videos(side: int = 128, frames: int = 40):
    """Coarse noise, each of another width."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(LABELS):
        coarse = rng.integers(0, 256, (frames, 8, 10 + number, 3), np.uint8)
        yield label, np.kron(coarse, np.ones((1, side // 8, side // 8, 1), np.uint8))


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    write_cache(layout.cache("val"), videos())
    write_cache(layout.cache("train"), ((label, np.zeros((1, 8, 8, 3), np.uint8)) for label in LABELS))
    return layout


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


def test_accuracy_is_that_of_torchvisions_preparation_and_labels(config, layout, net, capsys):
    cache = Cache(layout.cache("val"))
    categories = kinetics400_weights("r3d_18").meta["categories"]
    with torch.no_grad():  # so that some clips are right, and some are not
        net[2].bias[[categories.index(label) for label in set(LABELS)]] += 10
    best = by_hand(net, cache, stride=2)
    right = [[categories[b] == video.label for b in clips] for clips, video in zip(best, cache.videos, strict=True)]
    assert 0 < np.mean(right) < 1
    calibrate("r3d_18", config, layout, None)
    result = read_json(layout.calibration("r3d_18"))
    assert result["clip_accuracy"] == pytest.approx(np.mean(right))
    assert (result["frames"], result["clips_per_video"], result["videos_used"]) == (16, 5, 4)
    assert result["published_accuracy"] == pytest.approx(0.632)
    assert {"video_accuracy", "video_interval", "data_fingerprint", "machine"} <= set(result)
    assert "of 4 videos, published: 63.2 %; " in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_evaluates_a_weights_file(layout, tmp_path, capsys, config):
    torch.manual_seed(0)
    torch.save(get_model("r3d_18").state_dict(), tmp_path / "r3d_18.pth")
    root = Layout.of(config, tmp_path / "results").root
    root.parent.mkdir()
    root.symlink_to(layout.root)
    kinetics = ["--config", str(REPOSITORY / "config" / "kinetics.yaml"), "--results", str(tmp_path / "results")]
    assert cli.main(["calibrate", "r3d_18", *kinetics, "--weights-file", str(tmp_path / "r3d_18.pth")]) == 0
    assert "r3d_18: " in capsys.readouterr().out
    assert read_json(layout.calibration("r3d_18"))["weights_file"].endswith("r3d_18.pth")


@pytest.mark.parametrize("rate", [None, 25])
def test_another_frame_rate_is_refused(config, layout, net, rate):
    config["data"]["frame_rate"] = rate
    with pytest.raises(InputError, match=rf"data\.frame_rate: {rate}; .*15"):
        calibrate("r3d_18", config, layout, None)


def test_frames_that_are_too_small_are_refused(config, layout, net):
    write_cache(layout.cache("val"), videos(side=64))
    with pytest.raises(InputError, match=r"0 0 has 64 pixels on its shorter side; r3d_18 was measured at 128"):
        calibrate("r3d_18", config, layout, None)


def test_a_label_that_the_weights_do_not_know_is_named(config, layout, net, monkeypatch):
    monkeypatch.setitem(globals(), "LABELS", ["knitting a network", *LABELS[1:]])
    write_cache(layout.cache("val"), videos())
    with pytest.raises(InputError, match="'knitting a network' is none of the 400"):
        calibrate("r3d_18", config, layout, None)


def test_the_authors_checkpoint_must_be_given(config, layout):
    write_cache(layout.cache("val"), videos(side=224))
    with pytest.raises(InputError, match="rcn50: give --weights-file"):
        calibrate("rcn50", config, layout, None)


def test_the_authors_weights_are_evaluated_by_the_labels_of_training(config, layout, monkeypatch, capsys):
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool3d((2, 4, 4)), nn.Flatten(), nn.Linear(96, 400))
    monkeypatch.setattr(calibration, "_model", lambda name, weights_file: net)
    config["clip"]["evaluation_clips"] = 3
    write_cache(layout.cache("val"), videos(side=224))
    listed = layout.root / "train.csv"
    config["data"]["annotations"]["train"] = str(listed)
    others = [f"label {i}" for i in range(396)]
    listed.write_text("path,label\n" + "".join(f"{i}.mp4,{name}\n" for i, name in enumerate([*LABELS, *others])))
    with pytest.raises(InputError, match="399 labels, the authors' network has 400 classes"):
        calibrate("rcn50", config, layout, None)
    with listed.open("a") as file:
        file.write("more.mp4,another label\n")
    calibrate("rcn50", config, layout, None)
    assert read_json(layout.calibration("rcn50"))["published_accuracy"] is None
    assert "no published figure" in capsys.readouterr().out
