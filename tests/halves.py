"""Video files that claim more than is in them, and whole ones that look as if they did, written for tests."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from broken import HEIGHT, RATE, WIDTH, numbered

SOUND_RATE = 48000
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
KINDS = {  # by a file's ending: its codecs
    ".mp4": ("libx264", "aac"),
    ".mkv": ("libx264", "aac"),
    ".webm": ("libvpx", "libopus"),
    ".avi": ("mpeg4", "ac3"),
    ".flv": ("flv1", "aac"),
    ".ts": ("libx264", "aac"),
    ".wmv": ("wmv2", "wmav2"),
    ".gif": ("gif", None),
    ".png": ("apng", None),
    ".mjpeg": ("mjpeg", None),
    ".ogv": ("libvpx", "libopus"),
    ".mpg": ("mpeg2video", "mp2"),
    ".y4m": ("wrapped_avframe", None),
    ".h264": ("libx264", None),
    ".nut": ("libx264", None),
}
CODEC_OPTIONS = {
    "libx264": {"g": str(RATE), "keyint_min": str(RATE), "sc_threshold": "0", "bf": "0", "preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}
PIXELS = {"gif": "rgb8", "apng": "rgb24", "mjpeg": "yuvj420p"}
CONTAINERS = {".png": "apng"}


def write(path: Path, frames: int = 60, times=None, *, sound: float = 0, last=None, options=None, tags=None) -> Path:
    """Numbered frames, a key frame every second, and silence of so many seconds, interleaved.

    times: of each frame, in seconds. last: seconds that the last is shown. options, tags: of the container, the stream.
    """
    codec, sound_codec = KINDS[path.suffix]
    with av.open(str(path), "w", format=CONTAINERS.get(path.suffix), options=options or {}) as file:
        stream = file.add_stream(codec, rate=RATE, options=CODEC_OPTIONS.get(codec, {}))
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, PIXELS.get(codec, "yuv420p")
        stream.metadata.update(tags or {})
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        packets = list(_pictures(stream, frames, times))
        if last is not None:
            packets[-1].duration = round(last / packets[-1].time_base)
        if sound:
            packets += _silence(file.add_stream(sound_codec, rate=SOUND_RATE, layout="mono"), sound)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def _pictures(stream, frames: int, times) -> Iterator[av.Packet]:
    for number, image in enumerate(numbered(frames)):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        if times is not None:
            frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _silence(stream, seconds: float) -> Iterator[av.Packet]:
    stream.bit_rate = 64000
    for start in range(0, round(seconds * SOUND_RATE), 960):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, start
        yield from stream.encode(frame)
    yield from stream.encode(None)


def boxes(content: bytes) -> list[tuple[bytes, int]]:
    """The kinds of an MP4's outermost boxes, and where they start."""
    start, found = 0, []
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        found.append((kind, start))
        start += size
    return found


def cut_between_fragments(path: Path, before: bytes = b"moof", **options) -> Path:
    """Without what begins with the fourth box of a kind: fragments, or the indexes in front of them."""
    content = write(path, **{"options": FRAGMENTS} | options).read_bytes()
    starts = [start for kind, start in boxes(content) if kind == before]
    path.write_bytes(content[: starts[3]])
    return path


def without_end_index(path: Path) -> Path:
    """As from another writer than FFmpeg, whose files in fragments need no index at their end."""
    content = write(path, options=FRAGMENTS).read_bytes()
    end = dict(boxes(content))[b"mfra"]
    path.write_bytes(content[:end].replace(b"Lavf", b"Else"))
    return path


def with_length_in_header(path: Path, seconds: float, box: bytes = b"mehd") -> Path:
    """A file in fragments, cut between two, whose header says how long the whole is: in mvhd, or in mehd in mvex."""
    content = bytearray(without_end_index(path).read_bytes())
    (scale,) = struct.unpack_from(">I", content, content.find(b"mvhd") + 16)
    if box == b"mvhd":
        struct.pack_into(">I", content, content.find(b"mvhd") + 20, round(seconds * scale))
    else:
        place = content.find(b"mvex") + 4
        content[place:place] = struct.pack(">I4sII", 16, b"mehd", 0, round(seconds * scale))
        for kind in (b"mvex", b"moov"):
            _grow(content, content.find(kind) - 4, 16)
    path.write_bytes(content[: [start for kind, start in boxes(content) if kind == b"moof"][3]])
    return path


def _grow(content: bytearray, start: int, by: int) -> None:
    (size,) = struct.unpack_from(">I", content, start)
    struct.pack_into(">I", content, start, size + by)


def cut_between_packets(path: Path, packets: int, **options) -> Path:
    """Without the packets from one on, as a download that was given up there."""
    write(path, **options)
    with av.open(str(path)) as file:
        starts = [packet.pos for packet in file.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: starts[packets]])
    return path


