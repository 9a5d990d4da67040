"""The page of results: what it shows is what their records and products say, and what it lacks it names."""

import base64
import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from whole_results import write_whole

from rcn_bench import cli
from rcn_bench.files import write_json
from rcn_bench.records.base import with_checksum
from rcn_bench.records.products import TableRecord
from rcn_bench.records.runs import Evaluation, Skipped, Trained, write_metrics
from rcn_bench.reporting.table import Table

KEPT = Path("results/reference/mini")
RUN = "rcn18-t8-xh_stills-hh_identity-s2"
TABLES = ("table1_init", "table4_cost", "table5_causality", "table6_memory", "w_hh")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# What is there


def test_claims_come_first_with_verdict_effect_interval_and_the_papers_value(page):
    titles, cells = page.table("t0-table-claims")
    shown = {row[0].partition(":")[0]: dict(zip(titles, row, strict=True)) for row in cells}
    tested = {row["claim"]: row for row in rows(KEPT / "tables/claims.csv") if row["verdict"] != "not tested"}
    assert set(shown) == set(tested)
    for claim, row in tested.items():
        assert shown[claim]["verdict"] == row["verdict"]
        assert row["says"] in shown[claim]["claim"]
    of_accuracy, kept = shown["init-identity"], tested["init-identity"]
    assert of_accuracy["effect"] == f"{float(kept['effect']):+.1f}"
    ends = [float(kept[f"effect 95 % interval {end}"]) for end in ("low", "high")]
    assert of_accuracy["95 % interval"] == f"{ends[0]:+.1f} to {ends[1]:+.1f}"
    assert of_accuracy["paper"] == f"{float(kept['paper']):+.1f}"
    tables = [table.attributes["id"] for table in page.top.all("table")]
    assert tables[0] == "t0-table-claims"


def test_claims_that_were_not_tested_say_why(page):
    _, cells = page.table("t0-table-claims-not-tested")
    kept = [row for row in rows(KEPT / "tables/claims.csv") if row["verdict"] == "not tested"]
    assert [row[-1] for row in cells] == [row["note"] for row in kept]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_title_its_notes_and_all_its_rows(page, name):
    record = TableRecord.read(KEPT / "tables" / f"{name}.json")
    assert page.top.one("table", id=f"t0-table-{name}").one("caption").text == record.title
    for note in record.notes:
        assert note in page.text
    titles, cells = page.table(f"t0-table-{name}")
    kept = rows(KEPT / "tables" / f"{name}.csv")
    assert len(cells) == len(kept)
    for row, of in zip(cells, kept, strict=True):
        for title, text in zip(titles, row, strict=True):
            if title in of and of[title].isdecimal():
                assert text.replace(",", "") == of[title]


def test_numbers_are_right_aligned_and_keep_all_their_digits(page):
    table = page.top.one("table", id="t0-table-table1_init")
    cells = [page.cells(row) for row in table.one("tbody").all("tr")]
    at = page.table("t0-table-table1_init")[0].index("video acc %")
    kept = [row["video acc %"] for row in rows(KEPT / "tables/table1_init.csv")]
    assert [row[at].attributes["class"] for row in cells] == ["number"] * len(cells)
    assert [row[at].attributes["data-order"] for row in cells] == kept
    assert [row[at].text for row in cells] == [f"{float(value):.1f}" for value in kept]
    assert cells[0][0].attributes["class"] == "text"


def test_a_table_can_be_taken_as_csv(page):
    link = page.top.one("a", download="table1_init.csv").attributes["href"]
    kept = (KEPT / "tables/table1_init.csv").read_bytes()
    assert base64.b64decode(link.removeprefix("data:text/csv;base64,")) == kept


def test_figures_are_in_the_page(page):
    for name in ("forest", "figure1", "figure3"):
        image = page.top.one("figure", id=f"t0-figure-{name}").one("img").attributes
        kept = (KEPT / "figures" / f"{name}.png").read_bytes()  # results that are kept have no SVG
        assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == kept
        assert image["alt"]


