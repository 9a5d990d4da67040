import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from rcn_bench.errors import InputError
from rcn_bench.records.weights import Card, sealed
from results import an_example, save_with_card

WEIGHTS = {"layer10.w_hh": np.zeros((2, 2), np.float32), "layer2.w_hh": np.ones((2, 2), np.float32)}


@pytest.fixture
def card():
    return an_example(Card, crop=32, short_side=None, frame_rate=15.0, recurrent_layers=["layer2.w_hh", "layer10.w_hh"])


def test_a_card_comes_back_from_the_file(card, tmp_path):
    path = tmp_path / "model.safetensors"
    save_with_card(WEIGHTS, path, card)
    assert Card.of(path) == card


def test_equal_weights_and_cards_make_equal_files(card, tmp_path):
    for name in ("a", "b"):
        save_with_card(dict(reversed(WEIGHTS.items())) if name == "b" else WEIGHTS, tmp_path / name, card)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_byte_can_change_unnoticed(card, tmp_path):
    path = tmp_path / "model.safetensors"
    save_with_card(WEIGHTS, path, card)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(len(whole), 200, replace=False):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        with pytest.raises(InputError, match=re.escape(f"{path}: ")):
            Card.of(path)


@pytest.mark.parametrize(
    ("metadata", "what"),
    [
        (None, "not the model.safetensors of a run"),
        ({"format": "pt"}, "not the model.safetensors of a run"),
        ({"card": "{"}, "not the model.safetensors of a run"),
        ({"card": '{"run": "a", "run": "b"}'}, "not the model.safetensors of a run"),
        ({"run": "rcn18", "labels": "[]", "config": "{}"}, "of an earlier version; train the run again"),
        ({"card": "{}"}, "has no origin: written by an earlier version; train the run again"),
    ],
)
def test_other_weights_are_refused(tmp_path, metadata, what):
    path = tmp_path / "model.safetensors"
    save_file(WEIGHTS, path, metadata)
    with pytest.raises(InputError) as caught:
        Card.of(path)
    assert str(caught.value) == f"{path}: {what}"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"crop": "32"}, "crop: '32' is not a whole number"),
        ({"stride": -1}, "stride: -1 is negative"),
        *(
            ({key: 0}, f"{key}: 0 is too little")
            for key in ("frames", "stride", "crop", "evaluation_clips", "evaluation_crops")
        ),
        ({"short_side": 0}, "short_side: 0 is too little"),
        ({"frame_rate": 0}, "frame_rate: 0.0 is too little"),
        ({"labels": ["a", "b", "a"]}, "labels: one is there twice"),
        ({"labels": []}, "labels: there are none"),
    ],
)
def test_a_card_that_cannot_be_is_refused(card, tmp_path, changes, what):
    path = tmp_path / "model.safetensors"
    content = json.loads(card.to_metadata()["card"])
    path.write_bytes(sealed(save(WEIGHTS, {"card": json.dumps(content | changes)})))
    with pytest.raises(InputError) as caught:
        Card.of(path)
    assert str(caught.value) == f"{path}: {what}; train the run again"


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    for missing in (path, tmp_path):
        with pytest.raises(InputError, match=r": no such weights file; train the run first$"):
            Card.of(missing)
    for content in (b"", b"torn", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"model.safetensors: not the model.safetensors of a run$"):
            Card.of(path)


def test_a_card_that_could_not_be_read_back_is_not_made(card):
    with pytest.raises(InputError, match=r"frame_rate: nan is not a finite number"):
        replace(card, frame_rate=float("nan")).to_metadata()


def test_differences_from_an_experiment_are_named_by_the_keys_of_its_config(card):
    same = {"crop": 32, "short_side": None, "frame_rate": 15, "plugins": tuple(card.plugins)}
    assert card.differences(same) == []
    assert card.differences(same | {"crop": 16, "short_side": 128, "autocast": "none"}) == [
        "clip.crop: 32, the config has 16",
        "data.short_side: None, the config has 128",
        "train.autocast: 'a text', the config has 'none'",
    ]


def test_records_are_light():
    code = (
        "import sys; import rcn_bench.records.runs, rcn_bench.records.costs, rcn_bench.records.products, "
        "rcn_bench.records.weights; from rcn_bench.provenance import start; start(with_torch=False); "
        "print({'torch', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
