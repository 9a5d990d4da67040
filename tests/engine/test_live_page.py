"""What docs/live.md shows: its Python as it stands, against the command beside it, and its numbers as they are kept."""

import re
from pathlib import Path

import numpy as np
import pytest
from kept_results import kept_rows

from rcn_bench import cli
from rcn_bench.data.media.files import write_lossless

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "live.md").read_text()

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def test_its_python_says_what_the_command_says(noise, noise_run, tmp_path, monkeypatch, capsys):
    shown, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "model.safetensors").symlink_to(noise.paths.weights(noise_run))
    pixels = np.random.default_rng(1).integers(0, 256, (30, 20, 20)).astype(np.uint8)
    write_lossless(tmp_path / "video.mp4", pixels, 8)
    monkeypatch.chdir(tmp_path)
    exec(shown, {})
    by_python = capsys.readouterr().out.splitlines()
    assert cli.main(["stream", "video.mp4", "--weights", "model.safetensors", "--top", "1"]) == 0
    *by_command, _ = capsys.readouterr().out.splitlines()
    assert len(by_python) == 15, "every second of 30 frames"
    assert by_python == [" ".join(re.sub(r" \d+\.\d%$", "", line).split()).strip() for line in by_command]


def kept(product, tree="standard", frames=8):
    return [row for row in kept_rows(f"{tree}/{product}.csv") if row.get("frames") in (str(frames), None)]


def right_by_age(tree="standard", frames=8):
    """Percent, by model, way and age."""
    rows = kept("figures/lifetime", tree, frames)
    return {(row["model"], row["way"], int(row["age"])): 100 * float(row["accuracy"]) for row in rows}


def test_its_accuracies_are_those_of_the_kept_results():
    online = kept("figures/online_accuracy")
    rows = {(row["model"], row["way"], float(row["share_of_video"])): row["accuracy"] for row in online}
    shown = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\d.]*) ?\| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert len(shown) == 5
    for model, way, *percents in shown:
        for share, percent in zip((0.1, 0.5, 1.0), percents, strict=True):
            accuracy = rows.get((model, way, share))
            assert percent == ("" if accuracy is None else f"{100 * float(accuracy):.1f}"), (model, way, share)


def test_its_ages_are_those_of_the_kept_results():
    rows = right_by_age()
    text = " ".join(PAGE.split())
    young, old = rows["rcn18", "last", 8], rows["rcn18", "last", 128]
    assert f"has {young:.1f} % of long videos right when its state is 8 frames old" in text
    assert f"falls by {young - old:.1f} points at sixteen times that age" in text
    assert f"to {old:.1f} % where chance is 5" in text
    restarted = [rows["rcn18", "restarted", age] for age in (8, 16, 32, 64, 128, 256, 512, 1024)]
    assert f"stays at {min(restarted):.1f} to {max(restarted):.1f} %" in text


def test_what_trains_for_age_is_told_as_in_the_kept_results():
    text, longer = " ".join(PAGE.split()), right_by_age("longer")
    cured, without = ([longer[model, "last", age] for age in (128, 1024)] for model in ("rcn18+carried", "rcn18"))
    assert f"{cured[0]:.1f}" == f"{cured[1]:.1f}"
    assert f"has {cured[0]:.1f} % right at sixteen times its training length and at 1,024 frames" in text
    assert "where `rcn18` has {:.1f} and {:.1f}".format(*without) in text
    of_clips = [float(row["video acc %"]) for row in kept("tables/table2_architectures", "longer")]
    assert (
        "{1:.1f} % of the validation videos by clips of 8 frames, where `rcn18` has {0:.1f}".format(*of_clips) in text
    )
    of_450 = {row["model"]: float(row["video acc %"]) for row in kept("tables/table2_architectures")}
    assert f"After 450 it was {of_450['rcn18'] - of_450['rcn18+carried']:.0f} points behind" in text
    of_32 = right_by_age(frames=32)
    lost = of_32["rcn18+t8_batch", "last", 32] - of_32["rcn18+t8_batch", "last", 128]
    assert f"of 32 frames, {lost:.1f} points are lost at four times" in text


def test_its_league_is_that_of_the_kept_results():
    rows = {(row["model"], row["way"]): row for row in kept_rows("league/tables/league.csv")}
    number = r" ([\d,.]+) \|"
    line = rf"^\| `(\w+)` \| ([a-z ]+) \| ([\d.]+) \((.*?)\) \| ([\d.]+)(?:, every.*?)? \|{3 * number}$"
    shown = re.findall(line, PAGE, re.MULTILINE)
    assert len(shown) == 9
    for model, way, right, interval, latency, rate, joules, state in shown:
        row = rows[model, {"single frames": "frames"}.get(way, way)]
        assert right == f"{float(row['end acc %']):.1f}"
        assert interval == "-".join(f"{float(row[f'end acc 95 % interval {end}']):.1f}" for end in ("low", "high"))
        assert latency == f"{float(row['latency p50 ms']):.2f}"
        assert rate == f"{float(row['frames/s of 512 videos']):,.0f}"
        assert joules == f"{float(row['mJ/frame of 512 videos']):.1f}"
        assert state == f"{float(row['state KiB']):,.0f}"
