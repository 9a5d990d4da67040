"""Two hosts on one shared folder, simulated on one: locks, shards of one cache, temporary files of the other."""

import platform
import subprocess

import pytest
from hosts import SPAWN, hold, make_shards, on_host, write
from videos import silent, source, write_videos

from rcn_bench.data.cache.build import build_cache, build_shard
from rcn_bench.data.cache.index import Cache
from rcn_bench.errors import InputError
from rcn_bench.files import write_text


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_videos(folder)
    source(folder, tmp_path)  # writes their list, which two hosts would write at a time
    return folder


@pytest.fixture
def signals():
    """Whether the other host has begun, and whether it may end."""
    begun, end = SPAWN.Event(), SPAWN.Event()
    yield begun, end
    end.set()


@pytest.fixture
def on_host_b(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "host-b")


def test_hosts_share_the_shards_of_a_cache_and_it_is_that_of_one(tmp_path, videos):
    shared = tmp_path / "shared"
    hosts = [
        on_host(f"host-{name}", make_shards, videos, shared, order)
        for name, order in (("a", [0, 1, 2]), ("b", [2, 1, 0]))
    ]
    for host in hosts:
        host.join(120)
        assert host.exitcode == 0
    made = sorted(path.name for path in shared.rglob("*.shard"))
    build_cache(source(videos, shared), progress=silent)
    build_cache(source(videos, tmp_path / "alone"), progress=silent)
    assert [name[:5] for name in made] == ["00000", "00001", "00002"]
    assert sorted(path.name for path in shared.rglob("*.shard")) == made  # the last one made none anew
    fingerprints = {Cache(tmp_path / name / "cache" / "all.json").fingerprint for name in ("shared", "alone")}
    assert len(fingerprints) == 1
    assert not [path for path in shared.rglob("*") if ".tmp" in path.name or path.suffix == ".part"]


def test_who_makes_a_shard_is_named_with_its_host(tmp_path, videos, signals, on_host_b):
    here, (begun, end) = source(videos, tmp_path), signals
    other = on_host("host-a", hold, here.folder, "00001", begun, end)
    assert begun.wait(60)
    with pytest.raises(InputError, match=rf"00001: another process \(PID {other.pid} on host-a\) is at work here"):
        build_shard(here, 1, progress=silent)
    build_shard(here, 0, progress=silent)
    end.set()
    other.join(60)
    build_shard(here, 1, progress=silent)


def test_what_another_host_is_writing_is_not_swept_away(tmp_path, signals, on_host_b):
    path, (begun, end) = tmp_path / "record.json", signals
    other = on_host("host-a", write, path, "of host a", begun, end)
    assert begun.wait(60)
    write_text(path, "of host b")
    assert path.read_text() == "of host b"
    end.set()
    other.join(60)
    assert other.exitcode == 0
    assert path.read_text() == "of host a"
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_is_swept_by_its_own_host_alone(tmp_path, monkeypatch):
    dead = subprocess.Popen(["true"])
    dead.wait()
    path = tmp_path / "record.json"
    left = tmp_path / f".record.host-a.{dead.pid}.tmp.json"
    left.write_text("half")
    for host, is_left in (("host-b", True), ("host-a", False)):
        monkeypatch.setattr(platform, "node", lambda host=host: host)
        write_text(path, host)
        assert left.exists() == is_left
