"""Models by name: which there are, what they take, and how a user adds one."""

import subprocess
import sys

import pytest
import torch
from lively import on_meta, random_clip
from torch import nn

from rcn_bench.code import find_models
from rcn_bench.errors import InputError
from rcn_bench.models import (
    Specification,
    create_model,
    list_models,
    model_options,
    register,
    require_options,
    shortest_clip,
    specification,
    trunk_of,
)

WITH_TRUNK = [name for name in list_models() if trunk_of(name)]


def test_list_models():
    assert list_models() == sorted(list_models())
    assert {"rcn18", "rcn34"} <= set(list_models("rcn*"))
    assert all(name.startswith("rcn") for name in list_models("rcn*"))
    assert {"c2d18", "rcn18", "i3d18", "r2plus1d18"} <= set(list_models("*18"))
    assert "rcn34" not in list_models("*18")
    assert list_models("no such*") == []


@pytest.mark.slow
def test_a_model_imports_its_own_module_alone():
    program = """
import sys
from rcn_bench.models import create_model, list_models
assert {"rcn18", "c2d18", "s3d", "inception_i3d"} <= set(list_models())
assert "torchvision" not in sys.modules
create_model("r2plus1d18", 5)
print(*[name for name in sys.modules if name.startswith("rcn_bench.models.")])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "rcn_bench.models.r2plus1d" in ran.stdout.split()
    assert {"c2d", "causal", "i3d", "rcn", "s3d"}.isdisjoint(name.split(".")[-1] for name in ran.stdout.split())


def test_an_unknown_model_is_refused_with_a_suggestion():
    for function in (create_model, model_options, specification, trunk_of, shortest_clip):
        with pytest.raises(InputError, match="unknown model 'rcn81'; did you mean rcn18"):
            function("rcn81")
    with pytest.raises(InputError, match=r"unknown model 'zzz'; choose one of .*c2d18.*rcn34"):
        create_model("zzz")


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="c2d18 has no option 'w_hh'; it has w_xh, weights_file, stem_pool"):
        create_model("c2d18", w_hh="identity")
    with pytest.raises(InputError, match="s3d has no option 'stem_pool'; it has none"):
        create_model("s3d", stem_pool=False)
    assert model_options("r2plus1d18") == ["stem_pool"]
    assert set(model_options("rcn18")) == {"w_xh", "weights_file", "stem_pool", "w_hh", "mode", "frozen_batch_norm"}
    assert set(model_options("inception_i3d")) == {"w_xh", "weights_file", "inflation"}


def test_options_are_required_without_building():
    require_options("rcn18", {"mode": "sum"})
    require_options("i3d18", ["inflation", "stem_pool"])
    require_options("s3d", [])
    for name, option in (("c2d18", "mode"), ("rcn18", "inflation"), ("s3d", "w_xh")):
        with pytest.raises(InputError, match=f"^{name} has no option '{option}'; it has "):
            require_options(name, [option])
    with pytest.raises(InputError, match="unknown model 'zzz'"):
        require_options("zzz", [])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rcn18", {"w_hh": "eye"}),
        ("rcn18", {"w_xh": "zeros"}),
        ("rcn18", {"mode": "median"}),
        ("i3d18", {"inflation": "center"}),
        ("i3d50", {"inflation": "center"}),
        ("i3d18_causal", {"inflation": "center"}),
    ],
)
def test_an_unknown_value_is_refused(name, options):
    (value,) = options.values()
    with pytest.raises(InputError, match=f"'{value}'; choose one of"):
        on_meta(name, **options)


def test_every_model_that_takes_2d_weights_names_their_network():
    assert [name for name in list_models() if "w_xh" in model_options(name)] == WITH_TRUNK
    without = {"r2plus1d18", "r2plus1d34", "s3d", "rcn18_lstm", "rcn18_gru"}
    assert {name for name in list_models() if trunk_of(name) is None} == without
    assert trunk_of("rcn101") == "resnet101"
    assert trunk_of("inception_i3d") == "googlenet"


def test_what_the_sources_say_is_what_is_registered():
    assert {name: source.trunk for name, source in find_models().items()} == {
        name: trunk_of(name) for name in list_models()
    }


@pytest.mark.parametrize("name", WITH_TRUNK)
def test_a_models_2d_weights_are_those_of_its_trunk(name, monkeypatch):
    def refuse(weights, **options):
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models.WeightsEnum.get_state_dict", refuse)
    with pytest.raises(InputError, match=f"/{trunk_of(name)}-"), torch.device("meta"):
        create_model(name, w_xh="imagenet")


@pytest.mark.usefixtures("own_registry")
def test_a_registered_model_can_be_created():
    @register
    def plain3(num_classes, *, width=4):
        return nn.Linear(width, num_classes)

    assert "plain3" in list_models()
    assert create_model("plain3", 6, width=2).weight.shape == (6, 2)
    assert specification("plain3") is None
    assert trunk_of("plain3") is None
    assert shortest_clip("plain3") == 1


def test_a_builder_that_fails_or_returns_no_module_is_one_line(plugin):
    plugin("""
        from rcn_bench.models import register

        @register
        def nothing3d(num_classes):
            num_classes

        @register
        def broken3d(num_classes):
            return {}["x"]

        @register
        def unreadable3d(num_classes, **options: "Optoins"):
            return None
        """)
    for name, why in {
        "nothing3d": "the builder of nothing3d must return a torch.nn.Module, not NoneType",
        "broken3d": "the builder of broken3d failed (KeyError: 'x'; my_models.py, line 10)",
        "unreadable3d": "the annotations of unreadable3d cannot be read (NameError: name 'Optoins' is not defined)",
    }.items():
        with pytest.raises(InputError) as error:
            create_model(name, 5)
        assert str(error.value) == why


@pytest.mark.usefixtures("own_registry")
def test_a_registered_model_may_state_what_it_is():
    stated = Specification(0, 0.0, (8, 4, 4), causal=True, temporal_stride=1, shortest_clip=3)

    @register(specification=stated, trunk="resnet18")
    def plain3(num_classes):
        return nn.Flatten()

    assert specification("plain3") == stated
    assert trunk_of("plain3") == "resnet18"
    assert create_model("plain3")(random_clip(3, size=2)).shape == (2, 36)
    with pytest.raises(InputError, match="plain3 needs clips of 3 frames or more, got 2"):
        create_model("plain3")(random_clip(2, size=2))


@pytest.mark.usefixtures("own_registry")
def test_a_taken_name_is_refused():
    def rcn18(num_classes):
        raise AssertionError("must not replace the first")

    def plain3(num_classes):
        return nn.Flatten()

    with pytest.raises(InputError, match=r"^test_registry: a model named rcn18 is registered already"):
        register(rcn18)
    with torch.device("meta"):
        assert create_model("rcn18")
    register(plain3)
    with pytest.raises(InputError, match="plain3 is registered already"):
        register(plain3)


def test_the_name_of_a_model_that_is_not_yet_imported_is_taken_too(plugin, monkeypatch):
    monkeypatch.delitem(sys.modules, "rcn_bench.models.s3d", raising=False)
    monkeypatch.setattr("rcn_bench.models.registry._BUILDERS", {})
    with pytest.raises(InputError, match=r"^my_models: a model named s3d is registered already"):
        plugin("""
            from rcn_bench.models import register

            @register
            def s3d(num_classes):
                raise AssertionError("must not replace ours")
            """)


KEYWORDS = """
    from typing import Any
    from torch import nn
    from rcn_bench.models import register
    from rcn_bench.models.network2d import network2d
    from rcn_bench.models.rcn import make_recurrent

    def first_stage(name, convolution):
        return name.startswith("layer1.0")

    @register(trunk="resnet18")
    def plain_keywords(num_classes, **kwargs):
        return make_recurrent(network2d("resnet18", num_classes, **kwargs), first_stage)

    @register(trunk="resnet18")
    def annotated_keywords(num_classes: int, *, w_hh: str = "identity", **kwargs: Any) -> nn.Module:
        return make_recurrent(network2d("resnet18", num_classes, **kwargs), first_stage, w_hh=w_hh)

    @register(trunk="squeezenet1_1")
    def no_stem_pool(num_classes, **kwargs):
        return make_recurrent(network2d("squeezenet1_1", num_classes, **kwargs), lambda name, _: "3x3" in name)

    @register
    def no_trunk(num_classes, *, width=3, **kwargs):
        return nn.Linear(width, num_classes)

    @register(trunk="resnt18")
    def misspelt(num_classes, **kwargs):
        return network2d("resnt18", num_classes, **kwargs)
    """


def test_a_builder_with_plain_keywords_has_the_options_of_its_trunk(plugin):
    plugin(KEYWORDS)
    assert model_options("plain_keywords") == ["w_xh", "weights_file", "stem_pool"]
    assert model_options("annotated_keywords") == ["w_hh", "w_xh", "weights_file", "stem_pool"]
    assert model_options("no_stem_pool") == ["w_xh", "weights_file"]
    assert model_options("no_trunk") == ["width"]
    assert isinstance(create_model("plain_keywords", 5, stem_pool=False).trunk.maxpool, nn.Identity)
    create_model("no_stem_pool", 5, w_xh="random", weights_file=None)
    with pytest.raises(InputError, match="no_trunk has no option 'stem_pool'; it has width"):
        create_model("no_trunk", stem_pool=True)
    with pytest.raises(InputError, match="unknown 2D network 'resnt18'; did you mean resnet18"):
        model_options("misspelt")


def test_annotations_may_be_strings(plugin):
    plugin("""
        from __future__ import annotations
        from typing import Unpack
        from rcn_bench.models import register
        from rcn_bench.models.c2d import c2d18
        from rcn_bench.models.network2d import ResNetOptions

        @register(trunk="resnet18")
        def quoted(num_classes: int, **options: Unpack[ResNetOptions]):
            return c2d18(num_classes, **options)
        """)
    assert model_options("quoted") == ["w_xh", "weights_file", "stem_pool", "frozen_batch_norm"]
    assert create_model("quoted", 5, stem_pool=False)
