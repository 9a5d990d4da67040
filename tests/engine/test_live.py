"""Which frames a network is shown of a file, and of a camera that does not wait for it; time is simulated."""

import threading
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.data.media.medium import Medium, UnreadableVideo
from rcn_bench.engine.live import due
from rcn_bench.engine.live.due import Event, due_frames
from rcn_bench.engine.live.newest import newest
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models import create_model

SECONDS = 60  # that another thread is waited for


class Numbered:
    """Stands for a picture."""

    def __init__(self, number, width=64):
        self.number, self.height, self.width = number, 48, width


class Recording(Medium):
    """A file's frames at these times."""

    @classmethod
    def takes(cls, source):
        return True

    def frames(self):
        for number, at in enumerate(self.source):
            yield at, Numbered(number)


class Camera(Recording):
    is_live = True


def simulated(monkeypatch, times, seconds_a_frame):
    """The newest of a camera's frames whenever a network that takes so long is free; no thread, no waiting."""

    def newest_of(offers, keep):
        free_at = 0.0
        offers = list(offers)
        while offers:
            come = [offer for offer in offers if offer.arrival.at <= free_at] or offers[:1]
            offers = [offer for offer in offers if offer.arrival.at > come[-1].arrival.at]
            free_at = max(free_at, come[-1].arrival.at) + seconds_a_frame
            yield come[-1]

    monkeypatch.setattr(due, "newest", newest_of)
    return Camera(times)


def test_a_slow_network_stays_with_the_camera(monkeypatch):
    """80 ms a frame, 15 frames a second: every second frame is seen when it comes, none twice."""
    times = [number / 15 for number in range(600)]
    shown = list(due_frames(simulated(monkeypatch, times, 0.08), 15, 1))
    numbers = [one.picture.number for one in shown]
    assert numbers == sorted(set(numbers))
    assert len(shown) + sum(one.dropped for one in shown) == numbers[-1] + 1
    assert not any(one.empty for one in shown)
    assert numbers[-1] >= 598
    free_at = 0.0
    for one in shown:
        free_at = max(free_at, one.at) + 0.08
        assert free_at - one.at <= 0.08 + 1 / 15 + 1e-9  # never later than a frame and the network's own time


@pytest.mark.parametrize(("rate", "stride", "step"), [(None, 1, 1), (None, 3, 3), (30, 1, 1), (15, 1, 2), (15, 2, 4)])
def test_a_network_that_is_fast_enough_sees_all_that_are_due(monkeypatch, rate, stride, step):
    camera = simulated(monkeypatch, [7 + number / 30 for number in range(60)], 0.001)
    shown = list(due_frames(camera, rate, stride))
    assert [one.picture.number for one in shown] == list(range(0, 60, step))
    assert {(one.dropped, one.empty) for one in shown} == {(0, 0)}


@settings(max_examples=50)
@given(jitter=st.lists(st.floats(-0.2, 0.2), min_size=30, max_size=30))
def test_a_camera_that_is_not_punctual_misses_nothing(jitter):
    with pytest.MonkeyPatch.context() as monkeypatch:
        times = [(number + late) / 15 for number, late in enumerate([0.0, *jitter])]
        shown = list(due_frames(simulated(monkeypatch, times, 0.001), 15, 1))
    assert [one.picture.number for one in shown] == list(range(31))


def test_a_slow_camera_is_not_shown_twice(monkeypatch):
    camera = simulated(monkeypatch, [number / 5 for number in range(10)], 0.001)
    shown = list(due_frames(camera, 15, 1))
    assert [one.picture.number for one in shown] == list(range(10))
    assert [one.empty for one in shown] == [0, *[2] * 9]
    assert not any(one.dropped for one in shown)


def test_of_a_file_every_tick_is_shown():
    shown = list(due_frames(Recording([number / 5 for number in range(4)]), 10, 1))
    assert [one.picture.number for one in shown] == [0, 0, 1, 1, 2, 2, 3]
    assert not any(one.dropped or one.empty for one in shown)


class Changing(Recording):
    """Frames of two sizes."""

    def frames(self):
        yield 0.0, Numbered(0)
        yield 0.5, Numbered(1, width=80)


