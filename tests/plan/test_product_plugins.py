"""Tables and figures of the user's own: a plugin's class is all that the plan needs."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from experiments import CONFIGS, MINI, experiment, refusal, with_changes

from rcn_bench.errors import InputError
from rcn_bench.plan.products import product_classes, products_of
from rcn_bench.plan.stages import dependencies

PLUGIN = """
from dataclasses import dataclass

from rcn_bench.plan.products.base import Frames, Models, Product, default_runs, evaluations, product


@product
@dataclass(frozen=True)
class Mine(Product):
    models: Models
    frames: Frames

    kind = "table"
    name = "{name}"
    section = ("tables", "{name}")
    builder = "{module}:build"

    def rows(self):
        return {{model: default_runs(self.experiment, model, self.frames) for model in self.models}}

    def reads(self):
        return evaluations(self.experiment, self.runs())


def build(product):
    import torch
    import pandas

    return torch.zeros(1), pandas
"""

OF_TRAININGS = """
from dataclasses import dataclass

from rcn_bench.plan.products.base import product
from rcn_bench.plan.products.training import OfTrainings


@product
@dataclass(frozen=True)
class AllOfThem(OfTrainings):
    kind = "table"
    name = "all_of_them"
    section = ("tables", "all_of_them")
    builder = "own_trainings:build"
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Writes a plugin that defines a table, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])

    def write(module, name="mine"):
        (tmp_path / f"{module}.py").write_text(PLUGIN.format(module=module, name=name))
        return module

    return write


def with_table(plugins, **tables):
    return with_changes(MINI, {"plugins": plugins, **{f"tables.{name}": table for name, table in tables.items()}})


def test_a_plugins_table_has_its_runs_and_its_section_is_checked(plugin):
    module = plugin("own_table")
    config = with_table([module], mine={"models": ["c2d18"], "frames": 4})
    table = products_of(experiment(config=config))["mine"]
    assert [run.name for run in table.runs()] == ["c2d18-t4-xh_stills-s0"]
    frames = with_table([module], mine={"models": ["c2d18"], "frames": 1})
    assert refusal(frames).startswith("tables.mine.frames: 1 ")
    lacking = with_table([module], mine={"models": ["c2d18"]})
    assert refusal(lacking) == "tables.mine: 'frames' is a required property"
    assert refusal(with_table([], mine={"models": ["c2d18"], "frames": 4})).startswith("tables: unknown key 'mine'")


def test_trainings_that_a_plugins_table_alone_shows_are_trainings_of_the_experiment(plugin):
    plugins = [plugin("own_trained"), plugin("own_trainings")]
    Path("own_trainings.py").write_text(OF_TRAININGS)
    config = with_table(plugins, mine={"models": ["c2d18"], "frames": 4}, trainings={}, all_of_them={})
    config["tables"] = {name: config["tables"][name] for name in ("mine", "trainings", "all_of_them")}
    products = products_of(experiment(config=config | {"figures": {}}))
    assert [run.name for run in products["trainings"].runs()] == ["c2d18-t4-xh_stills-s0"]
    assert products["all_of_them"].runs() == products["trainings"].runs()


def test_trainings_of_a_model_that_only_a_plugin_knows_come_last(plugin):
    module = plugin("own_unlisted")
    rows = "return {model: default_runs(self.experiment, model, self.frames) for model in self.models}"
    unlisted = 'return {1: [Run("c2d50", 4, "random", None, 0)]}'
    text = Path(f"{module}.py").read_text().replace(rows, unlisted)
    Path(f"{module}.py").write_text("from rcn_bench.plan.run import Run\n" + text)
    config = with_table([module], mine={"models": ["c2d18"], "frames": 4}, trainings={})
    assert list(products_of(experiment(config=config))["trainings"].rows())[-1][0] == "c2d50"


def test_products_of_one_experiments_plugins_are_not_anothers(plugin):
    first, second = plugin("own_first", "first"), plugin("own_second", "second")
    section = {"models": ["c2d18"], "frames": 4}
    of_first = experiment(config=with_table([first], first=section))
    of_second = experiment(config=with_table([second], second=section))
    assert "first" in products_of(of_first)
    assert "second" not in products_of(of_first)
    assert "second" in products_of(of_second)
    assert not {"first", "second"} & set(product_classes())


def test_plugins_of_two_experiments_may_use_one_name(plugin):
    section = {"models": ["c2d18"], "frames": 4}
    for module in (plugin("own_here"), plugin("own_there"), "own_here"):
        table = products_of(experiment(config=with_table([module], mine=section)))["mine"]
        assert table.builder == f"{module}:build"


def test_two_products_of_one_name_in_one_experiment_are_refused(plugin):
    modules = [plugin("own_this"), plugin("own_that")]
    with pytest.raises(InputError, match="plugins: table mine is registered by own_that and own_this; rename one"):
        product_classes(modules)
    with pytest.raises(InputError, match=r"table2_architectures is registered by rcn_bench\."):
        product_classes([plugin("own_table2", "table2_architectures")])


