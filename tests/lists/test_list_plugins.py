"""List formats of the user's own, in modules outside the package."""

import importlib
import sys

import pytest

from rcn_bench.code import load_plugins
from rcn_bench.errors import InputError
from rcn_bench.lists import formats
from rcn_bench.lists.formats import list_format, list_formats, read_list
from rcn_bench.lists.video import Video

PLUGIN = '''
"""Lists of lines."""

from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.video import Video


@list_format
class Lines(ListFormat):
    """Text file with a line of label and path for each video."""

    name = "lines"

    def recognises(self, source):
        return source.suffix == ".txt"

    def read(self, source, root):
        for number, line in enumerate(source.read_text().splitlines(), start=1):
            self.place = f"line {number}"
            label, path = line.split()
            yield Video(path, label, path, (path,))
'''


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A module in the working directory; what it registers is forgotten afterwards."""
    list_formats()
    monkeypatch.setattr(formats, "_FORMATS", dict(formats._FORMATS))
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists_of_lines.py").write_text(PLUGIN)
    importlib.invalidate_caches()
    load_plugins(["lists_of_lines"])
    return tmp_path


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("format", [None, "lines"])
def test_a_format_of_a_plugin_is_used(tmp_path, format):
    (tmp_path / "all.txt").write_text("up a.mp4\ndown b.mp4\n")
    assert read_list(tmp_path / "all.txt", tmp_path, format) == [
        Video("a.mp4", "up", "a.mp4", ("a.mp4",)),
        Video("b.mp4", "down", "b.mp4", ("b.mp4",)),
    ]


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("up a.mp4\ndown a.mp4\n", "line 2: a.mp4 is listed twice"),
        ("up a.mp4\ndown ../b.mp4\n", "line 2: ../b.mp4 leaves the folder of videos"),
        ("", "no videos listed"),
    ],
)
def test_what_a_plugin_reads_is_checked_like_any_list(tmp_path, lines, message):
    (tmp_path / "all.txt").write_text(lines)
    with pytest.raises(InputError, match=message):
        read_list(tmp_path / "all.txt", tmp_path)


@pytest.mark.usefixtures("plugin")
def test_the_package_s_own_formats_come_first_and_all_say_what_they_look_like():
    assert list(list_formats())[-1] == "lines"
    assert {"kinetics", "paths", "folders"} < set(list_formats())
    assert all(known.summary() for known in list_formats().values())


@pytest.mark.usefixtures("plugin")
def test_two_formats_of_one_name_are_refused():
    list_format(type("Lines", (formats.ListFormat,), {"name": "lines", "__module__": "elsewhere"}))
    with pytest.raises(InputError, match=r"list format lines is registered by lists_of_lines and elsewhere; rename"):
        list_formats()
    assert list_formats(["elsewhere"])["lines"].__module__ == "elsewhere"


@pytest.mark.usefixtures("plugin")
def test_only_the_formats_of_the_given_plugins_are_asked(tmp_path):
    (tmp_path / "all.txt").write_text("up a.mp4\n")
    assert len(read_list(tmp_path / "all.txt", tmp_path, plugins=["lists_of_lines"])) == 1
    with pytest.raises(InputError, match=r"all\.txt: no column by which its format is known"):
        read_list(tmp_path / "all.txt", tmp_path, plugins=())


def test_what_is_no_format_is_refused():
    with pytest.raises(InputError, match="not a class of ListFormat"):
        list_format(type("Lines", (), {"name": "lines"}))


@pytest.mark.parametrize(
    ("line", "instead", "why"),
    [
        ("label, path = line.split()", 'label, path = {}["file"]', 
         ", line 1: list format lines failed (KeyError: 'file'; lists_of_lines.py, line 20)"),
        ('return source.suffix == ".txt"', "return source.sufix", ": list format lines failed (AttributeError: "),
        ("def read(self, source, root):", "def read(self, source, root): return None\n    def other(self, source):",
         ": list format lines must yield videos, not NoneType"),
        ("yield Video(path, label, path, (path,))", "yield path",
         ", line 1: list format lines must yield videos, not str"),
        ("Video(path, label,", "Video(path, None,", ", line 1: label must be text, not None"),
        ("Video(path, label,", 'Video("", label,', ", line 1: id must be text, not ''"),
        ("path, (path,))", "path, ())", ", line 1: paths must be a tuple of one or more, not ()"),
        ("path, (path,))", "path, path)", ", line 1: paths must be a tuple of one or more, not 'a.mp4'"),
        ("path, (path,))", "path, (source,))", ", line 1: a path must be text, not PosixPath("),
        ("def read(", "def rd(", ": list format lines failed (TypeError: Can't instantiate abstract class Lines"),
    ],
)  # fmt: skip
def test_a_format_that_fails_is_one_line(plugin, line, instead, why):
    assert line in PLUGIN
    (plugin / "lists_of_odd_lines.py").write_text(PLUGIN.replace(line, instead))
    (plugin / "all.txt").write_text("up a.mp4\n")
    importlib.invalidate_caches()
    load_plugins(["lists_of_odd_lines"])
    with pytest.raises(InputError) as error:
        read_list(plugin / "all.txt", plugin, plugins=["lists_of_odd_lines"])
    assert str(error.value).startswith(f"{plugin / 'all.txt'}{why}".replace("of_lines", "of_odd_lines"))
    assert "\n" not in str(error.value)


def test_a_plugin_that_is_not_there_is_named():
    with pytest.raises(InputError, match="plugins: cannot import no_such_plugin"):
        load_plugins(["no_such_plugin"])


def test_an_unknown_format_is_named_with_those_that_there_are(tmp_path):
    (tmp_path / "a.csv").write_text("path,label\na.mp4,up\n")
    with pytest.raises(InputError, match=r"data\.format: no list format 'jesters'; there are .*kinetics"):
        read_list(tmp_path / "a.csv", tmp_path, "jesters")


def test_a_list_of_no_known_format_names_its_columns_and_the_formats(tmp_path):
    (tmp_path / "a.csv").write_text("name,label\na.mp4,up\n")
    with pytest.raises(InputError, match=r"a\.csv: no column .* it has name, label; .*paths \(CSV with the columns"):
        read_list(tmp_path / "a.csv", tmp_path)


def test_a_list_with_columns_of_two_formats_is_read_by_its_paths(tmp_path):
    header = "label,youtube_id,time_start,time_end,split,path"
    (tmp_path / "a.csv").write_text(f"{header}\nup,xyz,0,1,train,mine.mp4\n")
    assert [video.id for video in read_list(tmp_path / "a.csv", tmp_path)] == ["mine.mp4"]
