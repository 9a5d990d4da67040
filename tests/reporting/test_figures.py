import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from rcn_bench.analysis.hidden_state import hidden_matrices
from rcn_bench.config import load_config
from rcn_bench.errors import InputError
from rcn_bench.experiment import Run, all_runs
from rcn_bench.intervals import accuracy_interval
from rcn_bench.layout import Layout
from rcn_bench.reporting.figures import BUILDERS, write_figure

LAYERS = {"rcn18": 4, "rcn34": 12}


@pytest.fixture(scope="module")
def config():
    return load_config("config/mini.yaml")


@pytest.fixture(scope="module")
def layout(config, tmp_path_factory):
    """Weights of every RCN run: small random w_hh in blocks whose numbers do not sort as text."""
    layout, rng = Layout(tmp_path_factory.mktemp("results")), np.random.default_rng(0)
    for run in all_runs(config):
        if run.w_hh is not None:
            layout.run(run).mkdir(parents=True)
            state = {
                f"trunk.layer1.{i}.conv1.w_hh": rng.normal(size=(8 + i, 8 + i)).astype(np.float32)
                for i in range(LAYERS[run.model])
            }
            save_file({**state, "trunk.fc.weight": np.zeros((2, 2), np.float32)}, layout.weights(run))
    return layout


def numbers(name, config, layout):
    write_figure(name, config, layout)
    for suffix, magic in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        assert layout.figure(name).with_suffix(suffix).read_bytes().startswith(magic)
    return pd.read_csv(layout.figure(name).with_suffix(".csv"))


def test_layers_come_in_the_order_of_the_network(config, layout):
    run = next(run for run in all_runs(config) if run.model == "rcn34")
    assert [len(w_hh) for w_hh in hidden_matrices(layout.weights(run))] == list(range(8, 20))


def test_figure1_numbers_are_those_of_the_four_inits(config, layout):
    table = numbers("figure1", config, layout)
    assert list(table["panel"].unique()) == ["a", "b", "c", "d"]
    for _, panel in table.groupby("panel"):
        (name,) = panel["run"].unique()
        matrices = hidden_matrices(layout.root / "runs" / name / "model.safetensors")
        expected = [[w.mean(), w.std(), np.diagonal(w).mean(), np.diagonal(w).std()] for w in matrices]
        shown = panel[["mean", "std", "diagonal_mean", "diagonal_std"]].to_numpy()
        np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-6)


def test_start_of_training_is_that_of_the_init(config, layout):
    table = numbers("figure1", config, layout).set_index(["panel", "layer"])
    assert table.loc[("b", 1), "start_std"] == pytest.approx(np.eye(8).std(), rel=1e-4)
    assert table.loc[("a", 1), "start_std"] == pytest.approx(np.sqrt(2 / 8), rel=1e-4)
    assert table.loc[("d", 1), "start_diagonal_mean"] == 1


def test_figure2_draws_both_readings_of_its_caption(config, layout):
    table = numbers("figure2", config, layout)
    runs = table.groupby("panel")["run"].first()
    assert runs["a"] == "rcn18-t16-xh_random-hh_identity-s0"
    assert runs["b"] == "rcn34-t16-xh_random-hh_identity-s0"
    assert runs["b'"] == "rcn34-t16-xh_stills-hh_identity-s0"
    assert table.groupby("panel")["layer"].max()["b"] == LAYERS["rcn34"]


def test_figure2_of_one_model_shows_both_of_its_starts(config, layout):
    figures = config["figures"] | {"figure2": {"models": ["rcn18"], "frames": 16}}
    table = numbers("figure2", config | {"figures": figures}, layout)
    assert table.groupby("panel")["run"].first().to_dict() == {
        "a": "rcn18-t16-xh_random-hh_identity-s0",
        "a'": "rcn18-t16-xh_stills-hh_identity-s0",
    }


def test_figure3_numbers_are_the_matrices(config, layout):
    table = numbers("figure3", config, layout)
    w_hh = hidden_matrices(layout.root / "runs/rcn18-t8-xh_stills-hh_identity-s0/model.safetensors")[2]
    shown = table[table["layer"] == 3].pivot(index="row", columns="column", values="value").to_numpy()
    np.testing.assert_allclose(shown, w_hh, rtol=1e-4)


