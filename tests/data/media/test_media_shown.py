"""How a player shows a file: turned, mirrored, with square pixels, and which of its streams."""

import io
import struct
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.stream import Disposition
from broken import sound_only, write_matrix
from PIL import Image

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.judge import DECODED
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.data.media.shown import Screen

HEIGHT, WIDTH = 48, 64
RED, GREEN, BLUE, BLACK = (250, 20, 20), (20, 250, 20), (20, 20, 250), (20, 20, 20)
QUARTERS = np.array([[RED, BLUE], [GREEN, BLACK]], np.uint8).repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1)


def write(path, image=QUARTERS, *, frames=3, container="mp4", codec="libx264", aspect=None, options=None):
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=12)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def with_matrix(path, a, b, c, d, **options):
    """A file whose tkhd says that (x, y) is shown at (a x + c y, b x + d y)."""
    a, b, c, d = (round(65536 * number) for number in (a, b, c, d))
    write_matrix(write(path, options={"movflags": "faststart"}, **options), a, b, 0, c, d, 0, 0, 0, 2**30)
    return path


def colours(image):
    """Of the four quarters, row by row."""
    height, width = image.shape[:2]
    middles = [image[y, x] for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join("RGB"[int(middle.argmax())] if middle.max() > 120 else "k" for middle in middles)


def filtered(path, filters):
    """The first frame as FFmpeg's filters make it of what is stored: (H, W, 3)."""
    graph = av.filter.Graph()
    with av.open(str(path)) as container:
        nodes = [graph.add_buffer(template=container.streams.video[0])]
        nodes += [graph.add(*one.split("=")) for one in ("format=rgb24", *filters)] + [graph.add("buffersink")]
        for one, other in pairwise(nodes):
            one.link_to(other)
        graph.configure()
        graph.push(next(container.decode(video=0)))
        return graph.pull().to_ndarray(format="rgb24")


# The eight matrices, and the filters that FFmpeg's own autorotation puts in for them.
MATRICES = {
    (1, 0, 0, 1): [],
    (-1, 0, 0, 1): ["hflip"],
    (1, 0, 0, -1): ["vflip"],
    (-1, 0, 0, -1): ["hflip", "vflip"],
    (0, 1, -1, 0): ["transpose=clock"],
    (0, -1, 1, 0): ["transpose=cclock"],
    (0, 1, 1, 0): ["transpose=cclock_flip"],
    (0, -1, -1, 0): ["transpose=clock_flip"],
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_picture_is_turned_and_mirrored_as_ffmpeg_does(tmp_path, matrix):
    path = with_matrix(tmp_path / "a.mp4", *matrix)
    shown, expected = decode(path), filtered(path, MATRICES[matrix])
    assert shown.shape == (3, *expected.shape)
    assert colours(shown[0]) == colours(expected)
    assert np.abs(shown[0].astype(int) - expected).max() <= 8
    found = examine(str(path))
    assert (found.height, found.width) == expected.shape[:2]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [((-1, 0, 0, 1), "BRkG"), ((1, 0, 0, -1), "GkRB"), ((0, 1, 1, 0), "RGBk"), ((0, -1, -1, 0), "kBGR")],
)
def test_four_matrices_mirror(tmp_path, matrix, expected):
    assert colours(decode(with_matrix(tmp_path / "a.mp4", *matrix))[0]) == expected


@pytest.mark.parametrize("degrees", [-5, 5, 44])
def test_a_slant_is_taken_for_the_nearest_quarter_turn(tmp_path, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    assert colours(decode(with_matrix(tmp_path / "a.mp4", cos, sin, -sin, cos))[0]) == colours(QUARTERS)
    assert colours(decode(with_matrix(tmp_path / "b.mp4", -sin, cos, -cos, -sin))[0]) == "GRkB"  # and 90 more


def test_exif_turns_a_picture(tmp_path):
    """As in motion JPEG; before PyAV 19, a frame's side data cannot be asked for beside Exif's."""
    exif, jpeg = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(QUARTERS).save(jpeg, "JPEG", exif=exif)
    (tmp_path / "a.jpg").write_bytes(jpeg.getvalue())
    with av.open(str(tmp_path / "a.jpg")) as container:
        frame = next(container.decode(video=0))
        shown = Screen(container.streams.video[0]).picture(frame).rgb()
    assert colours(shown) == "GRkB"


# Pixels that are not square

KINDS = {
    "mp4": ("mp4", "libx264"),
    "mov": ("mov", "mpeg4"),
    "mkv": ("matroska", "libx264"),
    "ts": ("mpegts", "libx264"),
    "avi": ("avi", "mpeg4"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(64, 45), Fraction(8, 9), Fraction(1, 2), Fraction(1)])
def test_pixels_are_made_square_by_their_width(tmp_path, kind, aspect):
    container, codec = KINDS[kind]
    path = write(tmp_path / f"a.{kind}", container=container, codec=codec, aspect=aspect)
    width = round(WIDTH * aspect)
    assert decode(path).shape == (3, HEIGHT, width, 3)
    found = examine(str(path))
    assert (found.decoding, found.height, found.width) == ("ok", HEIGHT, width)


@pytest.mark.parametrize(
    ("aspect", "shape"), [(Fraction(2), (24, 64)), (Fraction(1, 2), (36, 24)), (Fraction(3, 2), (24, 48))]
)
def test_the_short_side_is_that_of_the_shown_picture(tmp_path, aspect, shape):
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, WIDTH // 2 :] = 255
    shown = decode(write(tmp_path / "a.mp4", image, aspect=aspect), short_side=24)
    assert shown.shape == (3, *shape, 3)
    edge = (shown[0].mean((0, 2)) > 127).argmax()
    assert abs(edge - shape[1] / 2) <= 1


def with_pasp(path, *aspect, codec_aspect=Fraction(16, 15)):
    """A file whose container says another aspect than its codec."""
    content = bytearray(write(path, aspect=codec_aspect, options={"movflags": "faststart"}).read_bytes())
    struct.pack_into(">2I", content, content.find(b"pasp") + 4, *aspect)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("container", "codec", "width"),
    [((2, 1), Fraction(16, 15), 128), ((1, 1), Fraction(16, 15), 64), ((1, 2), Fraction(2), 32)],
)
def test_the_containers_word_counts_more_than_the_codecs(tmp_path, container, codec, width):
    assert decode(with_pasp(tmp_path / "a.mp4", *container, codec_aspect=codec)).shape[2] == width


@pytest.mark.parametrize("nonsense", [(0, 0), (0, 1), (1, 0), (1000, 1), (1, 1000)])
def test_nonsense_leaves_the_codecs_word(tmp_path, nonsense):
    assert decode(with_pasp(tmp_path / "a.mp4", *nonsense)).shape[1:3] == (HEIGHT, round(WIDTH * 16 / 15))


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_width_is_scaled_before_the_picture_is_turned(tmp_path, matrix):
    path = with_matrix(tmp_path / "a.mp4", *matrix, aspect=Fraction(2))
    expected = filtered(path, [f"scale={2 * WIDTH}:{HEIGHT}", *MATRICES[matrix]])
    shown = decode(path)[0]
    assert shown.shape == expected.shape
    assert colours(shown) == colours(expected)
    assert min(decode(path, short_side=24)[0].shape[:2]) == 24


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_aspect_that_changes_on_the_way_is_a_change_of_size(tmp_path, codec):
    parts = [
        write(tmp_path / f"{aspect.numerator}.ts", frames=12, container="mpegts", codec=codec, aspect=aspect)
        for aspect in (Fraction(12, 11), Fraction(16, 11))
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(joined)) as container:
        screen = Screen(container.streams.video[0])
        widths = {screen.picture(frame).width for frame in container.decode(video=0)}
    assert widths == {70, 93}
    with pytest.raises(UnreadableVideo, match="different sizes"):
        decode(joined)


@pytest.mark.parametrize(("codec", "pixels"), [("libx264", "yuv420p"), ("ffv1", "yuv444p"), ("ffv1", "gray")])
@pytest.mark.parametrize("short_side", [None, 48, 20, 77])
def test_square_pixels_that_stand_upright_stay_those_of_pyav(tmp_path, codec, pixels, short_side):
    images = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3)).astype(np.uint8)
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream(codec, rate=12)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, pixels
        for image in images:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))
    scale = (short_side or HEIGHT) / HEIGHT
    size = {"width": round(WIDTH * scale), "height": round(HEIGHT * scale)} if short_side else {}
    with av.open(str(tmp_path / "a.mkv")) as file:
        expected = [frame.to_ndarray(format="rgb24", **size) for frame in file.decode(video=0)]
    assert np.array_equal(decode(tmp_path / "a.mkv", short_side), np.stack(expected))


