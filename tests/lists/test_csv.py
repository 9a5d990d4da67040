"""CSV files as spreadsheets, scripts and people write them, and the line that a message names."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list

PLAIN = "path,label,group\nup/a.mp4,high jump,one\nb.mp4,walk,\n"


def videos(tmp_path, content: str | bytes):
    (tmp_path / "a.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_list(tmp_path / "a.csv", tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace(",", ", "),
        PLAIN.replace(",", " , "),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n"),
        "\n \n" + PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("b.mp4", "\ufeffb.mp4"),  # as where two files with a mark were joined
        PLAIN.replace("/", "\\"),
        PLAIN.replace("up/a", "./up/a"),
        PLAIN.replace("path,label,group", "Path,LABEL,Group"),
        PLAIN.replace("path,label,group", '" path","label ","group"'),
        PLAIN.replace("high jump", '"high jump"'),
        PLAIN.replace("high jump", ' "high jump"'),
        PLAIN.replace("high jump", '" high jump "'),
        PLAIN.replace("high jump", "\u00a0high jump"),
        PLAIN.replace("\n", ",,\n"),
        PLAIN + ",,\n , ,\n",
        PLAIN.rstrip("\n"),
        PLAIN.replace("walk,", "walk"),
    ],
)
def test_one_list_in_many_hands(tmp_path, content):
    assert videos(tmp_path, content) == videos(tmp_path, PLAIN)


def test_columns_of_kinetics_too(tmp_path):
    plain = "label,youtube_id,time_start,time_end,split\njump,a,5,15,train\n"
    spelled = "Label; YouTube ID; Time Start; time_end; Split; is_cc\r\n jump ;a;5.0;15; train;0\r\n"
    assert videos(tmp_path, spelled) == videos(tmp_path, plain)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("path,label\n\n\na.mp4,up\n\nb.mp4,\n", 6, "no value for label"),
        ('path,label\r\n"a\r\nb.mp4",up\r\n"c\nd.mp4",\r\n', 4, "no value for label"),
        ('path,label\na.mp4,up\nb.mp4,"up\nc.mp4,down\n', 3, "not a row of a CSV file .*quote"),
        ('path,label\na.mp4,up\nb.mp4,"u"p\n', 3, "not a row of a CSV file .*quote"),
        ("path,label\na.mp4,up\npath,label\nb.mp4,up\n", 3, "the header again"),
        ("path,label\na.mp4,up\n\ufeffpath,label\nb.mp4,up\n", 3, "the header again"),
        ("path,label\na.mp4,up,x\n", 2, "more fields than the header has"),
        ("path,label\nC:\\videos\\a.mp4,up\n", 2, "leaves the folder of videos"),
        ("path,label\n..\\a.mp4,up\n", 2, "leaves the folder of videos"),
        ("path,label\n\\\\server\\a.mp4,up\n", 2, "leaves the folder of videos"),
        ("path,label\nup\\a.mp4,up\nup/a.mp4,up\n", 3, "listed twice"),
    ],
)
def test_the_line_that_is_named_is_that_of_the_file(tmp_path, content, line, reason):
    with pytest.raises(InputError, match=reason) as error:
        videos(tmp_path, content)
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}, line {line}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PLAIN.encode("utf-16"), "not a CSV file in UTF-8 .*; save it in that encoding"),
        ("path,label\nb.mp4,up\na.mp4,dépêche\n".encode("cp1252"), "not a CSV file in UTF-8 .*; save it"),
        (b"path,label,Label\na.mp4,up,down\n", "two columns 'label'; remove or rename one"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, reason):
    with pytest.raises(InputError, match=reason) as error:
        videos(tmp_path, content)
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}: ")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='\\/:"'), max_size=6)


@given(
    st.lists(TEXT.filter(lambda text: text.strip(" .") == text and text), min_size=1, unique_by=str.casefold),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
@settings(max_examples=60)
def test_whatever_csv_writes_is_read(tmp_path_factory, names, delimiter, end, mark):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([["path", "label"], *([f"x{name}.mp4", "up"] for name in names)])
    found = videos(tmp_path_factory.mktemp("csv"), mark + text.getvalue())
    assert [video.id for video in found] == [f"x{name}.mp4" for name in names]
