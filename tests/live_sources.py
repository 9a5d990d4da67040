"""Live sources on this machine: streams that are encoded once, and servers of HTTP and RTSP that send them in time."""

import io
import re
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

BOUNDARY = "frame"
TYPES = {"ts": "video/mp2t", "mjpeg": f"multipart/x-mixed-replace; boundary={BOUNDARY}"}
ZERO_LATENCY = {"tune": "zerolatency", "preset": "ultrafast"}


class _Sink(io.RawIOBase):
    """Where FFmpeg writes; what came since it was last emptied."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content += bytes(data)
        return len(data)

    def emptied(self) -> bytes:
        content, self.content = self.content, b""
        return content


def picture(number: int, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 8 * number % 250, np.uint8)


def _frames(numbers: Sequence[int], rate: int, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    for number in numbers:
        frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, rate)
        yield frame


def _add_h264(container, rate: int, size: tuple[int, int]):
    stream = container.add_stream("libx264", rate=rate, options=ZERO_LATENCY | {"g": str(rate)})
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream


def ts(
    numbers: Sequence[int], rate: int = 25, size: tuple[int, int] = (32, 32), blind: int = 0, start: float = 0.0
) -> list[bytes]:
    """A transport stream, a part for each frame. numbers: of the frames, which tell their times too.

    blind: as many parts with sound alone stand in front, which then goes on. start: of the clock, in seconds.
    """
    sink, parts = _Sink(), []
    with av.open(sink, "w", format="mpegts", options={"output_ts_offset": str(start)}) as container:
        sound = _Sound(container, rate) if blind else None
        video = _add_h264(container, rate, size)
        frames = _frames([blind + number for number in numbers], rate, size)
        for number in range(blind + len(numbers)):
            if sound is not None:
                container.mux(sound.until(number + 1))
            if number >= blind:
                container.mux(video.encode(next(frames)))
            parts.append(sink.emptied())
        container.mux(video.encode(None))
    return [*parts, sink.emptied()]


class _Sound:
    """Silence, as many parts of it a second."""

    SAMPLES, RATE = 1024, 48000

    def __init__(self, container, rate: int) -> None:
        self._stream, self._parts, self._frames = container.add_stream("aac", rate=self.RATE), rate, 0

    def until(self, part: int) -> list[av.Packet]:
        packets = []
        while self._frames * self.SAMPLES < part * self.RATE / self._parts:
            frame = av.AudioFrame.from_ndarray(np.zeros((2, self.SAMPLES), np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = self.RATE, Fraction(1, self.RATE)
            frame.pts = self._frames * self.SAMPLES
            packets += self._stream.encode(frame)
            self._frames += 1
        return packets


def mp4(numbers: Sequence[int], rate: int = 25, size: tuple[int, int] = (32, 32)) -> bytes:
    """Its index stands at the end."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        video = _add_h264(container, rate, size)
        for frame in _frames(numbers, rate, size):
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return content.getvalue()


def mjpeg(numbers: Sequence[int], size: tuple[int, int] = (32, 32)) -> list[bytes]:
    """As many cameras send it by HTTP: pictures, without a word of when they were taken."""
    parts = []
    for number in numbers:
        jpeg = io.BytesIO()
        Image.fromarray(picture(number, *size)).save(jpeg, "JPEG")
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {jpeg.tell()}\r\n\r\n"
        parts.append(head.encode() + jpeg.getvalue() + b"\r\n")
    return parts


class Sent(NamedTuple):
    """What a server sends over one connection. rate: parts a second; None: at once.

    end: "end", as the protocol says; "close", without a word; "stall", nothing more comes.
    """

    parts: Sequence[bytes]
    rate: float | None = 25
    end: str = "end"


def in_time(sent: Sent) -> Iterator[bytes]:
    start = time.monotonic()
    for number, part in enumerate(sent.parts):
        if sent.rate is not None:
            time.sleep(max(start + number / sent.rate - time.monotonic(), 0))
        yield part


# HTTP


