"""Predictions on any videos by the command line, against those of the run's own evaluation."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rcn_bench import cli
from rcn_bench.data.examine import decode
from rcn_bench.data.media.files import write_lossless
from rcn_bench.engine.evaluate import evaluate

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture
def predicted(noise, noise_run, tmp_path, capsys):
    """The rows that the command writes for videos, by name, and what it prints."""

    def run(videos):
        output = tmp_path / "predictions.csv"
        arguments = ["evaluate", "--weights", noise.paths.weights(noise_run), "--videos", videos, "--output", output]
        assert cli.main([str(argument) for argument in arguments]) == 0
        with output.open(newline="") as file:
            return {row["video"]: row for row in csv.DictReader(file)}, capsys.readouterr().out

    return run


@pytest.mark.slow
def test_predictions_are_those_of_the_evaluation(noise, noise_run, noise_without_runs, predicted):
    experiment = noise_without_runs
    shutil.copytree(noise.paths.run(noise_run), experiment.paths.run(noise_run))
    evaluate(noise_run, experiment)
    own = pd.read_csv(experiment.paths.predictions(noise_run)).set_index("video")
    rows, _ = predicted(noise.dataset.videos)
    for video, of_run in own.iterrows():
        row = rows[f"both/{video}.mp4"]
        assert (row["predicted"], row["clips"], row["error"]) == (of_run["predicted"], "2", "")
        assert float(row["score"]) == pytest.approx(of_run["score"], abs=2e-4)
    assert len(own) == len(rows) - 1  # one video is too short for a clip


def test_every_file_of_a_folder_has_a_row_whatever_it_is(noise, predicted, tmp_path):
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    (folder / "notes.txt").write_text("not a video")
    (folder / ".hidden").write_text("")
    for name, frames in (("deep/seven.mp4", 7), ("six.mp4", 6)):  # a clip of 4 at stride 2 needs 7
        write_lossless(folder / name, np.random.default_rng(0).integers(0, 256, (frames, 20, 20)).astype(np.uint8), 8)
    rows, printed = predicted(folder)
    assert set(rows) == {"deep/seven.mp4", "notes.txt", "six.mp4"}
    assert (rows["deep/seven.mp4"]["clips"], rows["deep/seven.mp4"]["error"]) == ("1", "")
    assert rows["six.mp4"]["error"] == "6 frames, a clip needs 7"
    assert "not a video" in rows["notes.txt"]["error"]
    assert rows["notes.txt"]["predicted"] == ""
    assert "1 of 3 files" in printed


def test_links_are_followed_once_and_hidden_folders_are_not_read(noise, predicted, tmp_path):
    folder, other = tmp_path / "mine", tmp_path / "other"
    for name in ("-a.mp4", ".Trash-1000/files/b.mp4", "@eaDir/c.mp4", ".ipynb_checkpoints/d.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_lossless(folder / name, np.random.default_rng(0).integers(0, 256, (8, 20, 20)).astype(np.uint8), 8)
    other.mkdir()
    shutil.copy(folder / "-a.mp4", other / "e.mp4")
    for name, target in (
        ("more", other),
        ("more again", other),
        ("all", folder),
        ("gone.mp4", "/nowhere"),
        ("it", "it"),
    ):
        (folder / name).symlink_to(target)
    rows, _ = predicted(folder)
    assert {name: row["clips"] for name, row in rows.items()} == {
        "-a.mp4": "2",
        "gone.mp4": "",
        "it": "",
        "more/e.mp4": "2",
    }
    assert (rows["gone.mp4"]["error"], rows["it"]["error"]) == ("missing", "missing")


def test_a_single_file_will_do(noise, predicted):
    (file, *_) = sorted((noise.dataset.videos).rglob("*.mp4"))
    rows, _ = predicted(file)
    assert list(rows) == [file.name]


def pictures_of(file, folder):
    folder.mkdir()
    for number, image in enumerate(decode(file), start=1):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


def test_a_folder_of_pictures_is_one_video(noise, predicted, tmp_path):
    (file, *_) = sorted((noise.dataset.videos).rglob("*.mp4"))
    (row,) = predicted(file)[0].values()
    rows, _ = predicted(pictures_of(file, tmp_path / "taken_apart"))
    assert rows == {"taken_apart": row | {"video": "taken_apart"}}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--weights", "none.safetensors", "--videos", "."], "none.safetensors: no such weights file"),
        (["--videos", "."], "--weights and --videos"),
        (["c2d18-t8-xh_random-s0"], "a run and --config"),
        (["c2d18-t8-xh_random-s0", "--weights", "a", "--videos", "b"], "a run and --config, or"),
    ],
)
def test_other_arguments_are_refused_in_one_line(capsys, arguments, part):
    assert cli.main(["evaluate", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line


def test_a_folder_without_files_is_refused(noise, noise_run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    arguments = ["evaluate", "--weights", str(noise.paths.weights(noise_run)), "--videos", str(tmp_path / "empty")]
    assert cli.main(arguments) == 2
    assert "no file there" in capsys.readouterr().err
