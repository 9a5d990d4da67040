"""Video files of every kind that a download leaves behind, written for tests."""

import struct
from pathlib import Path

import av
import numpy as np

HEIGHT, WIDTH, RATE = 48, 64, 12


def numbered(frames: int) -> np.ndarray:
    """Frame i shows i in its left half, eight bits from the top down, and noise in its right half."""
    images = np.zeros((frames, HEIGHT, WIDTH, 3), np.uint8)
    images[:, :, WIDTH // 2 :] = np.random.default_rng(0).integers(0, 256, (frames, HEIGHT, WIDTH // 2, 1))
    for i, image in enumerate(images):
        for bit in range(8):
            image[bit * 6 : bit * 6 + 6, : WIDTH // 2] = 255 * (i >> bit & 1)
    return images


def number_of(image: np.ndarray) -> int:
    """The number that a frame shows."""
    height, width = image.shape[:2]
    rows = [int((bit + 0.5) * height / 8) for bit in range(8)]
    return sum(int(image[row, width // 4].mean() > 127) << bit for bit, row in enumerate(rows))


def write(path: Path, frames=60, *, container="mp4", codec="libx264", codec_options=None, options=None, times=None):
    """times: of each frame, in twelfths of a second. One time in some hundred x264 writes slightly other bytes."""
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=RATE, options=codec_options or {})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for i, image in enumerate(numbered(frames)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = i if times is None else int(times[i])
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def write_front(path: Path, frames=60):
    """An MP4 with its index first, as for the web: what is cut off is video."""
    return write(path, frames, options={"movflags": "faststart"})


def cut_off(path: Path, share: float):
    content = write_front(path).read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def cut_in_the_index(path: Path):
    content = write_front(path).read_bytes()
    path.write_bytes(content[: content.find(b"moov") + 400])


def cut_in_half(path: Path):
    content = write(path, container="matroska").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def cut_short(path: Path):
    content = write(path, 24, container="matroska").read_bytes()
    path.write_bytes(content[: len(content) * 55 // 100])


def flip_bytes(path: Path):
    content = bytearray(write_front(path).read_bytes())
    start = content.find(b"mdat") + 1200
    for place in np.random.default_rng(1).integers(start, len(content) - 200, 600):
        content[place] ^= 255
    path.write_bytes(content)


def sound_only(path: Path, **options: str):
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def skip_ten_frames(path: Path):
    """By an edit list, as a phone's editor does."""
    content = bytearray(write_front(path).read_bytes())
    place = content.find(b"elst") + 16
    (start,) = struct.unpack_from(">i", content, place)
    with av.open(str(path)) as file:
        tick = round(1 / (RATE * file.streams.video[0].time_base))
    struct.pack_into(">i", content, place, start + 10 * tick)
    path.write_bytes(content)


def edit(path: Path, first: int, frames: int):
    """Show ``frames`` frames from ``first`` on, of five groups that are decoded one without the other."""
    options = {"movflags": "faststart"}
    write(path, options=options, codec_options={"g": "12", "keyint_min": "12", "sc_threshold": "0"})
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        tick = round(1 / (RATE * file.streams.video[0].time_base))
    (scale,) = struct.unpack_from(">I", content, content.find(b"mvhd") + 16)
    place = content.find(b"elst") + 12
    (start,) = struct.unpack_from(">i", content, place + 4)
    struct.pack_into(">Ii", content, place, frames * scale // RATE, start + first * tick)
    path.write_bytes(content)


def turn(path: Path):
    """A note that the picture is to be turned by a quarter, clockwise, as of a phone held upright."""
    write_matrix(write_front(path), 0, 65536, 0, -65536, 0, 0, 0, 0, 2**30)


def write_matrix(path: Path, *numbers: int):
    content = bytearray(path.read_bytes())
    struct.pack_into(">9i", content, content.find(b"tkhd") + 44, *numbers)
    path.write_bytes(content)


def uneven_times(path: Path):
    write(path, times=np.cumsum(np.random.default_rng(2).integers(1, 4, 60)))


# By name: how to write it, what the check says of it, and the numbers of the frames that come out of it.
KINDS = {
    "ok.mp4": (write, "ok", range(60)),
    "empty.mp4": (lambda path: path.touch(), "empty", ()),
    "text.mp4": (lambda path: path.write_text("404 not found\n" * 50), "unreadable", ()),
    "sound.mp4": (sound_only, "no video stream", ()),
    "cut_in_the_index.mp4": (cut_in_the_index, "unreadable", ()),
    "cut_in_the_middle.mp4": (lambda path: cut_off(path, 0.5), "truncated", ()),
    "cut_at_the_end.mp4": (lambda path: cut_off(path, 0.95), "truncated", ()),
    "cut.mkv": (cut_in_half, "truncated", ()),
    "flipped.mp4": (flip_bytes, "unreadable", ()),
    "avi.mp4": (lambda path: write(path, container="avi", codec="mpeg4"), "ok", range(60)),
    "one.mp4": (lambda path: write(path, 1), "too short", range(1)),
    "ten.mp4": (lambda path: write(path, 10), "ok", range(10)),
    "uneven.mp4": (uneven_times, "ok", range(60)),
    "uneven.avi": (
        lambda path: write(path, container="avi", codec="mpeg4", times=np.cumsum(1 + np.arange(60) % 3)),
        "ok",
        range(60),
    ),
    "late.mp4": (lambda path: edit(path, 30, 30), "ok", range(30, 60)),
    "early.mp4": (lambda path: edit(path, 0, 30), "ok", range(30)),
    "short_cut.mkv": (cut_short, "truncated", ()),
    "edited.mp4": (skip_ten_frames, "ok", range(10, 60)),
    "b_frames.avi": (
        lambda path: write(path, container="avi", codec="mpeg4", codec_options={"bf": "2"}), "ok", range(60)
    ),
    "turned.mp4": (turn, "ok", range(60)),
}  # fmt: skip
