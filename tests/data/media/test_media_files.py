"""Video files: every frame in order, scaled as asked, and a reason where there are none."""

from pathlib import Path

import av
import numpy as np
import pytest
from broken import KINDS

from rcn_bench.data.examine import decode
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.media.medium import UnreadableVideo


def grey_video(seed: int, frames: int = 5, height: int = 16, width: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width)).astype(np.uint8)


def test_decoding_gives_every_frame_in_order(tmp_path):
    levels = np.arange(0, 250, 5, dtype=np.uint8)
    write_lossless(tmp_path / "a.mp4", np.broadcast_to(levels[:, None, None], (50, 16, 16)), 8)
    shown = decode(tmp_path / "a.mp4")
    assert shown.dtype == np.uint8
    assert shown.shape == (50, 16, 16, 3)
    assert np.abs(shown.mean((1, 2, 3)) - levels).max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(32, 48, (16, 24)), (48, 32, (24, 16)), (16, 24, (16, 24)), (8, 20, (16, 40))]
)
def test_short_side_scales_and_keeps_the_aspect_ratio(tmp_path, height, width, expected):
    images = np.full((3, height, width), 60, np.uint8)
    images[:, : height // 2] = 200
    write_lossless(tmp_path / "a.mp4", images, 8)
    shown = decode(tmp_path / "a.mp4", short_side=16)
    assert shown.shape == (3, *expected, 3)
    assert np.abs(shown[:, 1].astype(int) - 200).max() <= 2
    assert np.abs(shown[:, -2].astype(int) - 60).max() <= 2


def test_metadata_in_another_encoding_are_read_over_or_named(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "TITLE"
        stream = container.add_stream("libx264", rate=8)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    assert b"TITLE" in content
    path.write_bytes(content.replace(b"TITLE", b"\xe9\xe8\xe9\xe8\xe9"))
    try:
        outcome = str(decode(path).shape)
    except UnreadableVideo as error:
        outcome = str(error)
    assert outcome in ("(1, 16, 16, 3)", "metadata that are not UTF-8")


def write_without_its_end(path: Path) -> None:
    write_lossless(path, grey_video(0), 8)
    path.write_bytes(path.read_bytes()[:-300])


def write_with_a_change_of_size(path: Path) -> None:
    parts = []
    for side in (16, 32):
        with av.open(str(path), "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=8)
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            for _ in range(3):
                container.mux(stream.encode(av.VideoFrame(side, side, "yuv420p")))
            container.mux(stream.encode(None))
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))


BAD_FILES = {name: KINDS[name][0] for name in ("text.mp4", "empty.mp4", "sound.mp4")}
BAD_FILES |= {"without_its_end": write_without_its_end, "change_of_size": write_with_a_change_of_size}


@pytest.mark.parametrize("write", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file_is_unreadable_with_a_reason(tmp_path, write):
    write(tmp_path / "a.mp4")
    with pytest.raises(UnreadableVideo, match=r"\w+ \w+") as error:
        decode(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)
