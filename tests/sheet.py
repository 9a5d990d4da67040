"""Forty files as people have them, and what is made of each: prints the table of docs/data.md."""

import shutil
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import halves
import lookalikes
import numpy as np
from broken import flip_bytes, number_of, numbered, skip_ten_frames, sound_only, turn, write, write_matrix
from halves import FRAGMENTS, cut_between_fragments, cut_between_packets
from packed import write_packed_avi
from PIL import Image
from timed import joined, write_at

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.judge import DECODED

Write = Callable[[Path], object]
INDEX_IN_FRONT = {"movflags": "faststart"}


def mirror(path: Path) -> None:
    write_matrix(write(path, options=INDEX_IN_FRONT), -65536, 0, 0, 0, 65536, 0, 0, 0, 2**30)


def wide_pixels(path: Path) -> None:
    _write_streams(path, {(48, 64): "main"}, aspect=2)


def preview_in_front(path: Path) -> None:
    _write_streams(path, {(12, 16): "preview", (48, 64): "main"})


def _write_streams(path: Path, sizes: dict[tuple[int, int], str], aspect: int = 1) -> None:
    """The same numbers in streams of several sizes, of which the main one is marked as the default."""
    with av.open(str(path), "w") as file:
        streams = []
        for (height, width), name in sizes.items():
            stream = file.add_stream("libx264", rate=12)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            stream.codec_context.sample_aspect_ratio = aspect
            stream.disposition = av.stream.Disposition.default if name == "main" else av.stream.Disposition(0)
            streams.append(stream)
        for number, image in enumerate(numbered(60)):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(image if stream.height == 48 else 255 - image, format="rgb24")
                frame = frame.reformat(width=stream.width, height=stream.height)
                frame.pts = number
                file.mux(stream.encode(frame))
        for stream in streams:
            file.mux(stream.encode(None))


def cover_in_front(path: Path) -> None:
    """Where taggers put it: in a box before the tracks."""
    picture = path.with_suffix(".jpg")
    lookalikes.picture(picture)
    data = _box(b"data", struct.pack(">II", 13, 0) + picture.read_bytes())
    names = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + _box(b"ilst", _box(b"covr", data))
    added = _box(b"udta", _box(b"meta", bytes(4) + names))
    content = bytearray(write(path, options=INDEX_IN_FRONT).read_bytes())
    movie, track = content.find(b"moov") - 4, content.find(b"trak") - 4
    (count,) = struct.unpack_from(">I", content, content.find(b"stco") + 8)
    for place in range(content.find(b"stco") + 12, content.find(b"stco") + 12 + 4 * count, 4):
        struct.pack_into(">I", content, place, struct.unpack_from(">I", content, place)[0] + len(added))
    struct.pack_into(">I", content, movie, struct.unpack_from(">I", content, movie)[0] + len(added))
    content[track:track] = added
    path.write_bytes(content)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def two_in_one(path: Path) -> None:
    parts = [write_at(path.with_suffix(f".{number}.ts"), 12, 30) for number in range(2)]
    joined(path, *parts)


def folder_of_pictures(path: Path) -> None:
    path.mkdir()
    for number, image in enumerate(numbered(60), start=1):
        Image.fromarray(image).save(path / f"{number:05d}.jpg", quality=95)


