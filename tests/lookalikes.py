"""What lies beside videos, or looks like one to FFmpeg, and is none; and videos that look like something else."""

from pathlib import Path

import av
import halves
import numpy as np
from broken import numbered, sound_only, write, write_front
from PIL import Image

TEXT = "Recorded in the hall on Monday by the second camera, take three.\n" * 100
SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\nA jump.\n\n2\n00:00:03,000 --> 00:00:04,000\nA fall.\n"
SESSION = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"


def text(content: str = TEXT):
    return lambda path: path.write_text(content)


def picture(path: Path) -> None:
    Image.fromarray(numbered(1)[0]).save(path)


def pictures(path: Path, count: int = 6) -> None:
    """Moving ones. Each differs from the one before, or Pillow would keep one alone."""
    first, *others = (Image.fromarray(image) for image in numbered(count))
    first.save(path, save_all=True, append_images=others, duration=80)


def pages(path: Path) -> None:
    first, *others = (Image.fromarray(image) for image in numbered(6))
    first.save(path, save_all=True, append_images=others)


def noise(seed: int):
    return lambda path: path.write_bytes(np.random.default_rng(seed).bytes(500 * (seed + 1)))


def listed(content: str):
    """A list that names a video beside it, which is there."""

    def make(path: Path) -> None:
        target = write(path.with_suffix(".seg.ts"), container="mpegts")
        path.write_text(content.format(target.name))

    return make


def song_with_cover(path: Path) -> None:
    container = {".mp3": "mp3", ".mka": "matroska"}.get(path.suffix, "mp4")
    with av.open(str(path), "w", format=container) as file:
        sound = file.add_stream("mp3" if container == "mp3" else "aac", rate=44100, layout="mono")
        cover = file.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered(1)[0], format="rgb24")
        frame.pts = 0
        file.mux(cover.encode(frame))
        for start in range(0, 44100, 1152):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 44100, start
            file.mux(sound.encode(silence))
        file.mux(sound.encode(None))


def song(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))


NOT_VIDEOS = {
    **{name: text() for name in ("README.txt", "a.nfo", "a.ans", "a.diz", "a.csv", "a.md", "a.html", "a.py", "a.log")},
    "a.json": text('{"frames": [1, 2, 3]}\n' * 30),
    "a.xml": text("<?xml version='1.0'?>\n<annotation><object>1</object></annotation>\n"),
    "a.srt": text(SUBTITLES),
    "a.vtt": text("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA jump.\n"),
    "Thumbs.db": lambda path: path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000)),
    "a.zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(300)),
    **{f"a{ending}": picture for ending in (".jpg", ".png", ".webp", ".bmp", ".tif", ".gif", ".avif", ".jp2", ".ico")},
    "jpeg_named.mp4": lambda path: path.write_bytes(made(path.with_suffix(".jpg"), picture)),
    "img_00001.jpg": picture,
    "moving.webp": pictures,  # which FFmpeg does not read
    "paper.pdf": pages,  # of JPEG pictures, which FFmpeg guesses to be Motion JPEG
    **{f"weights{seed}.bin": noise(seed) for seed in range(30)},
    "song.mp3": song_with_cover,
    "song.m4a": song_with_cover,
    "song.mka": song_with_cover,  # whose cover is a stream like any other
    "a.wav": song,
}
LISTS = {
    "a.m3u8": listed("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"),
    "a.ffconcat": listed("ffconcat version 1.0\nfile {}\n"),
    "concat_named.mkv": listed("ffconcat version 1.0\nfile {}\n"),
    "a.sdp": text(SESSION),
    "a.m3u": listed("{}\n"),
    "a.mpd": text("<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>\n"),
}
VIDEOS = {
    "mp4_named.txt": (write, 60),
    "mkv_named.json": (lambda path: write(path, container="matroska"), 60),
    "h264_named.nfo": (lambda path: write(path, container="h264"), 60),
    "mp4_named.jpg": (write, 60),
    "named": (write, 60),
    "one_frame.mp4": (lambda path: write(path, 1), 1),
    "one_frame.mkv": (lambda path: write(path, 1, container="matroska"), 1),
    "a.gif": (halves.write, 60),
    "a.apng": (lambda path: path.write_bytes(halves.write(path.with_suffix(".png")).read_bytes()), 60),
    "moving.png": (pictures, 6),
    "moving.avif": (pictures, 6),
    "a.mjpeg": (halves.write, 60),
    "a.h264": (lambda path: write(path, container="h264"), 60),
    "a.y4m": (lambda path: write(path, container="yuv4mpegpipe", codec="wrapped_avframe"), 60),
    "a.ivf": (lambda path: write(path, container="ivf", codec="libvpx", codec_options={"deadline": "realtime"}), 60),
    "a.vob": (lambda path: write(path, container="vob", codec="mpeg2video"), 60),
    "a.swf": (lambda path: write(path, container="swf", codec="flv1"), 60),
    "a.nut": (lambda path: write(path, container="nut", codec="mpeg4"), 60),
    "moving_cover.m4a": (write_front, 60),
}
BAD = {  # which count as bad videos
    "html_named.mp4": (text("<html>this video is not available</html>\n" * 20), "unreadable"),
    "text_without_ending": (text("404 not found\n" * 50), "unreadable"),
    "zeros.mp4": (lambda path: path.write_bytes(bytes(5000)), "unreadable"),
    "sound_alone.mp4": (sound_only, "no video stream"),
}


def made(path: Path, make) -> bytes:
    make(path)
    return path.read_bytes()