def test_each_row_leads_to_its_runs_and_their_origins(page):
    table = page.top.one("table", id="t0-table-table1_init")
    titles, origins = page.table("t0-records")
    links = [row.one("a", class_="source").attributes for row in table.one("tbody").all("tr")]
    for link, row in zip(links, rows(KEPT / "tables/table1_init.csv"), strict=True):
        runs = row["runs"].split()
        assert link["data-runs"].split() == runs
        behind = [dict(zip(titles, origins[int(number)], strict=True)) for number in link["data-records"].split()]
        by_path = {origin["record"]: origin for origin in behind}
        assert set(by_path) == {
            *(f"runs/{run}/{file}.json" for run in runs for file in ("eval", "provenance")),
            "pretrained/resnet18-stills.json",
            "tables/table1_init.json",
        }
        for run in runs:
            trained = Trained.read(KEPT / "runs" / run / "provenance.json")
            last, shown = trained.origin.starts[-1], by_path[f"runs/{run}/provenance.json"]
            assert shown["code"].startswith(trained.origin.code)
            assert shown["commit"].startswith(last.commit[:12])
            assert shown["seed"] == str(trained.seed)
            assert shown["machine"].startswith(last.machine.name)
            assert shown["data"] == trained.data_fingerprint
            assert shown["command"] == last.command
    assert all(page.top.one("tr", id=f"t0-runs-{run}") for link in links for run in link["data-runs"].split())


def test_a_row_that_names_no_runs_leads_to_all_of_its_table(page):
    row, *_ = page.top.one("table", id="t0-table-w_hh").one("tbody").all("tr")
    link = row.one("a", class_="source")
    assert link.text == "20 runs"
    assert link.attributes["data-runs"].split() == TableRecord.read(KEPT / "tables/w_hh.json").runs


def test_every_run_has_its_learning_curve(page):
    titles, cells = page.table("t0-runs")
    assert len(cells) == 20
    for row in page.top.one("table", id="t0-runs").one("tbody").all("tr"):
        name = row.attributes["data-label"]
        epochs = [json.loads(line) for line in (KEPT / "runs" / name / "metrics.jsonl").read_text().splitlines()]
        lines = {line.attributes["class"]: line.attributes["points"].split() for line in row.all("polyline")}
        heights = {kind: [float(point.split(",")[1]) for point in points] for kind, points in lines.items()}
        assert len(heights["accuracy"]) == len(heights["loss"]) == len(epochs)
        rises = [epoch["accuracy"] for epoch in epochs]
        assert sorted(range(len(epochs)), key=lambda at: -heights["accuracy"][at]) == sorted(
            range(len(epochs)), key=lambda at: rises[at]
        )
        assert f"{epochs[-1]['accuracy']:.1%}" in row.one("svg").attributes["aria-label"]
    evaluation = Evaluation.read(KEPT / "runs" / RUN / "eval.json")
    shown = next(dict(zip(titles, row, strict=True)) for row in cells if row[0] == RUN)
    assert shown["video acc %"] == f"{100 * evaluation.video_accuracy:.1f}"


def test_accuracies_on_validation_videos_stand_beside_those_in_training(page, read, copy):
    """Of epochs that looked at them; one look is a dot. A page without any has no key for them."""
    training = copy / "runs" / RUN / "provenance.json"
    metrics, record = training.with_name("metrics.jsonl"), Trained.read(training)
    seen = {2: 0.75, 4: 0.25}
    epochs = [replace(epoch, validation_accuracy=seen.get(epoch.epoch)) for epoch in record.epochs(metrics)]
    replace(record, metrics_sha256=write_metrics(metrics, epochs)).write(training)

    changed = read(copy)
    curve = changed.top.one("tr", id=f"t0-runs-{RUN}").one("svg")
    drawn = {line.attributes["class"]: line.attributes["points"].split() for line in curve.all("polyline")}
    assert len(epochs) == 4
    (first, high), (second, low) = (map(float, point.split(",")) for point in drawn["validation"])
    assert [first, second] == [float(drawn["accuracy"][at].split(",")[0]) for at in (1, 3)]
    assert high < low, "more is higher up"
    assert "accuracy of validation clips 75.0% to 25.0%" in curve.attributes["aria-label"]
    assert len(changed.top.all("polyline", class_="validation")) == 1, "other runs have looked at none"
    assert changed.top.all("span", class_="validation")
    assert not page.top.all("span", class_="validation")


def test_machines_and_versions_are_named(page):
    titles, cells = page.table("t0-machines")
    last = Trained.read(KEPT / "runs" / RUN / "provenance.json").origin.starts[-1]
    shown = dict(zip(titles, cells[0], strict=True))
    assert (shown["machine"], shown["Python"], shown["torch"]) == (
        last.machine.name,
        last.machine.python,
        last.packages["torch"],
    )


