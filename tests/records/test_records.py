"""What holds for every kind of result file; a new one is tested by being a Document in rcn_bench.records."""

import json
import math
import os
import random
from dataclasses import MISSING, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.plan.paths import Paths
from rcn_bench.provenance import Origin, Start
from rcn_bench.records.base import with_checksum
from rcn_bench.records.costs import Benchmarks, ModelCosts, Profile, StepTimes, Throughput
from rcn_bench.records.found import RECORDS, record_path
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.records.overlap import Some
from rcn_bench.records.plain import LARGEST, Signed, from_plain, to_plain
from rcn_bench.records.products import ProductRecord
from rcn_bench.records.runs import Evaluation, Trained
from rcn_bench.records.weights import Card
from results import an_evaluation, an_example, an_origin, document_kinds

RUN = "rcn18-t8-xh_random-hh_identity-s0"
KINDS = document_kinds()

texts = st.text() | st.sampled_from(["", "a\nb", "a \udcff file", "01", "null"])
numbers = st.floats(0, allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def fields_of(kind):
    """Any values of a dataclass that it would not refuse, by field."""
    made = {}
    for name, hint in get_type_hints(kind).items():
        if name in {field.name for field in fields(kind)}:
            share = name.endswith(("accuracy", "interval", "shares"))
            made[name] = values(hint, st.floats(0, 1) if share else numbers)
    if kind is Origin:
        made["starts"] = st.lists(values(Start), min_size=1, max_size=3)
    if "videos_used" in made:
        made |= {"videos_used": st.integers(1, 10), "videos_usable": st.integers(10, 20)}
        made["videos_listed"] = st.integers(20, LARGEST)
    if kind is Trained:
        made["clips_trained"] = st.integers(1, LARGEST)
    if "clips_per_video" in made:
        made |= {"clips": st.integers(10, 20), "clips_per_video": st.integers(20, LARGEST)}
    if kind is Lifetime:
        made |= {"ages": st.just([1, 2, 4]), "clip_frames": st.sampled_from([1, 2, 4])}
    if kind is Profile:
        rows = st.lists(st.builds(ModelCosts, **{**fields_of(ModelCosts), "model": st.just("rcn18")}), max_size=3)
        made |= {"model": st.just("rcn18"), "rows": rows}
    if kind is HiddenState:
        layers = st.lists(values(HiddenLayer), min_size=1, max_size=3)
        made["layers"] = layers.map(lambda found: [replace(each, layer=at) for at, each in enumerate(found, start=1)])
    if issubclass(kind, ProductRecord):
        made["files"] = st.fixed_dictionaries({field.removeprefix("files."): texts for field in kind.beside})
    if kind is Some:
        made |= {"count": st.integers(0, 1000), "of": st.integers(1000, LARGEST)}
    if kind is Card:
        made["labels"] = st.lists(texts, min_size=1, max_size=3, unique=True)
        counts = ("frames", "stride", "crop", "evaluation_clips", "evaluation_crops", "short_side")
        made |= dict.fromkeys(counts, st.integers(1, LARGEST))
        made["frame_rate"] = st.floats(0, exclude_min=True, allow_infinity=False) | st.none()
    return made


def values(kind, numbers=numbers):
    """Any value of a type; numbers: those that there are."""
    container, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return st.builds(kind, **fields_of(kind))
    if container in (Union, UnionType):
        return st.one_of(values(argument, numbers) for argument in arguments)
    if container is Literal:
        return st.sampled_from(arguments)
    if container is list:
        return st.lists(values(arguments[0], numbers), max_size=3)
    if container is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if container is tuple:
        return st.tuples(*(values(argument, numbers) for argument in arguments))
    if container is dict:
        return st.dictionaries(texts, values(arguments[1]), max_size=3)
    return {
        str: texts,
        int: st.integers(0, LARGEST),
        float: numbers,
        Signed: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        NoneType: st.none(),
        Any: anything,
    }[kind]


WRONG = {
    str: [1, None, ["a"]],
    int: [1.0, True, "1", None, -1, 2**63],
    float: ["high", True, None, math.nan, -math.inf, 10**400, -0.5],
    Signed: ["high", True, None, math.nan, -math.inf, 10**400],
    bool: [1, "true", None],
    Any: [math.nan, {"a": [math.inf]}],
}


def broken(kind, plain, key=""):
    """(key, the content with that key removed, added, or of another type) for every key that there is."""
    container, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        optional = {field.name for field in fields(kind) if field.default is not MISSING}
        yield from ((key, wrong) for wrong in (None, [], "a text"))
        yield join(key, "further"), plain | {"further": 1}
        for name in plain:
            without = {other: value for other, value in plain.items() if other != name}
            if name not in optional:
                yield (key if name == "origin" else join(key, name)), without
            for at, wrong in broken(hints[name], plain[name], join(key, name)):
                yield at, plain | {name: wrong}
    elif container in (Union, UnionType):
        (some,) = set(arguments) - {NoneType}
        yield from ((at, wrong) for at, wrong in broken(some, plain, key) if wrong is not None)
    elif container is Literal:
        yield from ((key, wrong) for wrong in ("neither", None, 1))
    elif container is list:
        yield from ((key, wrong) for wrong in ({}, "a text", None))
        yield from ((at, [wrong]) for at, wrong in broken(arguments[0], plain[0], f"{key}.0"))
    elif container is tuple:
        yield from ((key, wrong) for wrong in ({}, [*plain, plain[0]], plain[1:], None))
        yield from ((at, [wrong, *plain[1:]]) for at, wrong in broken(arguments[0], plain[0], f"{key}.0"))
    elif container is dict:
        yield from ((key, wrong) for wrong in ([], "a text", None))
        for name, item in plain.items():
            yield from ((at, {name: wrong}) for at, wrong in broken(arguments[1], item, join(key, name)))
    elif kind is Any:
        yield key, math.nan
        yield f"{key}.a.0", {"a": [math.inf]}
    else:
        yield from ((key, wrong) for wrong in WRONG[kind])


def join(key, name):
    return f"{key}.{name}" if key else name


def message_of(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert message.isprintable()
    return message


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "rcn18"
    folder.mkdir()
    return folder / "a.json"


def written(path, content):
    """A file of this content, with its checksum."""
    path.write_text(json.dumps(with_checksum(content) if isinstance(content, dict) else content))
    return path


@pytest.mark.parametrize("examples", [8, pytest.param(25, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read(kind, path, examples):
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(record=values(kind))
    def check(record):
        record.write(path)
        assert kind.read(path) == record

    check()


@settings(max_examples=25)
@given(card=values(Card))
def test_a_card_is_the_same_after_json(card):
    assert from_plain(Card, json.loads(json.dumps(to_plain(card))), "", "") == card


@pytest.mark.parametrize("kind", KINDS)
def test_each_wrong_key_is_named_in_one_line(kind, path):
    plain = to_plain(an_example(kind))
    assert kind.read(written(path, plain)) == an_example(kind)
    for key, content in broken(kind, plain):
        message = message_of(kind.read, written(path, content))
        assert message.startswith(f"{path}: {key}: " if key else f"{path}: "), content
        assert message.endswith(f"; run `{kind.command(path)}` again")


def test_a_key_with_a_default_may_be_missing_and_is_not_written_where_it_has_it(path):
    plain = to_plain(an_example(Throughput))
    (row,) = plain["rows"]
    assert {"spread", "cores_lacking"} <= row.keys()
    earlier = plain | {"rows": [{key: row[key] for key in row if key not in ("spread", "cores_lacking")}]}
    record = Throughput.read(written(path, earlier))
    assert (record.rows[0].spread, record.rows[0].cores_lacking) == (None, None)
    assert to_plain(record) == earlier


def test_the_line_says_what_is_wrong_and_what_to_do(path):
    path = path.with_name("eval.json")
    plain = to_plain(an_evaluation())
    again = "run `rcn-bench evaluate rcn18` again"
    said = [
        (plain | {"video_accuracy": "high"}, f"video_accuracy: 'high' is not a number; {again}"),
        (plain | {"videos_skipped": [{"id": "a"}]}, f"videos_skipped.0.reason: missing; {again}"),
        (plain | {"color\n": 1}, f"'color\\n': unknown key; {again}"),
        ({"git": {}, "run": "a"}, f"has no origin: written by an earlier version; {again}"),
        ([], f"[] is not an object with keys; {again}"),
    ]
    for content, end in said:
        assert message_of(Evaluation.read, written(path, content)) == f"{path}: {end}"


def test_accuracies_are_shares_and_an_origin_has_a_start(path):
    path, plain = path.with_name("eval.json"), to_plain(an_evaluation())
    for changes, what in [
        ({"videos_used": 0}, "videos_used: 0 of them are no result"),
        ({"videos_used": 50}, "videos_used: 50 of 1 usable of 1 listed cannot be"),
        ({"videos_listed": 0}, "videos_used: 1 of 1 usable of 0 listed cannot be"),
        ({"clips_per_video": 0}, "clips: 1 of 1 videos, at most 0 a video, cannot be"),
        ({"clips": 2}, "clips: 2 of 1 videos, at most 1 a video, cannot be"),
        ({"video_accuracy": 7.0}, "video_accuracy: 7.0 is not from 0 to 1"),
        ({"clip_interval": [0.5, 1.5]}, "clip_interval: 1.5 is not from 0 to 1"),
        ({"origin": plain["origin"] | {"starts": []}}, "origin: starts: there are none"),
    ]:
        message = message_of(Evaluation.read, written(path, plain | changes))
        assert message == f"{path}: {what}; run `rcn-bench evaluate rcn18` again"
    message = message_of(replace(an_evaluation(), video_accuracy=7.0).write, path)
    assert message == f"{path}: video_accuracy: 7.0 is not from 0 to 1; not written"


def test_costs_are_of_the_model_that_they_stand_under(path):
    path, plain = path.with_name("rcn18.json"), to_plain(an_example(Profile, model="rcn18"))
    message = message_of(Profile.read, written(path, plain))
    assert message.startswith(f"{path}: rows: of another model than rcn18: ")


@pytest.mark.parametrize("kind", KINDS)
def test_accuracies_of_every_kind_are_shares(kind, path):
    plain = to_plain(an_example(kind))
    for name in plain:
        if name.endswith(("accuracy", "interval")):
            wrong = [1.5, 1.5] if name.endswith("interval") else 1.5
            assert f"{name}: 1.5 is not from 0 to 1" in message_of(kind.read, written(path, plain | {name: wrong}))


def test_a_key_that_is_there_twice_is_refused(path):
    path = path.with_name("eval.json")
    text = json.dumps(to_plain(an_evaluation()))
    for key in ("run", "commit"):
        path.write_text(text.replace(f'"{key}": ', f'"{key}": "x", "{key}": '))
        again = "run `rcn-bench evaluate rcn18` again"
        assert message_of(Evaluation.read, path) == f"{path}: {key}: there twice; {again}"


def test_a_record_is_of_what_it_is_read_for(path):
    path = path.with_name("eval.json")
    an_evaluation(run="rcn18").write(path)
    assert Evaluation.read_of(path, "rcn18") == an_evaluation(run="rcn18")
    message = message_of(Evaluation.read_of, path, "c2d18")
    assert message == f"{path}: run: 'rcn18' is not c2d18; run `rcn-bench evaluate rcn18` again"


@pytest.mark.parametrize(
    ("stage", "target", "command"),
    [
        ("pretrain", "resnet18", "pretrain resnet18"),
        ("cache", "val", "data cache --split val"),
        ("w_hh", RUN, f"w-hh {RUN}"),
        *((stage, RUN, f"{stage} {RUN}") for stage in ("train", "evaluate", "online", "lifetime")),
        *((stage, "a", f"{stage} a") for stage in ("profile", "calibrate", "table", "figure")),
    ],
)
def test_the_command_names_what_the_path_tells(tmp_path, stage, target, command):
    assert RECORDS[stage][0].command(record_path(Paths(tmp_path), stage, target)) == f"rcn-bench {command}"


def test_no_character_can_change_unnoticed(path):
    path = path.with_name("eval.json")
    record = an_evaluation()
    record.write(path)
    whole = path.read_text()
    rng = random.Random(0)
    for place in rng.sample(range(len(whole)), 300):
        path.write_text(whole[:place] + rng.choice('0123456789abcxyz"{}[],:') + whole[place + 1 :])
        if path.read_text() == whole:
            assert Evaluation.read(path) == record
        else:
            assert message_of(Evaluation.read, path).startswith(f"{path}: ")


def test_a_record_without_a_checksum_is_of_an_earlier_version(path):
    path = path.with_name("eval.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(to_plain(an_evaluation())))
    message = message_of(Evaluation.read, path)
    assert message == f"{path}: has no checksum: written by an earlier version; run `rcn-bench evaluate rcn18` again"


def test_whole_numbers_are_numbers(path):
    evaluation = Evaluation.read(written(path, to_plain(an_evaluation()) | {"video_accuracy": 1}))
    assert type(evaluation.video_accuracy) is float
    assert evaluation.video_accuracy == 1


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not JSON"),
        (b'{"origin": ', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
    ],
)
def test_what_is_not_json_is_refused(path, content, what):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert message_of(Profile.read, path) == f"{path}: {what}; run `rcn-bench profile a` again"


def test_a_number_too_large_for_a_number_is_refused(path):
    text = json.dumps(to_plain(an_evaluation())).replace("0.5", "1e999", 1)
    path.write_text(text)
    assert "clip_accuracy: inf is not a finite number" in message_of(Evaluation.read, path)


def test_nests_too_deep_are_refused(path):
    deep: Any = []
    for _ in range(600):
        deep = [deep]
    content = {"groups": {"a": {"origin": to_plain(an_origin()), "rows": [{"a": deep}]}}}
    assert message_of(Benchmarks.read, written(path, content)).startswith(f"{path}: nested too deeply; ")


def test_missing_files_and_folders_are_named(tmp_path):
    missing = tmp_path / "step_times.json"
    assert message_of(StepTimes.read, missing) == f"{missing}: not there; run `rcn-bench estimate` first"
    assert message_of(StepTimes.read, tmp_path).startswith(f"{tmp_path}: cannot be read (Is a directory); ")
    os.mkfifo(pipe := tmp_path / "pipe")
    assert message_of(StepTimes.read, pipe).startswith(f"{pipe}: cannot be read (Is a pipe); ")


@pytest.mark.parametrize("accuracy", [math.nan, math.inf, "high", np.float32(0.5), None])
def test_what_could_not_be_read_back_is_not_written(tmp_path, accuracy):
    path = tmp_path / "eval.json"
    message = message_of(replace(an_evaluation(), video_accuracy=accuracy).write, path)
    assert message.startswith(f"{path}: video_accuracy: ")
    assert not path.exists()


def test_an_earlier_group_of_benchmarks_is_named(path):
    content = {"groups": {"scan": {"rows": [], "command": "rcn-bench bench"}}}
    message = message_of(Benchmarks.read, written(path, content))
    assert message.endswith("groups.scan: has no origin: written by an earlier version; run `rcn-bench bench` again")


def test_literals_and_tuples_of_any_length():
    assert from_plain(tuple[Literal[1, "a"], ...], [1, "a", 1], "where", "do") == (1, "a", 1)
    assert from_plain(tuple[int, ...], [], "where", "do") == ()
    assert message_of(from_plain, list[Literal[1]], [1, True], "where", "do") == "where: 1: True is none of 1; do"
