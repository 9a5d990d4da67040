"""Online accuracy: what a model has said of each validation video by every tenth of it."""

import csv
import math

import numpy as np
import pytest
import torch
from tiny import changed, save_weights
from torch import nn

from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.cache.index import Cache
from rcn_bench.engine.online import evaluate_online
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Online

SHARES = [f"{tenth}0%" for tenth in range(1, 11)]
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
STRIDE, CROP, WINDOW = 2, 16, 4


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def undecided(model, clips):
    """A model whose random weights prefer no class on the whole, so that what it says changes with the frames."""
    model.eval().requires_grad_(False)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    linear.bias -= model(clips).mean(0)
    return model


@pytest.fixture
def experiment(noise_without_runs, with_window_model):
    return with_window_model(noise_without_runs)


@pytest.fixture
def evaluated(experiment):
    """Evaluates a random model as if it had been trained; gives the model, the cache and the rows of online.csv."""

    def evaluate(run):
        cache = Cache(experiment.paths.cache("val"))
        load_plugins(experiment.plugins)
        model = create_model(run.model, 3, **({"w_hh": run.w_hh} if run.w_hh else {}))
        model = undecided(model, torch.cat([model_input(cache.frames(video)[:25]) for video in cache.videos[:9]]))
        save_weights(experiment, run, model, cache.labels)
        evaluate_online(run, experiment)
        with experiment.paths.online(run).open(newline="") as file:
            return model, cache, list(csv.DictReader(file))

    return evaluate


def model_input(frames):
    """Every second frame's centre, normalised, (1, 3, T, 16, 16), written out."""
    margin = (frames.shape[1] - CROP) // 2
    centre = frames[::STRIDE, margin : margin + CROP, margin : margin + CROP] / 255
    return torch.tensor((centre - MEAN) / STD, dtype=torch.float32).permute(3, 0, 1, 2).unsqueeze(0)


def by_video(cache, rows):
    """Each row with the model's input of its video and its true class."""
    videos = {video.id: video for video in cache.videos}
    for row in rows:
        video = videos[row["video"]]
        yield row, model_input(cache.frames(video)), cache.labels.index(video.label)


