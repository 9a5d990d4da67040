"""Keeping the results of benchmarks by machine, and the table of their ratios."""

import pandas as pd
import pytest

from rcn_bench import cli
from rcn_bench.errors import InputError
from rcn_bench.records.costs import BenchmarkGroup, Benchmarks
from rcn_bench.reporting import benchmarks
from rcn_bench.reporting.benchmarks import benchmarks_of, compare, run_benchmarks
from rcn_bench.reporting.throughput_by_length import IN_TURNS, throughput_by_length
from results import an_origin

SUITE = """
import time
import pytest

@pytest.mark.parametrize("name", ["slow", "fast"])
@pytest.mark.parametrize("group", ["one", "two"])
def test_sleep(benchmark, group, name):
    benchmark.group = group
    benchmark.extra_info |= {"name": name, "subject": name == "fast"}
    benchmark.pedantic(time.sleep, (0.1 if name == "slow" else 0.01,), rounds=3)
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A folder of benchmarks in place of the checkout's."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "test_sleep.py").write_text(SUITE)
    monkeypatch.setattr(benchmarks, "BENCHMARKS", folder)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # which would tell that pytest to time nothing
    return folder


def keep(folder, machine, **groups):
    """The rows of groups as benchmarks of a machine."""
    kept = {name: BenchmarkGroup(an_origin(), rows) for name, rows in groups.items()}
    Benchmarks(groups=kept).write(folder / machine / "benchmarks.json")


def row(name, median, subject=False):
    return {"name": name, "median": median, "subject": subject}


@pytest.mark.slow
def test_results_are_kept_by_machine_and_group_with_their_origin(suite, tmp_path):
    path = run_benchmarks(tmp_path, None, "", False)
    assert path.parent.parent == tmp_path
    assert path.parent.name.replace("_", "").isalnum()
    groups = Benchmarks.read(path).groups
    assert list(groups) == ["one", "two"]
    for measured in groups.values():
        assert measured.origin.stage == "bench"
        assert list(measured.origin.inputs) == ["tests/benchmarks/test_sleep.py"]
        assert len(measured.origin.starts) == 1
        medians = {row["name"]: row["median"] for row in measured.rows}
        assert medians["slow"] > medians["fast"] >= 0.01


@pytest.mark.slow
def test_groups_that_were_not_run_again_stay(suite, tmp_path):
    path = run_benchmarks(tmp_path, "here", "", False)
    before = Benchmarks.read(path).groups
    assert run_benchmarks(tmp_path, "here", "two", False) == path == tmp_path / "here" / "benchmarks.json"
    after = Benchmarks.read(path).groups
    assert after["one"] == before["one"]
    assert after["two"] != before["two"]


@pytest.mark.slow
def test_nothing_is_kept_of_benchmarks_that_fail(suite, tmp_path):
    (suite / "test_sleep.py").write_text(SUITE + "    assert False\n")
    with pytest.raises(InputError, match="benchmarks failed"):
        run_benchmarks(tmp_path, "here", "", False)
    assert not (tmp_path / "here").exists()


@pytest.mark.slow
def test_a_selection_of_nothing_is_named(suite, tmp_path):
    with pytest.raises(InputError, match="-k three: no benchmark"):
        run_benchmarks(tmp_path, "here", "three", False)


def test_benchmarks_need_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarks, "BENCHMARKS", tmp_path / "none")
    with pytest.raises(InputError, match="checkout"):
        run_benchmarks(tmp_path, None, "", False)


def cells(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_compiled_is_compared_with_compiled_beside_the_ratios_of_other_machines(tmp_path):
    models = ["rcn18", "rcn18, compiled", "c2d18", "c2d18, compiled", "authors_rcn18", "authors_rcn18, in a CUDA graph"]
    times = [3.0, 2.0, 1.5, 1.0, 9.0, 8.0]
    steps = [row(name, time, name.startswith("rcn")) for name, time in zip(models, times, strict=True)]
    keep(tmp_path, "a", step=steps)
    copies = [row("scan", 1.0, True), row("copy", 0.9)]
    steps = [row("rcn18", 4.0, True), row("c2d18", 4.0)]
    keep(tmp_path, "b", step=steps, scan=copies, none=[row("copy", 1.0)])
    lines = cells(compare(tmp_path))
    assert lines[0] == ["what", "is so many times as fast", "as", "a", "b"]
    assert sorted(lines[2:]) == sorted(
        [
            ["step", "rcn18", "c2d18", "0.50", "1.00"],
            ["step", "rcn18", "authors_rcn18", "3.00", ""],
            ["step", "rcn18, compiled", "c2d18, compiled", "0.50", ""],
            ["step", "rcn18, compiled", "authors_rcn18", "4.50", ""],
            ["step", "rcn18, compiled", "authors_rcn18, in a CUDA graph", "4.00", ""],
            ["scan", "scan", "copy", "", "0.90"],
        ]
    )
    assert [line[:3] for line in cells(compare(tmp_path, own="b"))[2:]] == [
        ["step", "rcn18", "c2d18"],
        ["scan", "scan", "copy"],
    ]


def test_memory_is_compared_where_it_was_measured(tmp_path):
    steps = [row("rcn18", 3.0, True) | {"peak_memory_bytes": 300}, row("c2d18", 1.5) | {"peak_memory_bytes": 200}]
    keep(tmp_path, "a", step=[*steps, row("i3d18", 3.0)])
    speed, memory = compare(tmp_path).split("\n\n")
    assert len(cells(speed)) == 4
    assert cells(memory)[0] == ["what", "takes so many times the memory", "of", "a"]
    assert cells(memory)[2:] == [["step", "rcn18", "c2d18", "1.50"]]


def test_no_results_are_one_line(tmp_path):
    with pytest.raises(InputError, match="rcn-bench bench"):
        compare(tmp_path)


@pytest.mark.slow
def test_the_command_line_keeps_and_compares(suite, tmp_path, capfd):
    arguments = ["bench", "--compare", "--machine", "here", "-k", "one", "--results", str(tmp_path)]
    assert cli.main(arguments) == 0
    out = capfd.readouterr().out
    assert "reference/here/benchmarks.json" in out
    assert "| one" in out


def test_the_command_line_shows_what_is_kept_without_running(suite, tmp_path, capfd):
    keep(tmp_path / "reference", "a", scan=[row("scan", 1.0, True), row("copy", 2.0)])
    assert cli.main(["bench", "--kept", "--results", str(tmp_path)]) == 0
    assert "2.00" in capfd.readouterr().out
    assert [path.name for path in (tmp_path / "reference").iterdir()] == ["a"]


@pytest.mark.slow
def test_what_was_timed_in_turns_stands_beside_its_subject(suite, tmp_path):
    (suite / "test_sleep.py").write_text(
        "def test_turns(benchmark):\n"
        "    benchmark.group = 'turns'\n"
        "    benchmark.extra_info |= {'name': 'rcn18', 'subject': True, 'beside': {'c2d18': 0.5}}\n"
        "    benchmark.pedantic(lambda: None, rounds=3)\n"
    )
    rows = Benchmarks.read(run_benchmarks(tmp_path, "here", "", False)).groups["turns"].rows
    assert [(one["name"], one["subject"]) for one in rows] == [("rcn18", True), ("c2d18", False)]
    assert rows[1]["median"] == 0.5


def test_kept_results_of_an_earlier_form_are_named_before_anything_is_measured(suite, tmp_path, monkeypatch):
    path = tmp_path / "here" / "benchmarks.json"
    path.parent.mkdir()
    path.write_text('{"groups": {"step": {"rows": []}}}')
    monkeypatch.setattr(benchmarks, "_measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(InputError, match=f"{path}: groups.step: has no origin"):
        run_benchmarks(tmp_path, "here", "", False)


@pytest.mark.parametrize(
    ("machine", "instead"), [("../card", "card"), ("", "my_card"), ("NVIDIA H200", "nvidia_h200"), ("card/", "card")]
)
def test_a_machine_is_a_folders_name(tmp_path, machine, instead):
    with pytest.raises(InputError, match=f"--machine '{machine}': .* such as {instead}$"):
        benchmarks_of(tmp_path, machine)


def test_another_machines_file_is_refused_before_anything_is_measured(suite, tmp_path, monkeypatch):
    keep(tmp_path, "card", step=[row("rcn18", 1.0, True)])
    path = tmp_path / "card" / "benchmarks.json"
    before = path.read_bytes()
    monkeypatch.setattr(benchmarks, "_measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(InputError, match=f"{path}: of .*, and this is .*; give another --machine"):
        run_benchmarks(tmp_path, "card", "", False)
    assert path.read_bytes() == before


def test_the_code_that_the_benchmarks_of_the_checkout_import_is_part_of_their_origin():
    origin = benchmarks._origin()
    assert "tests/benchmarks/test_scan.py" in origin.inputs
    assert all(len(checksum) == 64 for checksum in origin.inputs.values())
    assert origin.code


def in_turns(frames, **milliseconds):
    rows = [row(name, value / 1000, name == "rcn18, compiled") for name, value in milliseconds.items()]
    return {f"{IN_TURNS}, ResNet-18, {frames} frames": rows}


def test_throughput_by_clip_length_is_drawn_beside_the_benchmarks(tmp_path, monkeypatch, capsys):
    names = ("rcn18, compiled", "c2d18, compiled", "authors_rcn18, in a CUDA graph")
    groups = {}
    for frames, times in ((8, (9.0, 7.2, 36.0)), (32, (10.0, 7.0, 70.0))):
        groups |= in_turns(frames, **dict(zip(names, times, strict=True)))
    keep(tmp_path / "reference", "a_card", **groups)
    monkeypatch.setattr(
        "sys.argv",
        ["rcn-bench", "bench", "--kept", "--figure", "--machine", "a_card", "--results", str(tmp_path)],
    )
    cli.main()
    assert "throughput_by_length.png: written" in capsys.readouterr().out
    drawn = tmp_path / "reference" / "a_card" / "throughput_by_length"
    assert all(drawn.with_suffix(f".{suffix}").stat().st_size for suffix in ("png", "pdf", "svg", "json"))
    numbers = pd.read_csv(drawn.with_suffix(".csv")).set_index(["network", "frames"])["of C2D-18's throughput"]
    assert numbers["RCN-18", 8] == pytest.approx(0.8)
    assert numbers["RCN-18", 32] == pytest.approx(0.7)
    assert numbers["RCN-18, its authors' loop", 32] == pytest.approx(0.1)
    (legend,) = throughput_by_length(drawn.with_name("benchmarks.json")).figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["RCN-18", "C2D-18", "RCN-18, its authors' loop"]  # what was timed, and nothing else


def test_one_clip_length_is_no_figure(tmp_path):
    keep(tmp_path, "a_card", **in_turns(8, **{"rcn18, compiled": 9.0, "c2d18, compiled": 7.2}))
    with pytest.raises(InputError, match="no training step in turns of two clip lengths; run `rcn-bench bench --all"):
        throughput_by_length(tmp_path / "a_card" / "benchmarks.json")
