"""Modules of a user's own that cannot be used."""

from provokers.findings import save_as
from provokers.user import OWN, RUN, SMOKE, Met, User, provoker, weights_of

TABLE = """
from dataclasses import dataclass

from rcn_bench.plan.products.base import Product, product


@product
@dataclass(frozen=True)
class Mine(Product):
    kind, name, section, builder = "table", "mine", ("tables", "mine"), "my_table:build"


def build(table):
    raise KeyError("acc")
"""
FORMAT = '''
from rcn_bench.lists.formats import ListFormat, list_format


@list_format
class Mine(ListFormat):
    """A line a video."""

    name = "mine"

    def recognises(self, source):
        return source.suffix == ".mine"

    def read(self, source, root):
        yield "a.mp4"
'''


def _plugins(user: User, *names: str, **changes: object) -> Met:
    return user.shows({"plugins": [*names], **changes})


def _table(user: User, source: str) -> Met:
    """A table of a plugin, made."""
    user.file("my_table.py", source)
    changes = {"plugins": ["my_table"], "tables": {"mine": {}}, "figures": {}}
    return user.runs("table", "mine", "--config", user.config(changes, SMOKE))


@provoker
def plugin_named_as_a_file(user: User) -> Met:
    return _plugins(user, "my_models.py").naming("my_models.py")


@provoker
def plugin_named_as_one_of_pythons(user: User) -> Met:
    return _plugins(user, "json").naming("json")


@provoker
def no_such_plugin(user: User) -> Met:
    return _plugins(user, "my_model").naming("my_model")


@provoker
def plugin_with_a_mistake_in_it(user: User) -> Met:
    user.file("my_models.py", "def build(:\n")
    return _plugins(user, "my_models").naming("my_models.py, line 1")


@provoker
def plugin_that_cannot_be_imported(user: User) -> Met:
    user.file("my_models.py", "import nothing_of_this_name\n")
    return user.runs("certify", "rcn18", "--plugin", "my_models").naming("my_models", "nothing_of_this_name")


@provoker
def model_registered_twice(user: User) -> Met:
    source = "from rcn_bench.models import register\n\n\n@register\ndef rcn18(num_classes):\n    pass\n"
    user.file("my_models.py", source)
    return _plugins(user, "my_models").naming("rcn18", "my_models")


@provoker
def table_that_is_no_class_of_product(user: User) -> Met:
    user.file("my_table.py", "from rcn_bench.plan.products.base import product\n\n\n@product\nclass Mine:\n    pass\n")
    return _plugins(user, "my_table").naming("my_table", "Mine")


@provoker
def table_without_a_name(user: User) -> Met:
    user.file("my_table.py", TABLE.replace('"mine", (', '"my table", ('))
    return _plugins(user, "my_table").naming("my_table", "my table")


@provoker
def builder_that_is_not_there(user: User) -> Met:
    return _table(user, TABLE.replace("my_table:build", "my_table:make")).naming("mine", "my_table:make")


@provoker
def builder_that_fails(user: User) -> Met:
    return _table(user, TABLE).naming("mine", "my_table.py, line 14", "acc")


@provoker
def builder_of_something_else(user: User) -> Met:
    return _table(user, TABLE.replace('raise KeyError("acc")', "return 1")).naming("mine", "my_table:build", "int")


@provoker
def format_that_yields_something_else(user: User) -> Met:
    user.file("my_lists.py", FORMAT)
    return user.lists("a.mp4\n", "train.mine", "--plugin", "my_lists").naming("train.mine", "mine", "str")


@provoker
def format_that_fails(user: User) -> Met:
    user.file("my_lists.py", FORMAT.replace('yield "a.mp4"', "yield 1 / 0"))
    return user.lists("a.mp4\n", "train.mine", "--plugin", "my_lists").naming("train.mine", "mine", "my_lists.py")


@provoker
def format_registered_twice(user: User) -> Met:
    user.file("my_lists.py", FORMAT.replace('name = "mine"', 'name = "kinetics"'))
    return user.lists("a.mp4\n", "train.mine", "--plugin", "my_lists").naming("kinetics", "my_lists")


@provoker
def model_that_is_no_module(user: User) -> Met:
    source = "from rcn_bench.models import register\n\n\n@register\ndef mine(num_classes):\n    return 1\n"
    user.file("my_models.py", source)
    return user.runs("certify", "mine", "--plugin", "my_models").naming("mine", "int")


def _costs(user: User, forward: str) -> Met:
    """The check of a table of costs that shows a model with this forward pass."""
    lines = ["from torch import fft, nn", "from rcn_bench.models import register", "class Mine(nn.Module):"]
    lines += ["    def forward(self, clip):", f"        return {forward}"]
    lines += ["@register", "def mine(num_classes):", "    return Mine()"]
    user.file("my_models.py", "\n".join(lines))
    tables = {"table4": {"models": ["mine"], "frames": [4]}}
    return user.checks({"plugins": ["my_models"], "tables": tables, "figures": {}}).naming("mine")


@provoker
def operator_without_a_count(user: User) -> Met:
    return _costs(user, "fft.fft(clip).real").naming("aten::_fft_r2c")


@provoker
def model_that_fails_on_a_clip(user: User) -> Met:
    return _costs(user, "clip @ None").naming("my_models.py, line 5")


@provoker
def plugin_of_weights_missing(user: User) -> Met:
    """Weights of a model whose module is not there."""
    user.has_finished()
    save_as(RUN, plugins=["my_lost_models"])
    return user.runs("evaluate", RUN, "--config", user.config({}, OWN)).naming(weights_of(RUN), "my_lost_models")