def cut_off(path: Path, share: float, **options) -> Path:
    content = write(path, **options).read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def cut_in_a_packet(path: Path, size: int, **options) -> Path:
    """Of a file that is made of packets of so many bytes."""
    content = write(path, sound=5, **options).read_bytes()
    assert len(content) % size == 0
    path.write_bytes(content[: len(content) // size // 2 * size + size // 3])
    return path


def scarcely_coded(path: Path) -> Path:
    """MPEG-1 of few bits, which FFmpeg takes for longer, since the rate in its header is a higher one."""
    options = {"b": "100000", "maxrate": "100000", "bufsize": "100000"}
    with av.open(str(path), "w", format="mpeg1video") as file:
        stream = file.add_stream("mpeg1video", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for image in numbered(40):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))
    return path


# By name: how to write it, and the frames in it. First what lacks some of its frames, with what is said of it.
HALVES = {
    "fragments.mp4": (cut_between_fragments, r"the fragments at its end are missing"),
    "fragments_with_sound.mp4": (
        lambda path: cut_between_fragments(path, sound=5), r"the fragments at its end are missing",
    ),
    "dash.mp4": (
        lambda path: cut_between_fragments(path, options={"movflags": "frag_keyframe+dash+global_sidx"}),
        r"ends after 3\.0 of 5\.\d s",
    ),
    "dash_by_segments.mp4": (
        lambda path: cut_between_fragments(path, options={"movflags": "frag_keyframe+empty_moov+dash"}, sound=5),
        r"ends after [23]\.\d of [34]\.\d s",
    ),
    "mehd.mp4": (lambda path: with_length_in_header(path, 5, b"mehd"), r"ends after 3\.0 of 5\.0 s"),
    "mvhd.mp4": (lambda path: with_length_in_header(path, 5, b"mvhd"), r"ends after 3\.0 of 5\.0 s"),
    **{
        f"sound_goes_on{ending}": (
            lambda path: write(path, 30, sound=5),
            r"picture ends after 2\.[3-6] s, its sound goes on to [45]\.\d s",
        )
        for ending in (".mp4", ".mkv", ".webm", ".avi", ".flv", ".ts", ".wmv")
    },
    "tag.mkv": (lambda path: says(write(path), b"00:00:05.000", b"00:00:09.000"), r"picture ends after 5\.0 of 9\.0 s"),
    "counted.mkv": (lambda path: counted(path, 99), r"60 frames of 99"),
    "packets.avi": (lambda path: cut_between_packets(path, 33), r"picture ends after 2\.[78] of 5\.0 s"),
    "packets_with_sound.avi": (
        lambda path: cut_between_packets(path, 33, sound=5), r"picture ends after 2\.[78] of 5\.\d s",
    ),
    "packets.flv": (lambda path: cut_between_packets(path, 33), r"ends after 2\.[78] of 5\.0 s"),
    "packets.wmv": (lambda path: cut_off(path, 0.5), r"only \d\d % of its bytes are there"),
    "packets.gif": (lambda path: cut_between_packets(path, 33), r"its end mark is missing"),
    "packets.png": (lambda path: cut_between_packets(path, 33), r"33 frames of 60"),
    "a.ogv": (lambda path: cut_off(path, 0.8), r"its end mark is missing"),
    "a.mjpeg": (lambda path: cut_off(path, 0.5), r"its end mark is missing"),
    "a.y4m": (lambda path: cut_off(path, 0.5), r"its last packet is not whole"),
    "a.nut": (lambda path: cut_off(path, 0.5), r"no index at the end"),
    "a.h264": (lambda path: cut_off(path, 0.5), r"its last frame is damaged"),
    "a.ts": (lambda path: cut_in_a_packet(path, 188), r"its last packet is not whole"),
    "m2ts.ts": (
        lambda path: cut_in_a_packet(path, 192, options={"mpegts_m2ts_mode": "1"}), r"its last packet is not whole",
    ),
    "a.mpg": (lambda path: cut_in_a_packet(path, 2048), r"its last packet is not whole"),
    "sector.mpg": (lambda path: path.write_bytes(write(path).read_bytes()[: 10 * 2048]), r"its last frame is damaged"),
}  # fmt: skip
WHOLE = {
    "fragments.mp4": (lambda path: write(path, options=FRAGMENTS), 60),
    "fragments_of_others.mp4": (without_end_index, 60),
    "dash.mp4": (lambda path: write(path, options={"movflags": "frag_keyframe+dash+global_sidx"}), 60),
    "dash_by_segments.mp4": (
        lambda path: write(path, options={"movflags": "frag_keyframe+empty_moov+dash+skip_trailer"}, sound=5), 60,
    ),
    **{
        f"sound_a_little_longer{ending}": (lambda path: write(path, sound=5.4), 60)
        for ending in (".mp4", ".mkv", ".webm", ".avi", ".flv", ".ts", ".wmv")
    },
    **{f"sound_shorter{ending}": (lambda path: write(path, sound=2), 60) for ending in (".mp4", ".mkv", ".ts")},
    **{
        f"last_frame_shown_long{ending}": (lambda path: write(path, 20, np.arange(20) / 12, last=3, sound=4.5), 20)
        for ending in (".mp4", ".mkv", ".webm")
    },
    # A screen that is recorded only when something changes: how long the last frame stays need not be written down.
    **{
        f"screen{ending}": (lambda path: write(path, 8, times=[0, 0.1, 0.2, 2.5, 2.6, 2.7, 5.5, 5.6], sound=8), 8)
        for ending in (".mp4", ".mkv", ".webm", ".flv", ".ts")
    },
    "old_tags.mkv": (lambda path: write(path, tags={"NUMBER_OF_FRAMES": "300"}), 60),  # FFmpeg has cut and copied them
    "zeros.gif": (lambda path: path.write_bytes(write(path).read_bytes() + bytes(9)), 60),
    "a.png": (write, 60),
    "a.wmv": (write, 60),
    **{f"a{ending}": (write, 60) for ending in (".ogv", ".mpg", ".y4m", ".h264", ".nut", ".ts")},
    "m2ts.ts": (lambda path: write(path, options={"mpegts_m2ts_mode": "1"}), 60),
}  # fmt: skip


def says(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    return path


def counted(path: Path, frames: int) -> Path:
    """As mkvmerge writes it, which counts its frames in a tag."""
    write(path, tags={"NUMBER_OF_FRAMES": str(frames)})
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"Else"))
    return path
