"""The types of arguments."""

import os
from argparse import ArgumentTypeError

import pytest

from rcn_bench.cli.options import not_negative, output_file, positive, share


def test_counts():
    assert (positive("1"), not_negative("0")) == (1, 0)
    for kind, text in ((positive, "0"), (positive, "-1"), (not_negative, "-1")):
        with pytest.raises(ArgumentTypeError, match=text):
            kind(text)


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.01", 0.01), ("0", 0.0), ("100%", 1.0)])
def test_shares(text, value):
    assert share(text) == value


@pytest.mark.parametrize("text", ["2", "-1%", "101%", "few", "nan", "%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ArgumentTypeError, match=r"is not a share, such as 1% or 0\.01"):
        share(text)


@pytest.mark.parametrize(
    "command",
    [
        ("report", "results/reference/mini", "--output"),
        ("data", "convert", "list.csv", "--root", ".", "--output"),
        ("data", "check", "--annotations", "list.csv", "--root", ".", "--report"),
        ("evaluate", "--weights", "model.safetensors", "--videos", ".", "--output"),
    ],
    ids=" ".join,
)
def test_no_file_takes_the_place_of_a_folder_a_device_or_a_pipe(assert_refused, tmp_path, command):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    assert_refused((*command, tmp_path), f"{tmp_path}: a folder; ")
    for path in (pipe, link):
        assert_refused((*command, path), f"{path}: a device or a pipe; ")
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_page_takes_the_place_of_an_earlier_one_and_of_nothing_else(assert_refused, tmp_path):
    record, page = tmp_path / "eval.json", tmp_path / "page.html"
    for path in (record, page):
        path.write_text("{}")
    told = f"{record}: is there already, and no .html file; name the HTML file to write"
    assert_refused(("report", "results/reference/mini", "--output", record), told)
    assert record.read_text() == "{}"
    assert output_file(page, "", ".html") == page


def test_a_file_is_written_where_a_link_leads(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("file")
    assert output_file(link, "") == tmp_path / "file"
