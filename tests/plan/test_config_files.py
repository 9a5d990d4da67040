"""Files of a config: a base, several files merged, keys taken out, and files that hold none."""

import pytest
import yaml
from experiments import CONFIGS, MINI, changed

from rcn_bench.errors import InputError
from rcn_bench.plan.config import load_experiment, merged, typed


@pytest.mark.parametrize(
    "content",
    [b"", b"- a\n- b\n", b"seeds: [0\n", b"a: b: c\n", b"\xff\xfe\x00", b"just text", b"# a comment\n"],
    ids=repr,
)
def test_file_that_holds_no_config_is_named(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_experiment([path])
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_bad_value_in_a_file_is_named_with_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed("train.lr", -1)))
    with pytest.raises(InputError, match=r"mine\.yaml: train\.lr: "):
        load_experiment([path])


def test_missing_file_and_folder_are_named(tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot read") as error:
            load_experiment([path])
        assert str(path) in str(error.value)


@pytest.fixture
def write(tmp_path):
    def write(name, /, **content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def test_file_starts_from_its_base_which_is_looked_for_from_its_own_folder(write):
    write("bases/mini.yaml", **MINI)
    write("bases/longer.yaml", base="mini.yaml", train={"epochs": 9}, name="longer")
    path = write("mine/more.yaml", base="../bases/longer.yaml", seeds=[1, 2])
    found = load_experiment([path])
    assert (found.name, found.train.epochs, found.seeds) == ("longer", 9, [1, 2])
    assert found.train.lr == MINI["train"]["lr"]
    assert "base" not in found.config


def test_shipped_config_can_be_a_base(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"base: {CONFIGS / 'mini.yaml'}\nname: mine\n")
    assert load_experiment([path]).config == load_experiment([CONFIGS / "mini.yaml"]).config | {"name": "mine"}


@pytest.mark.parametrize("length", [1, 2, 3])
def test_circle_of_bases_is_refused(write, length):
    paths = [write(f"{number}.yaml", base=f"{(number + 1) % length}.yaml") for number in range(length)]
    last = (length - 1) % length
    with pytest.raises(InputError, match=rf"{last}\.yaml: base: 0\.yaml starts from this file itself"):
        load_experiment(paths[:1])


def test_base_that_is_not_there_is_named_with_the_file_that_asks_for_it(write):
    path = write("mine.yaml", base="nowhere.yaml")
    with pytest.raises(InputError, match=r"mine\.yaml: base: .*nowhere\.yaml: no such file"):
        load_experiment([path])


@pytest.mark.parametrize("base", [["mini.yaml"], 1, {"mini": 1}, "", ".", ".."])
def test_base_that_is_no_name_is_refused(write, base):
    with pytest.raises(InputError, match=r"mine\.yaml: base: .* is not the name of a config file"):
        load_experiment([write("mine.yaml", base=base)])


def test_later_files_change_values_of_earlier_ones_and_lists_are_replaced_whole(write):
    first = write("first.yaml", **MINI)
    second = write("second.yaml", seeds=[1, 2], train={"lr": 0.5})
    third = write("third.yaml", train={"lr": 0.25})
    found = load_experiment([first, second, third])
    assert (found.seeds, found.train.lr, found.train.epochs) == ([1, 2], 0.25, MINI["train"]["epochs"])


@pytest.mark.parametrize("content", ["", "# nothing here\n", "null\n"])
def test_later_file_that_holds_nothing_changes_nothing(write, tmp_path, content):
    first, second = write("first.yaml", **MINI), tmp_path / "second.yaml"
    second.write_text(content)
    assert merged([first, second]) == MINI


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: a\ntrain:\n  lr: 1\n  epochs: 2\n  lr: 2\n", "line 5: the key 'lr' stands there twice"),
        ("a: 1\n'a': 2\n", "line 2: the key 'a' stands there twice"),
        ("a: {128: 1, 0x80: 2}\n", "line 1: the key '0x80' stands there twice"),
        ("a: {128: 1, '128': 2}\n", "line 1: the key '128' stands there twice"),
        (f"? 0x{'f' * 6000}\n: 1\n", "line 1: a key of more than 1,000 characters"),
        ("a: [{b: 1, b: 1}]\n", "line 1: the key 'b' stands there twice"),
        ("a: &x {b: *x}\n", "line 1: an anchor that stands in its own value"),
        ("a: &x [1, [*x]]\n", "line 1: an anchor that stands in its own value"),
    ],
)
def test_key_that_stands_twice_and_value_that_holds_itself_are_refused(tmp_path, content, message):
    path = tmp_path / "twice.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        merged([path])
    assert str(error.value) == f"{path}: not YAML ({message})"


