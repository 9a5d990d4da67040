"""Addresses: streams by RTSP; streams, and files, by HTTP."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPBasicAuthHandler, HTTPDigestAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener

import av
from av.container import InputContainer

from rcn_bench.data.media.live import AT_ONCE, Live, network_failure
from rcn_bench.data.media.medium import Medium, TimedPictures, UnreadableVideo

# What FFmpeg says where a connection ends too early, though by RTSP it then ends as after a server's goodbye.
RTSP_LOST, HTTP_LOST = "Failed reading RTSP data", "ends prematurely"
TIMED_OUT = "Immediate exit requested"
CLOSED = "the server closed the connection"


class Address(Medium):
    """One of a protocol that is not read. source: as text, with the name of a protocol before it."""

    protocols = r"[a-z][a-z0-9+.-]+"

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return isinstance(source, str) and re.match(rf"{cls.protocols}:(//|@)", source, re.IGNORECASE) is not None

    @property
    def name(self) -> str:
        """Without the password in it."""
        return re.sub(r"(?<=//)([^/:]*):[^/]*@", r"\1:***@", str(self.source))

    def frames(self) -> TimedPictures:
        raise UnreadableVideo(
            "an address of a kind that is not read; give rtsp:// or http://, or give `rcn-bench stream -` what "
            "`ffmpeg -i ADDRESS -c copy -f mpegts -` writes"
        )


class Rtsp(Live, Address):
    """Over TCP where the server can, since packets of UDP are lost without a word."""

    protocols = "rtsps?"
    returns = True

    def connected(self) -> InputContainer:
        options = AT_ONCE | {"format_whitelist": f"rtsp,{AT_ONCE['format_whitelist']}", "rtsp_flags": "prefer_tcp"}
        return av.open(self.source, options=options, timeout=(self.patience, self.patience))

    def lost(self, said: list[str]) -> str:
        failures = [text for text in said if RTSP_LOST in text]
        if any(TIMED_OUT in text for text in failures):
            return self._silence
        return CLOSED if failures else ""


class Http(Live, Address):
    """A stream, or a file where the server says how many bytes there are: that waits for its reader."""

    protocols = "https?"
    returns = True
    _first: HTTPResponse | None = None
    _body: "_Body | None" = None  # what is being read, of a stream

    @property
    def is_live(self) -> bool:
        """Asks the server."""
        return not self._is_file

    @cached_property
    def _is_file(self) -> bool:
        try:
            answer = self._answer()
        except (OSError, ValueError, HTTPException) as error:
            raise UnreadableVideo(network_failure(error)) from error
        if answer.length is None:
            self._first = answer  # what it began to send is not asked for again
            return False
        answer.close()
        return True

    def _answer(self) -> HTTPResponse:
        """To a request for all of it."""
        parts, passwords = urlsplit(str(self.source)), HTTPPasswordMgrWithDefaultRealm()
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        passwords.add_password(None, bare, unquote(parts.username or ""), unquote(parts.password or ""))
        opener = build_opener(HTTPBasicAuthHandler(passwords), HTTPDigestAuthHandler(passwords))
        return opener.open(bare, timeout=self.patience)

    @contextmanager
    def connected(self) -> Iterator[InputContainer]:
        if self._is_file:
            with av.open(self.source, options=AT_ONCE, timeout=(self.patience, self.patience)) as container:
                yield container
            return
        answer, self._first = self._first or self._answer(), None
        with answer:
            self._body = _Body(answer, self._silence)
            with av.open(self._body, "r", options=AT_ONCE) as container:
                yield container

    def lost(self, said: list[str]) -> str:
        if self._body is not None:
            return self._body.lost
        return next((" ".join(text.split()) for text in said if HTTP_LOST in text), "")


class _Body:
    """What a server sends, as it comes, for PyAV to read. Read by Python since FFmpeg takes any end for a proper one.

    lost: why it ended, if it was not by the server's last word; FFmpeg then still shows what it has.
    """

    def __init__(self, answer: HTTPResponse, silence: str) -> None:
        self._answer, self._silence, self.lost = answer, silence, ""
        self.name = urlsplit(answer.url).path  # by which FFmpeg knows a playlist

    def read(self, size: int) -> bytes:
        if self.lost:
            return b""
        try:
            data = self._answer.read1(size)
        except TimeoutError:
            self.lost = self._silence
        except IncompleteRead:
            self.lost = CLOSED
        except (OSError, HTTPException) as error:
            self.lost = network_failure(error)
        else:
            if not data and not self._answer.chunked:
                self.lost = CLOSED
            return data
        return b""