def test_it_says_what_was_not_kept_and_what_the_config_does_not_ask_for(page):
    (not_kept,) = [gap for gap in page.top.all("section", class_="gap") if "Not kept" in gap.text]
    for name in (f"runs/{RUN}/model.safetensors", "figures/figure1.pdf", "figures/figure1.svg"):
        assert name in not_kept.text
    assert "figures/figure1.png" not in not_kept.text
    assert "table2_architectures (tables.table2)" in page.text
    assert "Something is missing" not in page.text


def test_nothing_in_it_leads_to_a_network(page):
    for element in page.top.all():
        for name in ("src", "href", "action", "srcset"):
            assert element.attributes.get(name, "#").startswith(("#", "data:")), element.attributes
        assert "style" not in element.attributes, "the page's own policy refuses it"
        assert not [name for name in element.attributes if name.startswith("on")]
    (policy,) = [meta for meta in page.top.all("meta") if "http-equiv" in meta.attributes]
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:; ")


def test_the_same_results_give_the_same_bytes(kept_page, tmp_path):
    assert cli.main(["report", str(KEPT), "--output", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == kept_page.read_bytes()


# What is not there, or does not fit


def test_results_of_which_there_is_only_a_config(read, tmp_path):
    (tmp_path / "only").mkdir()
    shutil.copy(KEPT / "config.yaml", tmp_path / "only")
    page = read(tmp_path / "only")
    assert "Something is missing" in page.text
    assert "No table of claims is there" in page.text
    assert "train: 20 of 20: rcn18-t8-xh_random-hh_identity-s0, " in page.text
    assert "rcn-bench table table1_init makes the first." in page.text


def test_a_run_that_is_not_evaluated_and_one_that_is_not_finished(read, copy):
    (copy / "runs" / RUN / "eval.json").unlink()
    unfinished = RUN.replace("s2", "s3")
    shutil.rmtree(copy / "runs" / unfinished)
    (copy / "checkpoints").mkdir()
    (copy / "checkpoints" / f"{unfinished}.pt").write_bytes(b"")
    page = read(copy)
    assert f"evaluate: 2 of 20: {RUN}, {unfinished}." in page.text
    assert f"train: 1 of 20: {unfinished} (begun, not finished)." in page.text
    titles, cells = page.table("t0-runs")
    shown = {row[0]: dict(zip(titles, row, strict=True)) for row in cells}
    assert shown[RUN]["video acc %"] == "n/a"
    assert shown[unfinished]["learning curve"] == "none"
    assert "tables/table1_init.json: made from runs/" in page.text, "the table was made when they were there"


def test_a_table_that_was_changed_is_not_shown(read, copy):
    path = copy / "tables" / "table1_init.csv"
    path.write_text(path.read_text().replace("random", "other"))
    page = read(copy)
    assert not page.top.all("table", id="t0-table-table1_init")
    assert "tables/table1_init.csv: has changed since it was written" in page.text
    assert str(copy) not in page.text


def test_claims_of_other_columns_are_shown_as_any_table(read, copy):
    table = copy / "tables" / "claims"
    origin = TableRecord.read(table.with_suffix(".json")).origin
    Table.of("Claims", [{"claim": "one", "verdict": "supported"}, {"claim": "two", "verdict": "undecided"}], []).write(
        table, origin, []
    )
    page = read(copy)
    assert page.table("t0-table-claims") == (["claim", "verdict"], [["one", "supported"], ["two", "undecided"]])


def test_a_record_that_tells_of_too_few_files_is_named(read, copy):
    path = copy / "tables" / "table4_cost.json"
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    plain["files"].pop("md")
    write_json(path, with_checksum(plain))
    assert "tables/table4_cost.json: files.md: missing; run `rcn-bench table table4_cost` again" in read(copy).text


def test_a_record_of_other_settings_is_named(read, copy):
    path = copy / "runs" / RUN / "provenance.json"
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    plain["origin"]["settings"]["train"]["lr"] = 0.5
    write_json(path, with_checksum(plain))
    assert f"runs/{RUN}/provenance.json: made with other settings: " in read(copy).text


def test_skipped_videos_are_counted_once_with_their_reasons(read, copy):
    for seed in (0, 1):
        path = copy / "runs" / RUN.replace("s2", f"s{seed}") / "eval.json"
        record = Evaluation.read(path)
        skipped = [Skipped("a", "unreadable"), Skipped("b", "unreadable"), Skipped("c", "no label")]
        replace(record, videos_skipped=skipped, videos_listed=record.videos_listed + 3).write(path)
    page = read(copy)
    assert page.table("t0-skipped")[1] == [
        ["validation", "no label", "1", "c"],
        ["validation", "unreadable", "2", "a"],
    ]
    assert "validation: 3 of 243 listed videos left out: 3 unusable" in page.text


def test_whatever_results_hold_is_shown_as_text(read, copy):
    bad = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"
    path = copy / "runs" / RUN / "eval.json"
    record = Evaluation.read(path)
    replace(record, videos_skipped=[Skipped(f"{bad}\udcff", bad)], videos_listed=record.videos_listed + 1).write(path)
    table = copy / "tables" / "table1_init"
    origin = TableRecord.read(table.with_suffix(".json")).origin
    Table.of(bad, [{"w_xh": bad, bad: 1.5, "runs": bad}, {"w_xh": "b", bad: 2.5, "runs": ""}], [bad]).write(
        table, origin, []
    )
    config = copy / "config.yaml"
    config.write_text(f"# {bad}\n{config.read_text()}")
    pictures = len([*(copy / "figures").glob("*.png")])
    page = read(copy.rename(copy.with_name("a<b>&'\"c")))
    assert len(page.top.all("script")) == 1
    assert len(page.top.all("img")) == pictures
    assert page.text.count("alert(1)") >= 6
    assert page.table("t0-skipped")[1] == [["validation", bad, "1", f"{bad}\\udcff"]]
    assert page.table("t0-table-table1_init")[1][0] == [bad, "1.50"]
    assert page.top.one("head").one("title").text == "Results: a<b>&'\"c"


# Several


@pytest.mark.slow
def test_several_results_stand_side_by_side(read, copy):
    page = read(KEPT, copy, copy)
    tabs = [tab.text for tab in page.top.all("a", role="tab")]
    assert len(tabs) == 4
    assert len(set(tabs)) == 4
    assert str(copy.parent) not in page.text
    titles, cells = page.table("beside-beside_table1_init")
    kept = rows(KEPT / "tables/table1_init.csv")
    assert titles[1::2] == [f"{label}: video acc %" for label in tabs[1:]]
    assert [row[1] for row in cells] == [row[3] for row in cells] == [f"{float(of['video acc %']):.1f}" for of in kept]
    kept = rows(KEPT / "tables/claims.csv")
    titles, cells = page.table("beside-verdicts")
    assert titles[:3] == ["claim", f"{tabs[1]}: verdict", f"{tabs[1]}: effect"]
    assert [row[1] for row in cells] == [row[3] for row in cells] == [row["verdict"] for row in kept]
    ids = [element.attributes["id"] for element in page.top.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_rows_side_by_side_are_named_in_words(read):
    page = read(KEPT.parent / "frozen", KEPT.parent / "no_pool")
    names = [row[0] for row in page.table("beside-beside_table2_architectures")[1]]
    assert names == [
        "rcn18, stills, stem pool yes",
        "rcn18+frozen_bn, stills, stem pool yes",
        "rcn18, random, stem pool no",
    ]


# The command


def test_the_command_takes_a_config_in_place_of_a_folder(copy, tmp_path, capsys):
    results = tmp_path / "results"
    results.mkdir()
    copy.rename(results / "seeds")
    output = tmp_path / "new" / "page.html"
    arguments = ["report", "--config", "config/seeds.yaml", "--results", str(results), "--output", str(output)]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.startswith(str(output))
    assert "<title>Results: seeds</title>" in output.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "report: give folders of results, such as results/mini, or --config"),
        (["docs"], "docs/config.yaml: not there; name a folder with the results of one experiment"),
        ([str(KEPT), "--output", "docs"], "docs: a folder; name the HTML file to write"),
    ],
)
def test_bad_input_is_one_line(arguments, says, capsys):
    assert cli.main(["report", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rcn-bench: {says}")


@pytest.mark.slow
def test_a_whole_experiment_at_work(read, tmp_path):
    whole = write_whole(tmp_path / "results")
    page = read(whole)
    assert "Something is missing" not in page.text
    image = page.top.one("figure", id="t0-figure-figure1").one("img").attributes["src"]
    drawn = (whole / "figures" / "figure1.svg").read_bytes()
    assert base64.b64decode(image.removeprefix("data:image/svg+xml;base64,")) == drawn
    for table in (whole / "tables").glob("*.csv"):
        assert page.top.one("table", id=f"t0-table-{table.stem}")
