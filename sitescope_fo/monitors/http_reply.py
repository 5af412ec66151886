"""The reply to one HTTP/1.1 request, read as its bytes arrive (RFC 9112), with a bound on everything a server decides."""

from __future__ import annotations

import re
import zlib

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD_BYTES = 100 * 1024
"""For the status line and headers, with the 1xx replies before them. Browsers stop at 256 KiB, servers at 8 to 64 KiB."""
_GZIP_OR_ZLIB = 47  # zlib.decompressobj: largest window, header found out
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})  # slow, or about Python
_SWITCHING_PROTOCOLS = 101
_BODILESS = frozenset({_SWITCHING_PROTOCOLS, 204, 304})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_A_BYTE = 16
"""Bytes received for each one of the body; chunks of a single byte need 6. Chunk extensions and trailers have no end else."""


class ReplyBroken(Exception):
    """The server's answer is no whole HTTP reply; the message says why, for people."""


class Reply:
    """One reply. `feed` it until it is `complete`; the status and headers count once `headed`.

    It is complete after `most_body` bytes of its body too, and without any body when `bodiless` says so (a reply to HEAD).
    With `follow` a redirect has its `location`, and is complete without its body.
    """

    __slots__ = (
        "_bodiless",
        "_body",
        "_follow",
        "_most_body",
        "_parser",
        "_received",
        "complete",
        "headed",
        "headers",
        "location",
        "status",
    )

    def __init__(self, *, most_body: int, bodiless: bool = False, follow: bool = False) -> None:
        self._most_body, self._bodiless, self._follow = most_body, bodiless, follow
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.location = ""
        self.headed = self.complete = False
        self._body = bytearray()
        self._received = 0
        self._parser = HttpResponseParser(self)
        # What browsers and curl take as well: bare LF, a length beside chunks (the chunks count), spaces after a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises ReplyBroken."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:  # 101: what follows is another protocol's
            self.complete = True
        except HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except HttpParserError as error:
            if not self.complete:  # what comes after a whole reply is nobody's concern
                raise ReplyBroken(f"the answer is no HTTP: {error}") from None
        self._received += len(data)
        if not self.complete and self._received > MOST_HEAD_BYTES + _MOST_A_BYTE * len(self._body):
            endless = f"the headers do not end within {MOST_HEAD_BYTES // 1024} KiB"
            raise ReplyBroken("the chunks of its body hold next to nothing" if self.headed else endless)

    def ended(self) -> None:
        """The server has closed the connection. Raises ReplyBroken when the reply is not whole by then."""
        if not self.headed:
            raise ReplyBroken("the connection was closed before the headers were whole" if self._received else "no answer came")
        coding = self.header(b"transfer-encoding").lower()
        framed = coding.endswith(b"chunked") if coding else any(name.lower() == b"content-length" for name, _ in self.headers)
        if framed and not self.complete:
            raise ReplyBroken("the connection was closed before the body was whole")
        self.complete = True

    def header(self, name: bytes) -> bytes:
        """The (first) header of that name, given in lower case; b"" when there is none."""
        for found, value in self.headers:
            if found.lower() == name:
                return value
        return b""

    def texts(self, name: bytes) -> list[str]:
        """All headers of that name, given in lower case."""
        return [_as_text(value) for found, value in self.headers if found.lower() == name]

    def page(self) -> bytes:
        """The body as far as it was read, unpacked to at most `most_body` bytes when the server packed it unasked."""
        raw = bytes(self._body[: self._most_body])
        if raw and self.header(b"content-encoding").lower() in {b"gzip", b"deflate", b"x-gzip"}:
            try:
                return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(raw, self._most_body)
            except zlib.error:
                return raw
        return raw

    def text(self, page: bytes) -> str:
        """The page in the character set its headers name, else UTF-8; what cannot be read is replaced."""
        named = _CHARSET.search(self.header(b"content-type").decode("latin-1"))
        if named and named[1].lower().replace("-", "_") not in _NO_CHARSETS:
            try:
                return page.decode(named[1], errors="replace")
            except (LookupError, ValueError):
                pass  # no character set, or one that Python keeps for other things
        return page.decode("utf-8", errors="replace")

    # --- called by the parser ---------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which nobody asked for."""
        if not self.headed:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The end of a reply's headers; of a 1xx reply another one follows."""
        if self.headed:
            return
        self.status = status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            self.headers.clear()
            return
        if status < 100:
            raise ReplyBroken(f"{status:03} is no HTTP status")
        self.headed = True
        if self._follow and status in REDIRECTS:
            self.location = _as_text(self.header(b"location"))
        if self._bodiless or self.location or not self._most_body or status in _BODILESS:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if not self.complete:
            self._body += data
            self.complete = len(self._body) >= self._most_body

    def on_message_complete(self) -> None:
        """The end of the reply by its own account."""
        if self.headed:
            self.complete = True


def _as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
