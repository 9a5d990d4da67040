"""Edits of code, plugins and weights files: exactly what depends on them is planned anew, by Snakemake itself."""

import re
from pathlib import Path

import pytest
import yaml
from light import Checkout

MODEL = '''"""A model of one's own."""
from own_parts import helper
from rcn_bench.models import register


@register(trunk="resnet18")
def {name}(num_classes, **options):
    return helper(num_classes)
'''
OWN = {
    "base": "config/smoke.yaml",
    "name": "own",
    "pretrained": "imagenet",
    "pretrain": None,
    "plugins": ["own_model", "own_package"],
    "weights_files": {"resnet18": "first.pth", "resnet34": "second.pth"},
    "models": {
        "rcn18": {"w_xh": ["random", "imagenet"]},
        "rcn34": {"w_xh": ["imagenet"], "w_hh": ["identity"]},
        "i3d18": None,
        "own18": {"w_xh": ["random"]},
        "packed18": {"w_xh": ["random"]},
    },
    "tables": {"table2": {"models": ["rcn18", "rcn34", "own18", "packed18"]}, "table5": {"models": ["rcn18"]}},
}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    checkout = Checkout.of(tmp_path_factory.mktemp("smoke"), "config/smoke.yaml")
    return checkout, checkout.mark_all_as_done()


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    files = {
        "own.yaml": yaml.safe_dump(OWN),
        "own_model.py": MODEL.format(name="own18"),
        "own_parts.py": "def helper(num_classes):\n    return num_classes\n",
        "own_package/__init__.py": "from own_package import nets\n",
        "own_package/nets.py": MODEL.format(name="packed18").replace("own_parts", "own_package.parts"),
        "own_package/parts.py": "def helper(num_classes):\n    return num_classes\n",
        "own_package/unused.py": "",
        "first.pth": "weights",
        "second.pth": "weights",
    }
    checkout = Checkout.of(tmp_path_factory.mktemp("own"), "own.yaml", files)
    return checkout, checkout.mark_all_as_done()


def require_rerun(checkout, edits, expected):
    """Assert that edits make these jobs run again; each edit is a file and what to do with its text."""
    before = {name: (checkout.root / name).read_bytes() for name in edits}
    try:
        for name, edit in edits.items():
            (checkout.root / name).write_text(edit((checkout.root / name).read_text()))
        checkout.require_rerun(expected)
    finally:
        for name, content in before.items():
            (checkout.root / name).write_bytes(content)


def code(text):
    return text + "\nADDED_IN_A_TEST = 1\n"


def comment(text):
    return "# A comment.\n" + text + "\n# Another.\n"


def docstring(text):
    return re.sub(r'"""', '"""Told otherwise: ', text, count=1)


@pytest.mark.slow
def test_smoke_is_all_done_and_then_nothing_is_left(smoke):
    checkout, jobs = smoke
    assert {name.split()[0] for name in jobs} == {
        *("make_digits", "shard", "cache", "pretrain", "train", "evaluate", "online", "w_hh"),
        *("profile", "throughput", "league", "causality", "table", "figure"),
    }
    assert checkout.to_rerun() == {}


@pytest.mark.slow
def test_an_edit_of_code_reruns_its_stage_and_one_of_text_nothing(smoke):
    checkout, _ = smoke
    edits = {
        "rcn_bench/analysis/causality.py": code,
        "rcn_bench/engine/train.py": comment,
        "rcn_bench/models/rcn.py": docstring,
        "rcn_bench/models/s3d.py": code,
        "rcn_bench/plan/stages.py": code,
        "rcn_bench/cli/runs.py": code,
    }
    require_rerun(checkout, edits, {"causality"})


