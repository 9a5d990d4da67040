"""`rcn-bench stream` of sources on loopback: HTTP, RTSP and pipes, whole, lost, stalled, slow and odd ones."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from live_sources import Sent, http_file, http_stream, mjpeg, mp4, rtp, rtsp_stream, ts
from tiny import save_weights

from rcn_bench import cli
from rcn_bench.code import load_plugins
from rcn_bench.data.media.live import Live
from rcn_bench.engine.live import arrivals
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run

RUN = Run("rcn_pocket", 4, "random", "random", 0)
RATE = 12.5  # frames a second that the network takes: every second of the sources'

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture
def weights(noise_without_runs):
    load_plugins(noise_without_runs.plugins)
    save_weights(noise_without_runs, RUN, create_model(RUN.model, 3), ["a", "b", "c"], frame_rate=RATE, stride=1)
    return noise_without_runs.paths.weights(RUN)


@pytest.fixture
def streamed(capsys, weights, monkeypatch):
    """The lines of --json as dictionaries, the exit code and stderr."""
    monkeypatch.setattr(arrivals, "FIRST_WAIT", 0.05)

    def streamed(source, *options):
        code = cli.main(["stream", str(source), "--weights", str(weights), "--json", *map(str, options)])
        out, err = capsys.readouterr()
        return [json.loads(line) for line in out.splitlines()], code, err

    return streamed


def answers(lines):
    return [line for line in lines if line["kind"] == "answer"]


def events(lines):
    return [line for line in lines if line["kind"] != "answer"]


def kinds(lines):
    return [line["kind"] for line in events(lines)]


def ticks(lines):
    """All that passed; by times that never fall, and by the sums of the last line."""
    shown, end = answers(lines), lines[-1]
    assert end["kind"] == "end"
    assert end["frames"] == len(shown)
    assert end["dropped"] == sum(line["dropped"] for line in shown)
    assert end["empty"] == sum(line["empty"] for line in shown)
    times = [line["time"] for line in shown]
    assert times == sorted(set(times))
    return end["frames"] + end["dropped"] + end["empty"]


# Proper ends


def test_a_stream_is_answered_to_its_last_frame(streamed):
    with http_stream(Sent(ts(range(20)))) as address:
        lines, code, err = streamed(address, "--top", 2)
    assert (code, err, kinds(lines)) == (0, "", ["end"])
    assert ticks(lines) == 10
    first, last = answers(lines)[0], answers(lines)[-1]
    assert last["time"] == pytest.approx(18 * 0.04 + 0.04, abs=0.041)
    assert first["top"][0]["label"] == first["label"]
    assert len(first["top"]) == 2
    assert set(first) == {"kind", "time", "label", "top", "dropped", "empty", "latency_ms"}
    assert lines[-1]["reason"] == "the source ended"


def test_rtsp_ends_with_the_servers_goodbye(streamed):
    with rtsp_stream(Sent(rtp(range(25)))) as address:
        lines, code, err = streamed(address)
    assert (code, err, kinds(lines)) == (0, "", ["end"])
    assert 11 <= ticks(lines) <= 13


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_by_http_is_answered_like_a_file(streamed, tmp_path, ranges):
    (tmp_path / "video.mp4").write_bytes(mp4(range(20)))
    whole, _, _ = streamed(tmp_path / "video.mp4")
    with http_file(mp4(range(20)), ranges) as address:
        lines, code, _ = streamed(address)
    assert code == 0
    assert [(line["time"], line["top"]) for line in answers(lines)] == [
        (line["time"], line["top"]) for line in answers(whole)
    ]
    assert len(answers(lines)) == 10


def test_a_pipe_ends_where_its_writer_does(streamed, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"".join(ts(range(20))),))
    writer.start()
    lines, code, _ = streamed(pipe)
    writer.join()
    assert (code, kinds(lines)) == (0, ["end"])
    assert ticks(lines) == 10
    assert answers(lines)[-1]["time"] > 0.7


# Ends that are none


def test_a_stream_that_breaks_off_is_tried_again_and_the_network_begins_anew(streamed):
    whole, again = ts(range(10)), ts(range(1000, 1010))
    with http_stream(Sent(whole, end="close"), Sent(again)) as address:
        lines, code, err = streamed(address)
    assert code == 0
    assert kinds(lines) == ["lost", "reconnected", "restarted", "end"]
    lost, reconnected, restarted, end = events(lines)
    assert lost["reason"] == "the server closed the connection"
    assert reconnected["after_s"] < 5
    assert restarted["reason"] == "another connection"
    assert (end["lost"], len(err.splitlines())) == (1, 3)
    ticks(lines)


def test_by_http_without_chunks_closing_is_no_proper_end(streamed):
    with http_stream(Sent(ts(range(10))), chunked=False) as address:
        lines, code, _ = streamed(address, "--give-up", 0)
    assert (code, kinds(lines)) == (2, ["lost", "end"])
    assert ticks(lines) == 5, "what came is shown first"


@pytest.mark.slow
def test_what_the_network_says_after_a_loss_is_what_it_says_of_the_new_part_alone(streamed, monkeypatch):
    part = ts([0] * 30)  # one picture, so that it does not matter which frames are dropped
    with http_stream(Sent(part, end="close"), Sent(part)) as address:
        lines, _, _ = streamed(address, "--restart", 0)
    at = lines.index({"kind": "restarted", "reason": "another connection"})
    assert lines[0]["top"] == lines[at + 1]["top"]


def test_a_source_that_does_not_come_back_is_given_up_after_its_last_answer(streamed):
    with http_stream(Sent(ts(range(10)), end="close")) as address:
        lines, code, err = streamed(address, "--give-up", 0)
    assert code == 2
    assert kinds(lines) == ["lost", "end"]
    assert answers(lines)
    assert err.splitlines()[-1].startswith(f"rcn-bench: {address}: the server closed the connection; given up ")


@pytest.mark.parametrize("end", ["close", "stall"])
def test_rtsp_without_a_goodbye_is_lost(streamed, end):
    with rtsp_stream(Sent(rtp(range(10)), end=end)) as address:
        lines, code, _ = streamed(address, "--give-up", 0, *(["--timeout", 1] if end == "stall" else []))
    assert (code, kinds(lines)) == (2, ["lost", "end"])
    reasons = {"close": "the server closed the connection", "stall": "no frame for 1 s"}
    assert events(lines)[0]["reason"] == reasons[end]


@pytest.mark.slow
def test_a_stream_that_stalls_is_lost_after_its_time(streamed):
    with http_stream(Sent(ts(range(10)), end="stall"), Sent(ts(range(10)))) as address:
        lines, code, err = streamed(address, "--timeout", 3)  # which no frame of the second may take
    assert (code, kinds(lines)) == (0, ["lost", "reconnected", "restarted", "end"])
    assert err.splitlines()[0] == f"{address}: lost: no frame for 3 s; trying for 60 s from the last frame on"


def test_a_file_by_http_that_is_cut_off_is_refused_at_its_end(streamed):
    content = b"".join(ts(range(50)))
    with http_file(content, cut=len(content) // 2) as address:
        lines, code, err = streamed(address)
    assert code == 2
    assert answers(lines)
    assert f"Stream ends prematurely at {len(content) // 2}, should be {len(content)}" in err


# Odd clocks, sizes and sounds


@pytest.mark.slow
@pytest.mark.parametrize("start", [0.0, 2**33 / 90000 - 1.4 - 0.4])
def test_a_counter_that_runs_over_is_not_seen(streamed, start):
    with http_stream(Sent(ts(range(25), start=start))) as address:
        lines, code, _ = streamed(address)
    assert (code, kinds(lines)) == (0, ["end"])
    assert ticks(lines) in (12, 13)


@pytest.mark.slow
@pytest.mark.parametrize("second", [range(25, 50), range(5000, 5025), range(25)], ids=["goes on", "later", "earlier"])
def test_a_clock_that_jumps_begins_anew_and_time_goes_on(streamed, second):
    first = range(25) if second[0] else range(2000, 2025)
    with http_stream(Sent(ts(first) + ts(second))) as address:
        lines, code, _ = streamed(address)
    assert code == 0
    assert kinds(lines) == (["end"] if second[0] == 25 else ["restarted", "end"])
    empty = lines[-1]["empty"]  # where stamps tell nothing, the time until the next frame came
    assert ticks(lines) - empty in (24, 25, 26)
    assert empty < 50, "far from the 80 s and more between the stamps"


@pytest.mark.slow
def test_a_size_that_changes_begins_anew(streamed):
    with http_stream(Sent(ts(range(25)) + ts(range(25, 50), size=(64, 48)))) as address:
        lines, code, _ = streamed(address)
    assert (code, kinds(lines)) == (0, ["restarted", "end"])
    assert events(lines)[0]["reason"] == "frames of 32x32, then of 64x48"


@pytest.mark.slow
def test_pictures_by_http_are_timed_by_when_they_come(streamed):
    with http_stream(Sent(mjpeg(range(20)), rate=10), kind="mjpeg") as address:
        lines, code, _ = streamed(address)
    assert code == 0
    assert 10 < len(answers(lines)) <= 20
    assert 1 < answers(lines)[-1]["time"] < 10
    assert lines[-1]["empty"] >= 3, "at 12.5 a second"


@pytest.mark.slow
def test_decoding_that_is_slower_than_the_source_leaves_frames_out_and_stays_with_it(streamed, monkeypatch):
    """It takes 0.1 s for a frame of 25 a second: all 200 would take 20 s."""

    def slowly(self, video, packet, whole=Live._frames_of):
        frames = whole(self, video, packet)
        time.sleep(0.1 * len(frames))
        return frames

    monkeypatch.setattr(Live, "_frames_of", slowly)
    began = time.monotonic()
    with http_stream(Sent(ts(range(200)))) as address:
        lines, code, _ = streamed(address)
    assert (code, kinds(lines)) == (0, ["end"])
    assert time.monotonic() - began < 18
    assert answers(lines)[-1]["time"] > 5
    assert len(answers(lines)) > 20


@pytest.mark.slow
def test_sound_may_come_long_before_the_picture(streamed):
    with http_stream(Sent(ts(range(25), blind=50))) as address:
        lines, code, _ = streamed(address)
    assert (code, kinds(lines)) == (0, ["end"])
    assert ticks(lines) in (12, 13)


@pytest.mark.slow
def test_frames_that_come_without_end_at_the_same_time_are_answered(streamed):
    with http_stream(Sent(ts([0] * 60))) as address:
        lines, code, _ = streamed(address)
    assert code == 0
    assert len(answers(lines)) > 10


# Readers that go, sources that are not there


@pytest.mark.slow
def test_a_reader_who_has_had_enough_ends_it(weights):
    command = [sys.executable, "-m", "rcn_bench.cli", "stream", "-", "--weights", str(weights), "--json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, bufsize=0, **pipes) as process:
        threading.Thread(target=lambda: _write(process.stdin), daemon=True).start()
        assert json.loads(process.stdout.readline())["kind"] == "answer"
        process.stdout.close()
        assert process.wait(120) == 141
        assert process.stderr.read() == b""


def _write(pipe):
    for part in ts(range(600)):
        try:
            pipe.write(part)
            pipe.flush()
        except (OSError, ValueError):  # ValueError: closed here
            return
        threading.Event().wait(0.04)


def test_a_password_is_not_repeated(streamed):
    _, code, err = streamed("rtsp://me:se@cret@127.0.0.1:9/live")
    assert (code, err) == (2, "rcn-bench: rtsp://me:***@127.0.0.1:9/live: Connection refused\n")


def test_http_takes_a_name_and_a_password(streamed):
    with http_stream(Sent(ts(range(10))), login="me:se@cret") as address:
        assert streamed(address)[1:] == (2, f"rcn-bench: {address}: Unauthorized\n")
        lines, code, _ = streamed(address.replace("//", "//me:se%40cret@"))
    assert (code, kinds(lines)) == (0, ["end"])


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/live", "Connection refused"),
        ("http://127.0.0.1:port/live", "nonnumeric port: 'port'"),
        ("http:///live", "no host given"),
        ("rtsp://127.0.0.1:9/live", "Connection refused"),
    ],
)
def test_an_address_that_cannot_be_reached_is_refused(streamed, address, reason):
    assert streamed(address)[1:] == (2, f"rcn-bench: {address}: {reason}\n")


def test_what_the_server_says_is_said(streamed):
    with http_stream() as address:
        assert streamed(address)[1:] == (2, f"rcn-bench: {address}: Service Unavailable\n")


@pytest.mark.parametrize("live", [False, True])
def test_a_playlist_is_not_followed(streamed, live):
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/1.ts\n#EXT-X-ENDLIST\n"
    with http_stream(Sent([playlist])) if live else http_file(playlist) as address:
        lines, code, err = streamed(f"{address}.m3u8")
    assert (lines, code) == ([], 2)
    assert err == f"rcn-bench: {address}.m3u8: hls, a list of other files or addresses, which are not opened\n"


def test_a_page_is_no_video(streamed):
    with http_file(b"<html><body>not found</body></html>") as address:
        lines, code, err = streamed(address)
    assert (lines, code) == ([], 2)
    assert err.startswith(f"rcn-bench: {address}: Invalid data")


@pytest.mark.parametrize("option", ["--timeout", "--give-up"])
def test_options_of_live_sources_do_not_go_with_files(streamed, tmp_path, option):
    Path(tmp_path / "video.mp4").touch()
    lines, code, err = streamed(tmp_path / "video.mp4", option, 1)
    assert (lines, code) == ([], 2)
    assert err.endswith(f"video.mp4: is there as a whole; leave {option} out\n")


def test_a_source_with_a_clock_takes_no_rate(streamed):
    lines, code, err = streamed("rtsp://127.0.0.1:9/live", "--pictures-per-second", 5)
    assert (lines, code) == ([], 2)
    assert err.endswith("live: has a clock of its own; leave --pictures-per-second out\n")
