"""AVI as Xvid wrote it for UCF101: a picture and the next one's B-picture in one packet, then a packet that says so."""

from pathlib import Path

import av
from broken import HEIGHT, WIDTH, numbered

DIVX = b"\x00\x00\x01\xb2DivX503b1393p"  # by its p a decoder knows that packets may hold two pictures
VOP = b"\x00\x00\x01\xb6"  # what the data of a picture begin with
NOT_CODED = VOP + b"\x50\x00\x7f"  # in place of the B-picture, which has come already


def write_packed_avi(path: Path, frames: int, rate: int = 25) -> Path:
    """Numbered frames as MPEG-4 with packed B-pictures; libxvid is in no wheel of PyAV, so they are packed here."""
    with av.open(str(path), "w", format="avi") as file:
        stream = file.add_stream("mpeg4", rate=rate, options={"bf": "1", "b_strategy": "0", "flags": "+bitexact"})
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = HEIGHT, WIDTH, "yuv420p", 4_000_000
        packets = [
            packet
            for image in [*(av.VideoFrame.from_ndarray(image, format="rgb24") for image in numbered(frames)), None]
            for packet in stream.encode(image)
        ]
        coded = [bytes(packet) for packet in packets]
        coded[0] = coded[0].replace(VOP, DIVX + VOP, 1)
        for number, packet in enumerate(packets):
            if number + 1 < len(packets) and packets[number + 1].pts < packet.pts:  # followed by its B-picture
                content = coded[number] + coded[number + 1]
            else:
                is_b = number > 0 and packet.pts < packets[number - 1].pts
                content = NOT_CODED if is_b else coded[number]
            new = av.Packet(content)
            new.stream, new.pts, new.dts, new.time_base = stream, number, number, packet.time_base
            new.is_keyframe = packet.is_keyframe
            file.mux(new)
    return path