# Accuracy while a video is being seen


@pytest.fixture
def two_seeds(config):
    online = {"rcn18": [8], "i3d18": [8]}
    return config | {"seeds": [0, 1], "figures": config["figures"] | {"online_accuracy": online}}


@pytest.fixture
def online(two_seeds, tmp_path):
    """What four videos, two of them twins, came to: a line a video, a digit a tenth of it, - before it can tell."""
    layout = Layout(tmp_path)
    ones = ["1111111111"] * 4
    carried = ["0000000001", "0000011111", "0101010101", "1111111111"]
    write_online(layout, "rcn18", 0, carried=carried, restarted=ones)
    carried = ["0000000001", "0000000001", "1010101011", "1111111111"]
    write_online(layout, "rcn18", 1, carried=carried, restarted=ones)
    write_online(layout, "i3d18", 0, windows=["--00001111", "-111111111", "---1111111", "-000000000"])
    write_online(layout, "i3d18", 1, windows=["--11110000", "-111111111", "---1111111", "-000000000"])
    return layout


def write_online(layout, model, seed, **ways):
    """Videos, groups and classes whose names look like numbers, or like nothing."""
    run = Run(model, 8, "stills", "identity" if model.startswith("rcn") else None, seed)
    tables = []
    for way, videos in ways.items():
        table = pd.DataFrame(
            {
                "video": ["01", "02", "03", "04"],
                "group": ["01", "01", "03", "04"],
                "label": ["null", "01", "null", "01"],
                "way": way,
            }
        )
        for tenth in range(10):
            table[f"{10 * (tenth + 1)}%"] = [np.nan if video[tenth] == "-" else float(video[tenth]) for video in videos]
        tables.append(table)
    layout.run(run).mkdir(parents=True)
    pd.concat(tables).to_csv(layout.online(run), index=False, float_format="%.0f")


def test_online_accuracy_is_the_mean_over_videos_and_seeds(two_seeds, online):
    table = numbers("online_accuracy", two_seeds, online)
    rcn = table[(table["model"] == "rcn18") & (table["way"] == "carried")]
    np.testing.assert_allclose(rcn["share"], np.arange(1, 11) / 10)
    by_hand = np.array([3, 3, 3, 3, 3, 4, 4, 4, 4, 8]) / 8
    np.testing.assert_allclose(rcn["accuracy"], by_hand)
    # At 60 %, of the twins one is right with one seed, of the others one with one and one with both.
    low, high = accuracy_interval([0.0, 0.5, 0.5, 1.0], ["a", "a", "b", "c"])
    np.testing.assert_allclose(rcn.iloc[5][["low", "high"]].astype(float), [low, high], rtol=1e-5)
    assert rcn.iloc[9][["accuracy", "low", "high"]].to_list() == [1, 1, 1]
    assert set(rcn["runs"]) == {"rcn18-t8-xh_stills-hh_identity-s0 rcn18-t8-xh_stills-hh_identity-s1"}


def test_online_accuracy_starts_where_every_video_has_had_a_full_window(two_seeds, online):
    table = numbers("online_accuracy", two_seeds, online)
    i3d = table[table["model"] == "i3d18"]
    np.testing.assert_allclose(i3d["share"], np.arange(4, 11) / 10)
    np.testing.assert_allclose(i3d["accuracy"], 5 / 8)  # the first video is right with one of the two seeds


def test_online_accuracy_draws_a_curve_for_every_model_and_way(two_seeds, online):
    figure, table = BUILDERS["online_accuracy"](two_seeds, online)
    (axis,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "rcn18, 8 frames, stills, state carried",
        "rcn18, 8 frames, stills, state restarted",
        "i3d18, 8 frames, stills, windows",
    ]
    assert [line.get_linestyle() for line in axis.get_lines()] == ["-", "--", "-"]
    for line, (_, rows) in zip(axis.get_lines(), table.groupby(["model", "way"], sort=False), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), rows["accuracy"])
    plt.close(figure)


def test_online_accuracy_without_results_says_what_to_run(two_seeds, online):
    online.online(Run("i3d18", 8, "stills", None, 1)).unlink()
    with pytest.raises(InputError, match="rcn-bench online i3d18-t8-xh_stills-s1"):
        write_figure("online_accuracy", two_seeds, online)