# The main stream


def write_two(path, first, second, *, container, codec="libx264"):
    """Streams of a height each, marked as default or not."""
    with av.open(str(path), "w", format=container) as file:
        streams = []
        for height, default in (first, second):
            stream = file.add_stream(codec, rate=12)
            stream.height, stream.width, stream.pix_fmt = height, height * 4 // 3, "yuv420p"
            stream.disposition = Disposition.default if default else Disposition(0)
            streams.append(stream)
        for number in range(12):
            for stream in streams:
                image = np.full((stream.height, stream.width, 3), 9 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = number
                file.mux(stream.encode(frame))
        for stream in streams:
            file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("container", ["matroska", "mp4"])
@pytest.mark.parametrize("main", [0, 1])
def test_the_stream_that_is_marked_as_default_is_shown_whatever_its_size(tmp_path, container, main):
    heights = [24, 48][:: 1 if main else -1]
    for small_is_default in (False, True):
        marked = main if not small_is_default else 1 - main
        streams = [(height, place == marked) for place, height in enumerate(heights)]
        path = write_two(tmp_path / "a", *streams, container=container)
        with av.open(str(path)) as file:
            assert file.streams.best("video").height == heights[marked]
        assert decode(path).shape == (12, heights[marked], heights[marked] * 4 // 3, 3)


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libx264"), ("mp4", "libx264"), ("mpegts", "libx264"), ("avi", "mpeg4")]
)
def test_of_streams_that_are_marked_alike_the_larger_is_shown(tmp_path, container, codec):
    path = write_two(tmp_path / "a", (24, True), (48, True), container=container, codec=codec)
    found = examine(str(path))
    assert (found.decoding, found.frames, found.height) == ("ok", 12, 48)


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def put_cover_first(path):
    """A picture of 320x320 in front of the tracks of an MP4, where taggers put it."""
    jpeg = io.BytesIO()
    Image.new("RGB", (320, 320), RED).save(jpeg, "JPEG")
    cover = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + jpeg.getvalue()))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", cover)))
    content = path.read_bytes()
    start = content.find(b"moov") - 4
    (size,) = struct.unpack_from(">I", content, start)
    moov = content[start : start + size]
    track = moov.find(b"trak") - 4
    moov = bytearray(struct.pack(">I", size + len(tags)) + moov[4:track] + tags + moov[track:])
    table = moov.find(b"stco")
    for entry in range(struct.unpack_from(">I", moov, table + 8)[0]):
        place = table + 12 + 4 * entry
        struct.pack_into(">I", moov, place, struct.unpack_from(">I", moov, place)[0] + len(tags))
    path.write_bytes(content[:start] + moov + content[start + size :])
    return path


