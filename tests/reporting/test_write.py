"""Writing any product by its name, those of plugins included."""

import json
import resource
import sys

import pytest

from rcn_bench.errors import InputError, one_line
from rcn_bench.plan.config import check_config, merged
from rcn_bench.records.base import with_checksum
from rcn_bench.records.products import FigureRecord, TableRecord
from rcn_bench.reporting.write import write_product

PLUGIN = """
from dataclasses import dataclass

from rcn_bench.plan.products.base import Frames, Models, Product, product


@product
@dataclass(frozen=True)
class Names(Product):
    models: Models

    kind = "table"
    name = "names"
    section = ("tables", "names")
    builder = "BUILDER"


@product
@dataclass(frozen=True)
class Curve(Product):
    frames: Frames

    kind = "figure"
    name = "curve"
    section = ("figures", "curve")
    builder = "MODULE:curve"


def names(product):
    from rcn_bench.reporting.table import Table

    return Table.of("Names", [{"model": model} for model in product.models], [f"Of {product.experiment.name}."])


def text(product):
    return "a text"


def curve(product):
    import pandas as pd

    from rcn_bench.reporting.figure import Drawing, new_figure

    numbers = pd.DataFrame({"frames": range(product.frames)})
    figure = new_figure(3, 2)
    figure.subplots().plot(numbers["frames"])
    return Drawing(figure, numbers)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A function: the experiment of a plugin in the working directory, whose table is built at the place given."""
    base = merged(["config/mini.yaml"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(module, builder=None):
        monkeypatch.delitem(sys.modules, module, raising=False)
        text = PLUGIN.replace("BUILDER", builder or f"{module}:names").replace("MODULE", module)
        (tmp_path / f"{module}.py").write_text(text)
        own = {
            "plugins": [module],
            "tables": {"names": {"models": ["rcn18", "mine"]}},
            "figures": {"curve": {"frames": 3}},
        }
        return check_config(base | own, "config", tmp_path / "results")

    return write


def test_a_plugins_table_and_figure_are_built_and_recorded(plugin):
    experiment = plugin("my_products")
    write_product(experiment, "table", "names")
    table = experiment.paths.table("names")
    assert table.with_suffix(".csv").read_text() == "model\nrcn18\nmine\n"
    assert table.with_suffix(".md").read_text().endswith("- Of mini.\n")
    assert "begin{table}" in table.with_suffix(".tex").read_text()
    record = TableRecord.read(table.with_suffix(".json"))
    assert record.origin.stage == "table"
    assert record.origin.settings["section"] == {"models": ["rcn18", "mine"]}

    write_product(experiment, "figure", "curve")
    figure = experiment.paths.figure("curve")
    assert figure.with_suffix(".csv").read_text() == "frames\n0\n1\n2\n"
    drawn = FigureRecord.read(figure.with_suffix(".json"))
    assert drawn.runs == []
    assert list(drawn.files) == ["csv", "pdf", "png", "svg"]
    for suffix in drawn.files:
        path = figure.with_suffix(f".{suffix}")
        assert drawn.content(path) == path.read_bytes()


@pytest.mark.parametrize("room", [0, 100, 2000])  # 100 hold the numbers, 2000 a part of the PDF
def test_a_figure_on_a_full_disk_says_so_and_leaves_nothing_half_written(plugin, room):
    experiment = plugin("my_products")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            write_product(experiment, "figure", "curve")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(error.value.__context__, OSError | type(None))  # no clean-up of a library that failed, too
    figure = experiment.paths.figure("curve")
    written = {figure.with_suffix(".csv").name} if room else set()
    assert {path.name for path in figure.parent.iterdir()} == written


@pytest.mark.parametrize(
    ("module", "builder"),
    [
        ("lacks_it", "lacks_it:tables"),
        ("not_there", "nowhere_to_be_found:names"),
        ("not_ready", "not_ready_builders:names"),
    ],
)
def test_a_builder_that_is_not_there_is_one_line(plugin, module, builder):
    experiment = plugin(module, builder)
    (experiment.results.parent / "not_ready_builders.py").write_text("raise ValueError")
    with pytest.raises(InputError, match=f"names: cannot load its builder {builder} ") as caught:
        write_product(experiment, "table", "names")
    assert "\n" not in one_line(caught.value)
    assert not experiment.paths.table("names").with_suffix(".csv").exists()


def test_a_builder_of_something_else_is_refused(plugin):
    experiment = plugin("mixed_up", "mixed_up:text")
    with pytest.raises(InputError, match="names: mixed_up:text must return a Table, not str"):
        write_product(experiment, "table", "names")


def test_a_builder_that_is_no_function_is_refused(plugin):
    with pytest.raises(InputError, match="names: its builder no_call:__name__ is no function, but str"):
        write_product(plugin("no_call", "no_call:__name__"), "table", "names")


def test_a_builder_that_fails_is_one_line(plugin):
    experiment = plugin("my_failing", "my_failing_builders:build")
    (experiment.results.parent / "my_failing_builders.py").write_text("def build(product):\n    return {}['x']\n")
    line = r"^names: its builder my_failing_builders:build failed \(KeyError: 'x'; my_failing_builders.py, line 2\)$"
    with pytest.raises(InputError, match=line):
        write_product(experiment, "table", "names")


@pytest.mark.parametrize(("kind", "name"), [("table", "table9"), ("figure", "table1_init"), ("table", "figure1")])
def test_unknown_product_is_refused(tmp_path, kind, name):
    experiment = check_config(merged(["config/mini.yaml"]), "config", tmp_path)
    with pytest.raises(InputError, match=f"no {kind} '{name}' in mini"):
        write_product(experiment, kind, name)


def test_drawing_leaves_the_style_of_other_figures_alone(plugin):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    write_product(plugin("styled"), "figure", "curve")
    assert dict(mpl.rcParams) == before


def test_the_record_of_a_figure_without_one_of_its_pictures_says_what_to_run(plugin):
    experiment = plugin("a_picture_less")
    write_product(experiment, "figure", "curve")
    path = experiment.paths.figure("curve").with_suffix(".json")
    plain = json.loads(path.read_text())
    del plain["sha256"], plain["files"]["svg"]
    path.write_text(json.dumps(with_checksum(plain)))
    with pytest.raises(InputError, match=r"curve\.json: files\.svg: missing; run `rcn-bench figure curve` again"):
        FigureRecord.read(path)
