"""Addresses of streams (rtsp://, http://, udp:// ...), which cannot be read yet: refused in words that say so."""

import re
from pathlib import Path

from rcn_bench.data.media.medium import Medium, TimedPictures, UnreadableVideo


class Address(Medium):
    """source: as text, with the name of a protocol before it."""

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+:(//|@)", source, re.IGNORECASE) is not None

    def frames(self) -> TimedPictures:
        raise UnreadableVideo(
            "an address, which is not supported yet; give a file (ffmpeg -i ADDRESS -c copy FILE.mkv records one) or "
            "the number of a camera of this machine"
        )
