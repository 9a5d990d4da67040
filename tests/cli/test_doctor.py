"""What a machine can run: the one of the tests, and others that lack something."""

import errno
import json
import os
import sys
import urllib.error
from importlib.metadata import version
from types import SimpleNamespace

import av
import pytest
import torch

from rcn_bench import cli, doctor
from rcn_bench.ops import choice, product_scan, recurrent_scan


@pytest.fixture
def examined(capsys, tmp_path):
    """The exit code, and what is told of each thing by its name."""

    def examine(*arguments):
        code = cli.main(["doctor", "--results", str(tmp_path / "results"), *arguments])
        lines = [
            line.split(maxsplit=1) for line in capsys.readouterr().out.replace("not tried", "untried").splitlines()
        ]
        told = {rest[:14].strip(): (verdict, rest[14:].strip()) for verdict, rest in lines}
        assert not (tmp_path / "results").exists()
        return code, told

    return examine


def no_network(*_, **__):
    raise AssertionError("the network was tried")


def test_this_machine_can_run_the_tests(examined, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.urllib.request, "urlopen", no_network)
    code, told = examined()
    assert code == 0
    assert told["torch"][1].startswith(torch.__version__)
    assert told["packages"][0] == told["results"][0] == told["embedded data"][0] == "ok"
    assert told["video"] == ("ok", f"PyAV {version('av')} decodes {', '.join(doctor.DECODED)}")
    assert told["results"][1].startswith(str(tmp_path))
    assert told["network"][0] == "untried"


def test_without_torch_it_says_so_and_goes_on(examined, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, told = examined()
    assert code == 1
    assert told["torch"][0] == "missing"
    assert "pytorch.org" in told["torch"][1]
    assert told["embedded data"][0] == "ok"


def test_packages_that_are_too_old_or_not_there_are_named_with_what_to_install(examined, monkeypatch):
    others = {"pandas": "1.0", "scipy": None}
    monkeypatch.setattr(doctor, "installed_version", lambda name: others.get(name, version(name)))
    code, told = examined()
    assert code == 1
    assert told["pandas"] == ("missing", '1.0; pip install "pandas>=2.2"')
    assert told["scipy"] == ("missing", 'not installed; pip install "scipy>=1.11"')


@pytest.fixture
def recurrence(monkeypatch):
    """What is told of it, by the CPU in place of a GPU, with another scan and other channels for which it is fused."""

    def told(scan=recurrent_scan, fused=()):
        monkeypatch.setattr("rcn_bench.ops.recurrent_scan", scan)
        monkeypatch.setattr(choice, "fused_kernels", lambda x: product_scan if x.shape[-1] in fused else None)
        return doctor.recurrence_on("cpu")

    return told


def test_the_recurrence_of_a_gpu_is_tried(recurrence):
    assert recurrence(fused=doctor.WIDTHS).verdict == "ok"
    found = recurrence(fused=(64, 128))
    assert found.verdict == "lacking"
    assert found.found == "in bfloat16 on cpu: a matrix product per step for 256, 512 channels"


def test_a_recurrence_that_is_wrong_or_fails_is_told(recurrence):
    def wrong_from_256_channels_on(x, w_hh):
        return recurrent_scan(x, w_hh) * (1.1 if x.shape[-1] >= 256 else 1)

    def fails(x, w_hh):
        raise RuntimeError("out of resource: shared memory")

    found = recurrence(wrong_from_256_channels_on)
    assert (found.verdict, found.found) == ("missing", "256 channels on cpu: off by 10.0%")
    found = recurrence(fails)
    assert (found.verdict, found.found) == ("lacking", "64 channels on cpu: out of resource: shared memory")
    assert "train.autocast: none" in found.do


def test_little_room_is_no_reason_to_give_up(examined, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    code, told = examined()
    assert code == 0
    assert told["disk"][0] == told["shared memory"][0] == "lacking"
    assert told["disk"][1].startswith("100.0 MB free; name another folder with --results")


def test_a_disk_without_locks_is(examined, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(doctor.fcntl, "flock", no_locks)
    code, told = examined()
    assert code == 1
    assert told["results"][0] == "missing"
    assert "No locks available" in told["results"][1]


def test_a_codec_that_is_not_there_is_told_with_what_needs_it(examined, monkeypatch):
    monkeypatch.setattr(doctor, "DECODED", {"h264": "all", "no_codec": "some films"})
    code, told = examined()
    assert code == 0
    assert told["video"][0] == "lacking"
    assert "no decoder of no_codec, for some films" in told["video"][1]


def test_an_encoder_that_loses_something_is_found(examined, monkeypatch):
    def lossy(path, frames, rate):
        with av.open(str(path), "w", format="mp4") as container:
            stream = container.add_stream("mpeg4", rate=rate)
            stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
            container.mux(stream.encode(None))

    monkeypatch.setattr("rcn_bench.data.media.files.write_lossless", lossy)
    code, told = examined()
    assert code == 1
    assert told["embedded data"][1].startswith("a reversed video is not the reverse of its frames")


def test_a_card_that_torch_does_not_know_is_tried_and_told(examined, monkeypatch):
    def no_kernel(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    card = SimpleNamespace(name="GTX 1080 Ti", total_memory=11 * 10**9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    monkeypatch.setattr(torch, "ones", no_kernel)
    code, told = examined()
    assert code == 1
    assert told["GPU"][1].startswith("GTX 1080 Ti, 11.0 GB: CUDA error: no kernel image is available; install a torch")


def test_the_network_is_tried_where_asked_for(examined, monkeypatch):
    asked = []

    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def answer(request, timeout):
        asked.append((request.get_method(), request.full_url))
        return Answer()

    monkeypatch.setattr(doctor.urllib.request, "urlopen", answer)
    code, told = examined("--network")
    assert (code, told["network"][0]) == (0, "ok")
    ((method, url),) = asked
    assert method == "HEAD"
    assert url in told["network"][1]

    def no_answer(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(doctor.urllib.request, "urlopen", no_answer)
    code, told = examined("--network")
    assert (code, told["network"][0]) == (0, "lacking")
    assert "weights_files" in told["network"][1]


def test_what_was_found_can_be_had_as_json(capsys, tmp_path):
    assert cli.main(["doctor", "--results", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"verdict": "not tried", "name": "network"}.items() <= found[-1].items()
    assert {each["verdict"] for each in found} <= {"ok", "lacking", "not tried"}
