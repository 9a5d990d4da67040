import pickle

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models import WeightsEnum

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.init import initial_w_hh, read_state_dict

FORMATS = {"weights.safetensors": save_file, "weights.pth": torch.save}


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture(scope="module")
def imagenet():
    """A state dict like torchvision's ImageNet one: ResNet-18, 1000 classes."""
    torch.manual_seed(1)  # not that of the models under test, whose classifiers would be the same
    return torchvision.models.resnet18(num_classes=1000).state_dict()


def load(path, name="c2d18", **options):
    return create_model(name, 5, w_xh="imagenet", weights_file=path, **options)


def one_line_error(path, name=None):
    """The error of reading the file alone, or of loading it into a model, whose own values take no time."""
    with pytest.raises(InputError) as error, torch.device("meta"):
        load(path, name) if name else read_state_dict(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("file", ["weights.safetensors", pytest.param("weights.pth", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_a_weights_file_fills_all_but_the_classifier(name, file, imagenet, tmp_path):
    FORMATS[file](imagenet, tmp_path / file)
    net = load(tmp_path / file, name)
    loaded = {key.removeprefix("trunk.").replace(".w_xh", ""): value for key, value in net.state_dict().items()}
    for key, value in imagenet.items():
        if not key.startswith("fc."):
            assert torch.equal(loaded[key], value), key
    assert loaded["fc.weight"].shape == (5, 512)
    assert loaded["fc.weight"].std() > 0
    assert not torch.equal(loaded["fc.weight"], imagenet["fc.weight"][:5])


@pytest.mark.slow
@pytest.mark.parametrize("file", ["weights.safetensors", pytest.param("weights.pth", marks=pytest.mark.slow)])
def test_a_weights_file_fills_an_inflated_network(file, imagenet, tmp_path):
    FORMATS[file](imagenet, tmp_path / file)
    net = load(tmp_path / file, "i3d18")
    torch.testing.assert_close(net.conv1.weight.sum(dim=2), imagenet["conv1.weight"])
    torch.testing.assert_close(net.layer3[1].conv2.weight.sum(dim=2), imagenet["layer3.1.conv2.weight"])
    assert net.fc.weight.shape == (5, 512)


def test_a_classifier_of_the_same_size_is_new_too(tmp_path):
    state = torchvision.models.resnet18(num_classes=5).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    net = create_model("c2d18", 5, w_xh="stills", weights_file=str(tmp_path / "w.safetensors"))
    assert torch.equal(net.trunk.conv1.weight, state["conv1.weight"])
    assert not torch.equal(net.trunk.fc.weight, state["fc.weight"])


def test_the_classifier_and_the_batch_counts_may_be_missing(imagenet, tmp_path):
    trunk = {k: v for k, v in imagenet.items() if not k.startswith("fc.") and not k.endswith("num_batches_tracked")}
    save_file(trunk, tmp_path / "w.safetensors")
    assert torch.equal(load(tmp_path / "w.safetensors").trunk.conv1.weight, imagenet["conv1.weight"])


@pytest.mark.parametrize("w_hh", ["random", "identity"])
def test_a_weights_file_leaves_w_hh_as_asked(w_hh, imagenet, tmp_path):
    save_file(imagenet, tmp_path / "w.safetensors")
    last = load(tmp_path / "w.safetensors", "rcn18", w_hh=w_hh).trunk.layer4[1].conv2.w_hh
    assert torch.equal(last, torch.eye(512)) == (w_hh == "identity")


def test_a_missing_file(tmp_path):
    assert one_line_error(tmp_path / "none.pth") == "no such weights file"
    (tmp_path / "folder.pth").mkdir()
    assert one_line_error(tmp_path / "folder.pth") == "no such weights file"


def first_format(state, path):
    """What torch wrote before its zip format; torchvision's oldest weights files are of this kind."""
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("file", [*FORMATS, "first.pth"])
def test_a_truncated_file(file, tmp_path):
    path = tmp_path / file
    state = {"conv1.weight": torch.randn(64, 3, 7, 7), "bn1.weight": torch.ones(64), "bn1.bias": torch.zeros(64)}
    FORMATS.get(file, first_format)(state, path)
    assert torch.equal(read_state_dict(path)["conv1.weight"], state["conv1.weight"])
    data = path.read_bytes()
    for kept in (*range(0, 1000, 7), len(data) // 2, len(data) - 1):
        path.write_bytes(data[:kept])
        assert one_line_error(path).startswith("not a readable weights file ("), kept


@pytest.mark.parametrize("file", ["weights.safetensors", pytest.param("weights.pth", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "text",
    [
        "hello world",
        "a",
        "<html><body>404 Not Found</body></html>",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "weights:\n  conv1: 3\n",
    ],
)
def test_a_text_file(file, text, tmp_path):
    (tmp_path / file).write_text(text)
    assert one_line_error(tmp_path / file).startswith("not a readable weights file (")


class Payload:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("save", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing, 2))])
def test_a_pickle_of_an_arbitrary_object_is_not_run(save, tmp_path):
    save(Payload(str(tmp_path / "ran")), tmp_path / "w.pth")
    assert one_line_error(tmp_path / "w.pth").startswith("not a readable weights file (")
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_instead_of_its_state_dict(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "w.pth")
    assert one_line_error(tmp_path / "w.pth").startswith("not a readable weights file (")


@pytest.mark.parametrize("content", [{"epoch": 3, "state_dict": {"a": torch.ones(1)}}, [torch.ones(1)], torch.ones(1)])
def test_anything_but_a_plain_state_dict(content, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    assert one_line_error(tmp_path / "w.pth") == "not a plain state dict; save model.state_dict() alone"


@pytest.mark.slow
@pytest.mark.parametrize("file", ["weights.safetensors", pytest.param("weights.pth", marks=pytest.mark.slow)])
def test_weights_of_another_depth(file, imagenet, tmp_path):
    with torch.device("meta"):
        deeper = torchvision.models.resnet34(num_classes=1000).state_dict()
    FORMATS[file]({key: torch.zeros(value.shape, dtype=value.dtype) for key, value in deeper.items()}, tmp_path / file)
    error = one_line_error(tmp_path / file, "rcn18")
    assert error == "weights of another architecture: unexpected layer1.2.bn1.bias"
    FORMATS[file](imagenet, tmp_path / file)
    error = one_line_error(tmp_path / file, "rcn34")
    assert error == "weights of another architecture: no layer1.2.conv1.weight"


def test_weights_of_another_width(imagenet, tmp_path):
    save_file(imagenet | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "w.safetensors")
    expected = "weights of another architecture: conv1.weight is (64, 1, 7, 7), this network needs (64, 3, 7, 7)"
    assert one_line_error(tmp_path / "w.safetensors", "c2d18") == expected


def test_extra_keys(imagenet, tmp_path):
    save_file(imagenet | {"ema.decay": torch.zeros(1)}, tmp_path / "w.safetensors")
    assert one_line_error(tmp_path / "w.safetensors", "c2d18").endswith("another architecture: unexpected ema.decay")


@pytest.mark.parametrize("file", ["weights.safetensors", pytest.param("weights.pth", marks=pytest.mark.slow)])
def test_a_models_own_state_dict_survives_a_file(file, tmp_path):
    state = {key: value.contiguous() for key, value in create_model("rcn18", 5, w_hh="random").state_dict().items()}
    FORMATS[file](state, tmp_path / file)
    read = read_state_dict(tmp_path / file)
    assert read.keys() == state.keys()
    assert all(torch.equal(read[key], state[key]) for key in state)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"w_xh": "random", "weights_file": "w.pth"}, "random does not read a weights file, but w.pth was given"),
        ({"w_xh": "stills"}, "stills needs weights_file"),
        ({"w_xh": "kinetics"}, "unknown w_xh 'kinetics'; choose one of random, stills, imagenet"),
    ],
)
def test_w_xh_and_file_must_fit(options, text):
    with pytest.raises(InputError, match=text):
        create_model("c2d18", 5, **options)


@pytest.mark.parametrize("name", ["c2d18", "rcn18", "i3d18"])
def test_imagenet_without_a_file_asks_torchvision(name, imagenet, monkeypatch):
    asked = []

    def get_state_dict(weights, *args, **kwargs):
        asked.append((str(weights), kwargs))
        return imagenet

    monkeypatch.setattr(WeightsEnum, "get_state_dict", get_state_dict)
    net = create_model(name, 5, w_xh="imagenet")
    stem = getattr(net, "trunk", net).conv1.weight
    torch.testing.assert_close(stem.sum(dim=2) if stem.dim() == 5 else stem, imagenet["conv1.weight"])
    assert asked == [("ResNet18_Weights.IMAGENET1K_V1", {"check_hash": True})]


@pytest.mark.parametrize("failure", [OSError("no route to host"), RuntimeError("invalid hash value")])
def test_a_failed_download_says_what_to_do(failure, monkeypatch):
    def get_state_dict(*args, **kwargs):
        raise failure

    monkeypatch.setattr(WeightsEnum, "get_state_dict", get_state_dict)
    with pytest.raises(InputError, match=rf"resnet34\S+\.pth could not be loaded \({failure}\).*weights_file"):
        create_model("rcn34", 5, w_xh="imagenet")


@pytest.mark.parametrize("channels", [128, 512])
def test_random_w_hh_is_he_normal(channels):
    w_hh = initial_w_hh(channels, "random")
    assert w_hh.std().item() == pytest.approx((2 / channels) ** 0.5, rel=0.03)
    assert w_hh.mean().item() == pytest.approx(0, abs=5 * (2 / channels) ** 0.5 / channels)
    assert not torch.equal(w_hh, initial_w_hh(channels, "random"))


def test_identity_w_hh():
    assert torch.equal(initial_w_hh(3, "identity"), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]))


def test_an_unknown_w_hh_is_refused():
    with pytest.raises(InputError, match="unknown w_hh 'eye'; choose one of random, identity"):
        initial_w_hh(3, "eye")
