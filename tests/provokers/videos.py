"""Videos that cannot be used: by themselves, as a stream, as the videos of a list."""

from collections.abc import Callable
from pathlib import Path

import broken
import numpy as np
from live_sources import Sent, http_stream, ts
from PIL import Image

from provokers.user import WINDOWED, Met, User, provoker, weights_of


def _streamed(user: User, name: str, write: Callable[[Path], object]) -> Met:
    user.has_finished()
    write(Path(name))
    return user.streams(name).naming(name)


def _checked(user: User, *options: object, rows: str = "ok.mp4,up\n", write: bool = True) -> Met:
    if write:
        broken.write(user.file("videos/ok.mp4"), 10)
    return user.lists(f"path,label\n{rows}", "train.csv", *options)


@provoker
def not_a_video_by_its_content(user: User) -> Met:
    return _streamed(user, "notes.txt", lambda path: path.write_text("404 not found\n" * 50))


@provoker
def no_video_stream(user: User) -> Met:
    return _streamed(user, "sound.mp4", broken.sound_only)


@provoker
def unreadable_video(user: User) -> Met:
    return _streamed(user, "page.mp4", lambda path: path.write_text("<html>404 not found</html>\n" * 50))


@provoker
def half_a_packet(user: User) -> Met:
    return _streamed(user, "cut.mp4", lambda path: broken.cut_off(path, 0.5))


@provoker
def half_a_video(user: User) -> Met:
    return _streamed(user, "cut.mkv", broken.cut_in_half)


@provoker
def empty_folder_of_pictures(user: User) -> Met:
    return _streamed(user, "pictures", lambda path: path.mkdir())


def _pictures(folder: Path, *names: str, side: int = 20) -> None:
    folder.mkdir()
    for name in names:
        Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(folder / name)


@provoker
def pictures_of_two_sequences(user: User) -> Met:
    return _streamed(user, "pictures", lambda path: _pictures(path, "a1.jpg", "a2.jpg", "b1.jpg")).naming("a", "b")


@provoker
def pictures_of_one_number(user: User) -> Met:
    return _streamed(user, "pictures", lambda path: _pictures(path, "1.jpg", "01.jpg")).naming("01.jpg")


@provoker
def picture_that_is_none(user: User) -> Met:
    def write(path: Path) -> None:
        _pictures(path, "1.jpg")
        (path / "2.jpg").write_text("404 not found")

    return _streamed(user, "pictures", write).naming("2.jpg")


@provoker
def pictures_missing(user: User) -> Met:
    numbers = [*range(1, 20), *range(30, 40)]
    return _streamed(user, "pictures", lambda path: _pictures(path, *(f"{n}.jpg" for n in numbers))).naming("19.jpg")


@provoker
def pictures_of_two_sizes(user: User) -> Met:
    def write(path: Path) -> None:
        _pictures(path, "1.jpg")
        Image.fromarray(np.zeros((32, 40, 3), np.uint8)).save(path / "2.jpg")

    return _streamed(user, "pictures", write).naming("20x20", "40x32")


@provoker
def pictures_at_no_rate(user: User) -> Met:
    user.has_finished()
    _pictures(Path("videos/train/9"), "1.jpg", "2.jpg")
    user.file("train.csv", "path,label\ntrain/9,up\n")
    changes = {"data.frame_rate": 8}
    return user.caches(changes).naming("videos/train/9", "data.pictures_per_second")


@provoker
def address_of_another_kind(user: User) -> Met:
    user.has_finished()
    return user.streams("udp://camera:1234").naming("udp://camera:1234")


@provoker
def address_that_cannot_be_reached(user: User) -> Met:
    user.has_finished()
    return user.streams("http://me:secret@127.0.0.1:9/live").naming("http://me:***@127.0.0.1:9/live")


@provoker
def no_such_camera(user: User) -> Met:
    user.has_finished()
    return user.streams("77").naming("/dev/video77")


@provoker
def live_source_given_up(user: User) -> Met:
    user.has_finished()
    with http_stream(Sent(ts(range(10)), end="close")) as address:
        return user.streams(address, "--give-up", 0).naming(address)


@provoker
def option_of_live_sources(user: User) -> Met:
    user.has_finished()
    return user.streams("videos/val/0.mp4", "--timeout", 5).naming("videos/val/0.mp4", "--timeout")


@provoker
def rate_of_what_has_a_clock(user: User) -> Met:
    user.has_finished()
    return user.streams("videos/val/0.mp4", "--pictures-per-second", 5).naming("videos/val/0.mp4")


@provoker
def network_without_a_state(user: User) -> Met:
    user.has_finished()
    weights = weights_of(WINDOWED)
    return user.runs("stream", "videos/val/0.mp4", "--weights", weights).naming(weights, "pocket3d")


@provoker
def videos_of_a_list_unusable(user: User) -> Met:
    user.file("videos/empty.mp4")
    return _checked(user, rows="ok.mp4,up\nempty.mp4,up\n").naming("check.csv", "1 of 2", "videos/empty.mp4")


@provoker
def no_video_at_all(user: User) -> Met:
    user.file("videos/notes.txt", "nothing moves here\n")
    return _checked(user, rows="notes.txt,up\n", write=False).naming("check.csv", "notes.txt")


@provoker
def missing_video(user: User) -> Met:
    return _checked(user, rows="none.mp4,up\n", write=False).naming("videos/none.mp4")


@provoker
def video_too_short(user: User) -> Met:
    return _checked(user, "--frames", 16).naming("videos/ok.mp4", "10")


@provoker
def label_that_training_lacks(user: User) -> Met:
    labels = user.file("others.csv", "path,label\na.mp4,down\n")
    return _checked(user, "--labels", labels).naming("videos/ok.mp4", "up")


@provoker
def content_under_two_labels(user: User) -> Met:
    broken.write(user.file("videos/a.mp4"), 10)
    user.file("videos/b.mp4", Path("videos/a.mp4").read_bytes())
    return _checked(user, rows="a.mp4,up\nb.mp4,down\n", write=False).naming("--max-overlap", "a.mp4 (up)")


@provoker
def report_of_something_else(user: User) -> Met:
    report = user.file("check.csv", "a,b\n1,2\n")
    return _checked(user).naming(report)