@pytest.mark.parametrize("name", ["rcn_pocket", "window3d"])
def test_every_video_that_has_a_clips_frames_has_a_row(evaluated, name):
    _, cache, rows = evaluated(Run(name, WINDOW, "random", "random" if name == "rcn_pocket" else None))
    assert [list(row) for row in rows] == [["video", "group", "label", "way", *SHARES]] * len(rows)
    used = [video for video in cache.videos if -(-video.shape[0] // STRIDE) >= WINDOW]
    assert len(used) == len(cache.videos) - 1
    for way in ("carried", "restarted") if name == "rcn_pocket" else ("windows",):
        of_way = [(row["video"], row["group"], row["label"]) for row in rows if row["way"] == way]
        assert of_way == [(v.id, v.group, v.label) for v in used]
    assert len(rows) == (2 if name == "rcn_pocket" else 1) * len(used)


@pytest.mark.parametrize(("name", "w_hh"), [("rcn_pocket", "random"), ("c2d_pocket", None)])
def test_a_network_with_a_state_says_what_the_mean_of_its_frames_logits_says(evaluated, name, w_hh):
    model, cache, rows = evaluated(Run(name, WINDOW, "random", w_hh))
    rows = [row for row in rows if row["way"] in ("carried", "frames")]
    for row, clip, true_class in by_video(cache, rows):
        logits = model.frame_logits(clip)[0].double()
        for tenth, share in enumerate(SHARES, start=1):
            seen = math.ceil(tenth * len(logits) / 10)
            assert row[share] == str(int(logits[:seen].mean(0).argmax() == true_class)), (row["video"], share)
        assert row["100%"] == str(int(model(clip)[0].argmax() == true_class))
    assert {row[share] for row in rows for share in SHARES} == {"0", "1"}
    assert any(row["10%"] != row["100%"] for row in rows)


@pytest.mark.slow
def test_a_restarted_state_sees_every_clip_alone(evaluated):
    model, cache, rows = evaluated(Run("rcn_pocket", WINDOW, "random", "random"))
    ways = {way: [row for row in rows if row["way"] == way] for way in ("carried", "restarted")}
    for row, clip, true_class in by_video(cache, ways["restarted"]):
        logits = torch.cat([model.frame_logits(part)[0] for part in clip.split(WINDOW, 2)]).double()
        for tenth, share in enumerate(SHARES, start=1):
            seen = math.ceil(tenth * len(logits) / 10)
            assert row[share] == str(int(logits[:seen].mean(0).argmax() == true_class)), (row["video"], share)
    said = [[[row[share] for share in SHARES] for row in of_way] for of_way in ways.values()]
    assert said[0] != said[1]


def test_a_network_without_a_state_is_shown_as_such(evaluated):
    _, _, rows = evaluated(Run("c2d_pocket", WINDOW, "random"))
    assert {row["way"] for row in rows} == {"frames"}


def test_a_model_of_windows_says_what_the_mean_softmax_of_complete_windows_says(evaluated):
    model, cache, rows = evaluated(Run("window3d", WINDOW, "random"))
    for row, clip, true_class in by_video(cache, rows):
        frames = clip.shape[2]
        for tenth, share in enumerate(SHARES, start=1):
            seen = math.ceil(tenth * frames / 10)
            softmax = [
                model(clip[:, :, start : start + WINDOW])[0].double().softmax(0)
                for start in range(0, frames, WINDOW // 2)
                if start + WINDOW <= seen
            ]
            said = str(int(torch.stack(softmax).mean(0).argmax() == true_class)) if softmax else ""
            assert row[share] == said, (row["video"], share)
    assert {row[share] for row in rows for share in SHARES} == {"", "0", "1"}


def test_a_model_of_windows_says_nothing_before_the_first_full_one(evaluated):
    _, _, rows = evaluated(Run("window3d", WINDOW, "random"))
    row = rows[0]  # 13 frames: after 30 % there are 4
    assert [row[share] for share in SHARES[:2]] == ["", ""]
    assert all(row[share] in ("0", "1") for share in SHARES[2:])


def test_a_window_of_the_whole_video_speaks_at_its_end(evaluated):
    _, _, rows = evaluated(Run("window3d", 13, "random"))
    for row in rows:
        if row["video"] < "v09":
            assert [row[share] == "" for share in SHARES] == [True] * 9 + [False]


def test_windows_of_one_frame_start_at_every_frame(evaluated):
    model, cache, rows = evaluated(Run("window3d", 1, "random"))
    assert len(rows) == len(cache.videos)
    row, clip, true_class = next(by_video(cache, rows))
    softmax = torch.cat([model(frame.unsqueeze(2)) for frame in clip.unbind(2)]).softmax(1)
    assert row["100%"] == str(int(softmax.mean(0).argmax() == true_class))


def test_the_shares_of_all_videos_are_printed(evaluated, capsys):
    run = Run("window3d", WINDOW, "random")
    _, _, rows = evaluated(run)
    right = sum(row["100%"] == "1" for row in rows) / len(rows)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(f"{run.name}, windows: right after 10% ")
    assert line.endswith(f"100% {right:.1%} of {len(rows)} videos")


def test_a_clip_longer_than_all_videos_is_refused(evaluated, experiment):
    run = Run("window3d", 21, "random")
    with pytest.raises(InputError, match=r"val\.json: no video has the 41 frames that a clip needs"):
        evaluated(run)
    assert not experiment.paths.online(run).exists()


@pytest.mark.parametrize(
    ("name", "ways"), [("rcn_pocket", ["carried", "restarted"]), ("c2d_pocket", ["frames"]), ("window3d", ["windows"])]
)
def test_the_record_tells_what_was_shown_and_of_which_weights(evaluated, experiment, name, ways):
    run = Run(name, WINDOW, "random", "random" if name == "rcn_pocket" else None)
    _, cache, rows = evaluated(run)
    paths = experiment.paths
    record = Online.read(paths.online(run).with_suffix(".json"))
    assert (record.run, record.ways, record.videos_used) == (run.name, ways, len(cache.videos) - 1)
    assert record.shares == [pytest.approx(tenth / 10) for tenth in range(1, 11)]
    assert record.weights_sha256 == file_hash(paths.weights(run))
    assert len(record.rows(paths.online(run))) == len(rows)
    depends = dependencies(experiment, "online", run.name)
    assert (record.origin.settings, record.origin.code) == (depends.settings, depends.code.hash)
    assert record.origin.inputs == {
        f"noise/runs/{run.name}/model.safetensors": record.weights_sha256,
        "noise/cache/val.json": cache.fingerprint,
    }


@pytest.mark.slow
def test_weights_of_another_config_are_refused_by_name(evaluated, experiment):
    run = Run("c2d_pocket", WINDOW, "random")
    evaluated(run)
    path = experiment.paths.weights(run)
    with pytest.raises(InputError) as error:
        evaluate_online(run, changed(experiment, {"clip.stride": 1}))
    assert str(error.value) == f"{path}: trained with clip.stride: 2, the config has 1; restore it, or train again"


def test_missing_weights_are_one_line(tmp_path, capsys):
    arguments = ["--config", "config/mini.yaml", "--results", str(tmp_path)]
    assert cli.main(["online", "c2d18-t4-xh_random-s0", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "model.safetensors: not there; run `rcn-bench train c2d18-t4-xh_random-s0` first" in line