@pytest.mark.parametrize("frames", [1, 12])
def test_a_cover_in_front_of_the_video_is_not_the_video(tmp_path, frames):
    path = put_cover_first(write(tmp_path / "a.mp4", frames=frames, options={"movflags": "faststart"}))
    with av.open(str(path)) as file:
        assert [stream.width for stream in file.streams.video] == [320, WIDTH]
    found = examine(str(path))
    assert found.decoding in DECODED  # FFmpeg complains of the cover
    assert (found.frames, found.claimed, found.width) == (frames, frames, WIDTH)


def test_a_cover_alone_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    sound_only(path, movflags="faststart")
    put_cover_first(path)
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 1
    assert examine(str(path)).decoding in ("no video stream", "not a video")


@pytest.mark.parametrize("order", [("cover", "video"), ("video", "cover")], ids=" ".join)
def test_a_cover_that_matroska_keeps_as_a_stream_is_not_the_video(tmp_path, order):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        streams = {}
        for name in order:
            stream = streams[name] = file.add_stream({"cover": "mjpeg", "video": "libx264"}[name], rate=12)
            stream.height, stream.width = (96, 128) if name == "cover" else (HEIGHT, WIDTH)
            stream.pix_fmt = "yuvj420p" if name == "cover" else "yuv420p"
        for number in range(3):
            for name, stream in streams.items():
                if name == "video" or number == 0:
                    frame = av.VideoFrame.from_ndarray(QUARTERS, format="rgb24").reformat(stream.width, stream.height)
                    frame.pts = number
                    file.mux(stream.encode(frame))
        for stream in streams.values():
            file.mux(stream.encode(None))
    assert decode(path).shape == (3, HEIGHT, WIDTH, 3)