def test_products_of_one_section_with_different_keys_are_refused(plugin):
    module = plugin("own_shared")
    Path(f"{module}.py").write_text(Path(f"{module}.py").read_text().replace('"tables", "mine"', '"tables", "table1"'))
    assert refusal(with_table([module])) == (
        "plugins: table table1_init and table mine have different keys in one section, tables.table1"
    )


def test_plugin_that_cannot_be_imported_is_named(plugin):
    module = plugin("own_broken")
    Path(f"{module}.py").write_text("import nowhere_to_be_found\n" + Path(f"{module}.py").read_text())
    with pytest.raises(InputError, match=r"plugins: cannot import own_broken \(No module named"):
        product_classes([module])


@pytest.mark.parametrize(
    ("line", "instead", "why"),
    [
        ('kind = "table"', 'kind = "chart"', "mine: kind must be table or figure, not 'chart'"),
        ('kind = "table"', "", "mine: kind must be table or figure, not None"),
        (
            'name = "mine"',
            'name = "../x"',
            "../x: name, by which its files go, must be of letters, digits, _ and -, not",
        ),
        ('name = "mine"', 'name = "a/b"', "a/b: name, by which its files go, must be of letters"),
        ('name = "mine"', "", "Mine: name, by which its files go, must be of letters, digits, _ and -, not None"),
        ('("tables", "mine")', '("charts", "mine")', 'mine: section must be like ("tables", "mine") or'),
        ('builder = "own_odd:build"', "", 'mine: builder must be "module:function", not None'),
        ('builder = "own_odd:build"', 'builder = "build"', "mine: builder must be \"module:function\", not 'build'"),
        ("class Mine(Product)", "class Mine", "Mine is not a class of Product"),
    ],
)
def test_what_is_no_product_is_refused(plugin, line, instead, why):
    text = Path(f"{plugin('own_odd')}.py").read_text()
    assert line in text
    Path("own_odd.py").write_text(text.replace(line, instead))
    importlib.invalidate_caches()
    with pytest.raises(InputError) as error:
        product_classes(["own_odd"])
    assert str(error.value).startswith(f"own_odd: {why}")


def test_keys_of_types_that_cannot_be_read_are_one_line(plugin):
    text = Path(f"{plugin('own_typed')}.py").read_text()
    Path("own_typed.py").write_text(text.replace("models: Models", 'models: "Modells"'))
    with pytest.raises(InputError, match=r"^mine: the types of its keys cannot be read \(NameError: name 'Modells' is"):
        product_classes(["own_typed"])


@pytest.mark.parametrize(
    ("line", "instead", "why"),
    [
        ("return {model: ", "return {}['x'] or {model: ", r"rows\(\) failed \(KeyError: 'x'; own_fails.py, line 19\)"),
        ("return {model: ", "return {model: 3 or ", r"runs\(\) failed \(TypeError: 'int' object is not iterable\)"),
        ("return {model: ", "return {model: [model] or ", r"rows\(\) must be lists of runs, not of str"),
        ("return {model: ", "{model: ", r"rows\(\) must return a Mapping, not NoneType"),
        ("return evaluations(", "evaluations(", r"reads\(\) must return a list, not NoneType"),
    ],
)
def test_a_product_that_fails_is_one_line(plugin, line, instead, why):
    text = Path(f"{plugin('own_fails')}.py").read_text().replace(line, instead)
    Path("own_fails.py").write_text(text)
    importlib.invalidate_caches()
    sys.modules.pop("own_fails", None)
    config = with_table(["own_fails"], mine={"models": ["c2d18"], "frames": 4})
    with pytest.raises(InputError, match=rf"mine: its {why}$"):
        products_of(experiment(config=config))["mine"].reads()


def test_a_table_depends_on_its_plugin_and_its_section(plugin):
    module = plugin("own_depends")
    config = with_table([module], mine={"models": ["c2d18"], "frames": 4})
    depends = dependencies(experiment(config=config), "table", "mine")
    assert module in depends.code.modules
    assert depends.settings["section"] == {"models": ["c2d18"], "frames": 4}


@pytest.mark.slow
def test_a_plugins_table_is_planned_by_snakemake_without_torch_or_pandas(plugin, tmp_path):
    module = plugin("own_planned")
    config = with_table([module], mine={"models": ["c2d18"], "frames": 4}) | {"name": "planned-in-a-test"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    snakefile = str(CONFIGS.parent / "Snakefile")
    command = [sys.executable, "-m", "snakemake", "-n", "--nolock", "-s", snakefile, "--configfile", "config.yaml"]
    target = "results/planned-in-a-test/tables/mine.csv"
    planned = subprocess.run([*command, "--", target], capture_output=True, text=True)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert f"output: {target}" in planned.stdout
    code = (
        "import sys\n"
        "from rcn_bench.plan.workflow import Workflow\n"
        "plan = Workflow(['config.yaml'])\n"
        "assert 'mine' in plan.names('table')\n"
        "assert 'own_planned' in sys.modules\n"
        "assert not {'torch', 'pandas', 'numpy', 'snakemake'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