CHANGED = {
    "engine/train.py": "train .*",
    "engine/evaluate.py": "evaluate .*",
    "engine/online.py": "online .*",
    "engine/pretrain.py": "pretrain .*",
    "data/digits.py": "make_digits",
    "data/scenes.py": "make_digits",
    "data/cache/build.py": "(shard|cache) .*",
    "lists/kinetics.py": "(shard|cache) .*|make_digits",
    "data/cache/writing.py": "(shard|cache) .*",
    "data/cache/shard.py": "(shard|cache|train|evaluate|online) .*",
    "data/clips.py": "(train|evaluate) .*",
    "data/examine.py": "(shard|cache) .*",
    "data/media/files.py": "(shard|cache) .*|make_digits",
    "analysis/profile.py": "profile .*",
    "analysis/throughput.py": "throughput",
    "analysis/league.py": "league",
    "models/gated.py": "league",
    "analysis/causality.py": "causality",
    "analysis/hidden_state.py": "w_hh .*",
    "analysis/estimate.py": "(?!)",
    "engine/calibrate.py": "(?!)",
    "models/rcn.py": "(train|evaluate|online|w_hh|profile) rcn.*|throughput|league|causality",
    "models/i3d.py": "(train|evaluate|online|profile) i3d.*|league|causality",
    "models/s3d.py": "(?!)",
    "reporting/accuracy.py": "table table[123].*",
    "reporting/cost.py": "table (table[12346].*|league)|figure accuracy_by_latency",
    "reporting/causality.py": "table table5.*",
    "reporting/weights.py": "figure figure[123]",
    "reporting/online.py": "figure (online_accuracy|accuracy_by_latency)|table league",
    "reporting/league.py": "figure accuracy_by_latency|table league",
    "records/base.py": "(?!)",
    "plan/workflow.py": "(?!)",
    "cli/experiment.py": "(?!)",
}


@pytest.mark.slow
@pytest.mark.parametrize("module", CHANGED)
def test_an_edit_reruns_exactly_the_stages_that_reach_it(smoke, module):
    checkout, jobs = smoke
    expected = {job for job in jobs if re.fullmatch(CHANGED[module], job)}
    require_rerun(checkout, {f"rcn_bench/{module}": code}, expected)


@pytest.mark.slow
@pytest.mark.parametrize("edit", [comment, docstring], ids=["comment", "docstring"])
def test_an_edit_of_text_alone_reruns_nothing(smoke, edit):
    checkout, _ = smoke
    modules = [module for module in CHANGED if not module.startswith("cli/")]
    require_rerun(checkout, {f"rcn_bench/{module}": edit for module in modules}, set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "edit", "pattern"),
    [
        ("own_model.py", code, "(train|evaluate|profile) own18.*"),
        ("own_parts.py", code, "(train|evaluate|profile) own18.*"),
        ("own_package/parts.py", code, "(train|evaluate|profile) packed18.*"),
        ("own_package/nets.py", comment, "(?!)"),
        ("own_package/unused.py", code, "(?!)"),
        ("first.pth", lambda text: "others!", "train rcn18.*-xh_imagenet.*"),
        ("second.pth", lambda text: "others!", "train rcn34.*-xh_imagenet.*"),
        ("first.pth", lambda text: text, "(?!)"),
    ],
)
def test_an_edit_of_a_plugin_or_a_weights_file_reruns_what_starts_from_it(own, file, edit, pattern):
    checkout, jobs = own
    expected = {job for job in jobs if re.fullmatch(pattern, job)}
    assert bool(expected) == (pattern != "(?!)")
    require_rerun(checkout, {file: edit}, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"train": {"threads": 2, "workers": 1, "compile": True, "cuda_graph": True}}, "(?!)"),
        ({"train": {"recompute_activations": True}}, "profile .*"),
        ({"data": {"max_bad": 0.5}}, "(?!)"),
        ({"train": {"lr": 0.5}}, "train .*"),
        ({"clip": {"evaluation_clips": 2}}, "evaluate .*|table table[123].*"),
        ({"profile": {"seconds": 9}}, "throughput|league"),
    ],
)
def test_a_changed_value_reruns_what_depends_on_it(smoke, change, pattern):
    checkout, jobs = smoke
    Path(checkout.root / "changed.yaml").write_text(yaml.safe_dump({"base": "config/smoke.yaml", **change}))
    changed = Checkout(checkout.root, "changed.yaml")
    changed.require_rerun({job for job in jobs if re.fullmatch(pattern, job)})