SHEET: list[tuple[str, str, Write]] = [
    ("MP4, H.264", "a.mp4", write),
    ("MP4, H.264, uneven times", "uneven.mp4", partial(write, times=np.cumsum(1 + np.arange(60) % 3))),
    ("MP4 as of a phone, turned", "turned.mp4", turn),
    ("MP4 as of a front camera, mirrored", "mirrored.mp4", mirror),
    ("MP4, pixels twice as wide as high", "wide.mp4", wide_pixels),
    ("MP4, ten frames cut off by an edit list", "edited.mp4", skip_ten_frames),
    ("MP4, a cover in front of the video", "cover.mp4", cover_in_front),
    ("MP4 in fragments", "fragments.mp4", partial(halves.write, options=FRAGMENTS)),
    ("MKV with sound, a clock of milliseconds", "a.mkv", partial(halves.write, sound=5)),
    ("MKV, a small preview before the main stream", "preview.mkv", preview_in_front),
    ("WebM at 12 a second, a clock of milliseconds", "a.webm", partial(write_at, rate=12, frames=60)),
    ("FLV at 30 a second, a clock of milliseconds", "a.flv", partial(write_at, rate=30, frames=60, codec="flv1")),
    ("WMV at 30 a second, a clock of milliseconds", "a.wmv", partial(write_at, rate=30, frames=60)),
    ("AVI with B-frames", "b.avi", partial(write, container="avi", codec="mpeg4", codec_options={"bf": "2"})),
    ("AVI as Xvid packs it (UCF101)", "packed.avi", partial(write_packed_avi, frames=60)),
    ("two TS joined, so that the clock falls", "joined.ts", two_in_one),
    ("VOB, MPEG-2, at 25 a second", "a.vob", partial(write_at, rate=25, frames=60)),
    ("GIF", "a.gif", halves.write),
    ("APNG", "a.png", halves.write),
    ("bare H.264, which has no times", "a.h264", partial(write, container="h264")),
    ("bare Motion JPEG, which has no times", "a.mjpeg", halves.write),
    ("folder of numbered JPEGs, which have no times", "folder", folder_of_pictures),
    ("MP4 that is called .txt", "video.txt", write),
    ("sound 0.4 s longer than the picture", "longer.mp4", partial(halves.write, sound=5.4)),
    ("MP4 cut off, its index in front", "cut.mp4", partial(cut_between_packets, packets=33, options=INDEX_IN_FRONT)),
    ("MP4 cut between fragments", "half.mp4", cut_between_fragments),
    ("MP4 of DASH cut between segments", "dash.mp4", partial(
        cut_between_fragments, options={"movflags": "frag_keyframe+dash+global_sidx"}
    )),
    ("MKV cut off", "cut.mkv", partial(cut_between_packets, packets=33, sound=5)),
    ("WebM whose sound goes on", "half.webm", partial(halves.write, frames=30, sound=5)),
    ("AVI cut between packets", "cut.avi", partial(cut_between_packets, packets=33)),
    ("GIF cut between frames", "cut.gif", partial(cut_between_packets, packets=33)),
    ("MP4 with scrambled bytes", "scrambled.mp4", flip_bytes),
    ("page of a web site in place of an MP4", "page.mp4", lookalikes.text("<html>not available</html>\n" * 20)),
    ("MP4 with sound alone", "sound.mp4", sound_only),
    ("MP3 with a cover", "song.mp3", lookalikes.song_with_cover),
    ("text", "README.txt", lookalikes.text()),
    ("JSON", "a.json", lookalikes.NOT_VIDEOS["a.json"]),
    ("thumbnail", "thumbnail.jpg", lookalikes.picture),
    ("subtitles", "a.srt", lookalikes.text(lookalikes.SUBTITLES)),
    ("playlist", "a.m3u8", lookalikes.LISTS["a.m3u8"]),
]  # fmt: skip


def table() -> str:
    """Markdown, a row a file."""
    lines = ["| file | verdict | frames | first and last | at half its rate |", "|---|---|---|---|---|"]
    folder = Path(tempfile.mkdtemp())
    try:
        for kind, name, make in SHEET:
            make(folder / name)
            lines.append(f"| {kind} | {' | '.join(row(folder / name))} |")
    finally:
        shutil.rmtree(folder)
    return "\n".join(lines) + "\n"


def row(path: Path) -> tuple[str, str, str, str]:
    """Its verdict, how many frames, the numbers that the first and the last show, and the first at half the rate."""
    found = examine(path)
    if found.decoding not in DECODED:
        return found.decoding + (f": {found.detail}" if found.detail else ""), str(found.frames or ""), "", ""
    numbers = list(map(number_of, upright(path, decode(path))))
    ends = f"{numbers[0]}, {numbers[-1]}"
    if not found.seconds:
        return found.decoding, str(found.frames), ends, ""
    halved = map(number_of, upright(path, decode(path, frame_rate=found.frames / found.seconds / 2)))
    return found.decoding, str(found.frames), ends, " ".join(map(str, list(halved)[:5])) + " ..."


def upright(path: Path, frames: np.ndarray) -> np.ndarray:
    """Frames that are turned or mirrored are shown so; back again, they show their numbers."""
    if path.name == "turned.mp4":
        return np.rot90(frames, 1, (1, 2))
    return frames[:, :, ::-1] if path.name == "mirrored.mp4" else frames


if __name__ == "__main__":
    print(table(), end="")