def test_null_takes_a_key_out(write):
    first = write("first.yaml", **MINI)
    changes = {"pretrained": None, "pretrain": None, "tables": {"table3": None}, "train": {"warmup": None}}
    found = load_experiment([first, write("second.yaml", **changes)])
    assert (found.pretrained, found.pretrain, found.train.warmup) == (None, None, 0)
    assert "table3" not in found.tables


def test_what_was_taken_out_can_be_put_in_anew(write):
    files = [write("1.yaml", a={"b": 1, "c": 2}), write("2.yaml", a=None), write("3.yaml", a={"d": 3})]
    assert merged(files) == {"a": {"d": 3}}


def test_change_of_a_key_leaves_another_alone_that_shares_its_yaml_anchor(write, tmp_path):
    first = tmp_path / "first.yaml"
    first.write_text("a: &starts {b: 1}\nc: *starts\n")
    assert merged([first, write("second.yaml", c={"b": 2})]) == {"a": {"b": 1}, "c": {"b": 2}}


@pytest.mark.parametrize("lengths", [(8, "8", 8), ("8", 8, "8"), (8, 8, "8"), ("8", "8", 8)])
@pytest.mark.parametrize("based", [True, False], ids=["with bases", "as files"])
def test_a_clip_length_is_one_key_whether_a_file_has_it_as_a_number_or_as_text(write, lengths, based):
    files = [
        write(f"{number}.yaml", **({"base": f"{number - 1}.yaml"} if based and number else {}), **content)
        for number, content in enumerate(
            (MINI if not number else {}) | {"train": MINI["train"] | {"gpus_by_frames": {length: 2**number, 16: 2}}}
            for number, length in enumerate(lengths)
        )
    ]
    found = load_experiment(files[-1:] if based else files)
    assert found.train.gpus_by_frames == {"8": 4, "16": 2}
    again = write("again.yaml", **found.config)
    assert load_experiment([again]).config == found.config


def test_merged_as_snakemake_does(write):
    from snakemake.utils import update_config

    contents = [MINI, {"train": {"lr": 1}, "seeds": [3]}, {"tables": {"table1": {"frames": 16}}, "clip": {"stride": 1}}]
    theirs: dict = {}
    for content in contents:
        update_config(theirs, content)
    assert merged([write(f"{number}.yaml", **content) for number, content in enumerate(contents)]) == theirs


def test_message_names_all_files_that_make_the_config(write):
    first, second = write("first.yaml", **MINI), write("second.yaml", train={"lr": 0})
    with pytest.raises(InputError, match=r"first\.yaml \+ .*second\.yaml: train\.lr: "):
        load_experiment([first, second])


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("false", False),
        (0.5, 0.5),
        ("null", None),
        ("a word", "a word"),
        ("a: [", "a: ["),
        ("2020-01-01", "2020-01-01"),
        ({"epochs": "3", "compile": "true"}, {"epochs": 3, "compile": True}),
        (["8", "16"], [8, 16]),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_values_of_the_command_line_are_read_as_those_of_a_file(given, value):
    assert typed(given) == value