@contextmanager
def http_stream(*connections: Sent, kind: str = "ts", login: str = "", chunked: bool = True) -> Iterator[str]:
    """The address of a server that sends these, one a connection, and then refuses with 503.

    login: name:password that it asks for. chunked: as HTTP/1.0 is not, where closing is the only end.
    """
    credentials = f"Basic {b64encode(login.encode()).decode()}"
    left, over = list(connections), threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if login and handler.headers.get("Authorization") != credentials:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if not left:
            handler.send_error(503)
            return
        sent = left.pop(0)
        handler.send_response(200)
        handler.send_header("Content-Type", TYPES[kind])
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in filter(None, in_time(sent)):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if sent.end == "end" and chunked:
            handler.wfile.write(b"0\r\n\r\n")
        if sent.end == "stall":
            over.wait(30)
        handler.close_connection = True

    with _served(answer) as address:
        yield address
        over.set()


@contextmanager
def http_file(content: bytes, ranges: bool = True, cut: int | None = None) -> Iterator[str]:
    """The address of a server that has this as a file. cut: the byte at which it ends all the same."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-.*", handler.headers.get("Range", ""))
        start = int(asked[1]) if asked and ranges else 0
        handler.send_response(206 if start else 200)
        if ranges:
            handler.send_header("Accept-Ranges", "bytes")
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:cut])
        handler.close_connection = True

    with _served(answer) as address:
        yield address


@contextmanager
def _served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            try:
                answer(self)
            except (BrokenPipeError, ConnectionResetError):  # whoever asked has had enough
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/live"
    finally:
        server.shutdown()
        server.server_close()


# RTSP

SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
SDP += "a=fmtp:96 packetization-mode=1\r\na=control:track\r\n"
GOODBYE = bytes.fromhex("80c90001000000 01 81cb0001000000 01".replace(" ", ""))  # an empty report and a BYE of RTCP


def rtp(numbers: Sequence[int], rate: int = 25, size: tuple[int, int] = (32, 32)) -> list[bytes]:
    """Packets of RTP, a part for each frame, as RTSP carries them over TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        address = f"rtp://127.0.0.1:{receiver.getsockname()[1]}"
        with av.open(address, "w", format="rtp", options={"ssrc": "1", "payload_type": "96"}) as container:
            video = _add_h264(container, rate, size)
            parts = []
            for frame in _frames(numbers, rate, size):
                container.mux(video.encode(frame))
                parts.append(b"".join(b"$\0" + len(one).to_bytes(2) + one for one in _received(receiver)))
            container.mux(video.encode(None))
    return parts


def _received(receiver: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield receiver.recv(65536)
        except BlockingIOError:
            return


@contextmanager
def rtsp_stream(*connections: Sent) -> Iterator[str]:
    """The address of a server that sends these, one a connection, and then takes none any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            for sent in connections:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, suppress(OSError):  # whoever asked may have had enough
                    _send_rtsp(client, sent, over)
            server.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/live"
        over.set()


def _send_rtsp(client: socket.socket, sent: Sent, over: threading.Event) -> None:
    requests = client.makefile("rb")
    while (line := requests.readline()).strip():
        method, headers = line.split()[0].decode(), {}
        while header := requests.readline().strip():
            name, value = header.decode().split(": ", 1)
            headers[name] = value
        answer = {"CSeq": headers["CSeq"], "Session": "1;timeout=600", "Public": "DESCRIBE, SETUP, PLAY, TEARDOWN"}
        body = SDP if method == "DESCRIBE" else ""
        if body:
            answer |= {"Content-Type": "application/sdp", "Content-Length": str(len(body))}
        if method == "SETUP":
            answer["Transport"] = headers["Transport"]
        lines = ["RTSP/1.0 200 OK", *(f"{name}: {value}" for name, value in answer.items())]
        client.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY":
            break
    for part in in_time(sent):
        client.sendall(part)
    if sent.end == "end":
        client.sendall(b"$\1" + len(GOODBYE).to_bytes(2) + GOODBYE)
        over.wait(5)
    if sent.end == "stall":
        over.wait(30)