def test_of_a_file_frames_that_change_their_size_are_refused():
    with pytest.raises(UnreadableVideo, match=r"^frames of 64x48, then of 80x48 from 0\.50 s on"):
        list(due_frames(Changing([]), None, 1))


def test_of_a_camera_a_video_begins_anew_where_frames_change_their_size(monkeypatch):
    class ChangingCamera(Changing):
        is_live = True

    monkeypatch.setattr(due, "newest", lambda items, keep: items)
    first, event, second = due_frames(ChangingCamera([]), None, 1)
    assert [first.picture.number, second.picture.number] == [0, 1]
    assert event == Event("restarted", {"reason": "frames of 64x48, then of 80x48"})


# A network frame by frame, away from the CPU


@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_a_graph_is_not_replayed_on_frames_of_another_size_or_number(name):
    """On torch's device without memory, where no graph can be captured either, but the way is that of a GPU."""
    model = create_model(name, 3).to("meta").eval()
    live, state = LiveStep(model), model.initial_state(2)
    for _ in range(3):
        logits, state = live(torch.empty(2, 3, 32, 32, device="meta"), state)
    assert logits.shape == (2, 3)
    assert state.size == (32, 32)
    for size in ((2, 3, 32, 1), (2, 3, 64, 64)):
        with pytest.raises(ValueError, match=r"after frames of \(32, 32\)"):
            live(torch.empty(size, device="meta"), state)
    with pytest.raises(ValueError, match="state is of 2 videos, the clip of 1"):
        live(torch.empty(1, 3, 32, 32, device="meta"), state)


# The thread that reads, which a busy machine may let wait


@pytest.fixture
def patient(monkeypatch):
    """A reader for whom nothing comes is not told so."""
    monkeypatch.setattr(import_module("rcn_bench.engine.live.newest"), "LOOK_UP", SECONDS)


@pytest.mark.usefixtures("patient")
def test_the_newest_is_taken_and_the_last_is_never_lost():
    read, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def items():
        for batch in ([0, 1, 2], [3], [4, 5]):
            go_on.acquire()
            yield from batch
            read.release()

    taken = newest(items())
    seen = []
    for _ in range(3):
        go_on.release()
        threading.Thread(target=read.acquire).start()
        seen.append(next(taken))
        while seen[-1] not in (2, 3, 5):  # what comes of a batch before its last one depends on the threads
            seen.append(next(taken))
    assert seen == sorted(set(seen))
    assert [item for item in seen if item in (2, 3, 5)] == [2, 3, 5]
    assert list(taken) == []


@pytest.mark.usefixtures("patient")
def test_a_reader_who_is_busy_gets_the_last_of_many():
    ended = threading.Event()

    def items():
        yield 0
        began.wait(SECONDS)
        yield from range(1, 1000)
        ended.set()

    began = threading.Event()
    taken = newest(items())
    assert next(taken) == 0
    began.set()
    assert ended.wait(SECONDS)
    assert next(taken) == 999
    assert list(taken) == []


@pytest.mark.usefixtures("patient")
def test_what_is_to_be_kept_is_not_passed_over_and_passes_over_nothing():
    ended, began = threading.Event(), threading.Event()

    def items():
        yield 0
        began.wait(SECONDS)
        yield from (1, "a", 2, 3, "b", 4, "c")
        ended.set()

    taken = newest(items(), keep=lambda item: isinstance(item, str))
    assert next(taken) == 0
    began.set()
    assert ended.wait(SECONDS)
    assert list(taken) == ["a", "b", 4, "c"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("error", [UnreadableVideo("gone"), KeyboardInterrupt()], ids=repr)
def test_an_error_of_the_source_comes_after_its_last_frame(error):
    def items():
        yield 0
        raise error

    taken = newest(items())
    assert next(taken) == 0
    with pytest.raises(type(error)):
        next(taken)


@pytest.mark.usefixtures("patient")
def test_who_needs_no_more_ends_the_reading():
    looked_at = threading.Semaphore(0)
    closed = threading.Event()

    def items():
        try:
            while True:
                looked_at.acquire(timeout=SECONDS)
                yield 0
        finally:
            closed.set()

    taken = newest(items())
    looked_at.release()
    next(taken)
    taken.close()
    looked_at.release()
    assert closed.wait(SECONDS)
