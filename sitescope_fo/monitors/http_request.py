"""The request of a url check, and what becomes of it when a reply sends it elsewhere (RFC 9110, section 15.4)."""

from __future__ import annotations

import re
from base64 import b64encode

import msgspec

from sitescope_fo import __version__
from sitescope_fo.monitors.web_address import WebAddress

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
OWN_HEADERS = frozenset({"connection", "content-length", "transfer-encoding"})
"""What frames the exchange, and so is the check's own affair."""
_PERSONAL = frozenset({"authorization", "proxy-authorization", "cookie", "host"})
_OF_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_DEFAULTS = (
    ("User-Agent", f"sitescope-fo/{__version__}"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
)

Header = tuple[str, str]


def read_header(line: str) -> Header | None:
    """(name, value) of a `Name: value` line, None when it is none that could be sent."""
    name, colon, value = line.partition(":")
    fine = colon and _NAME.fullmatch(name) and value.isprintable() and value.isascii()
    return (name, value.strip()) if fine else None


def basic(user: str, password: str) -> Header:
    """The header of basic authentication (RFC 7617)."""
    return "Authorization", "Basic " + b64encode(f"{user}:{password}".encode()).decode()


class Request(msgspec.Struct, frozen=True):
    """One request. `headers` are those that the operator asked for, credentials too; they stand for the usual ones."""

    method: str
    address: WebAddress
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def encoded(self, cookies: str = "") -> bytes:
        """The bytes on the wire."""
        named = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.address.target} HTTP/1.1"]
        if "host" not in named:
            lines.append(f"Host: {self.address.authority}")
        lines += [f"{name}: {value}" for name, value in _DEFAULTS if name.lower() not in named]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        lines.append("Connection: close")
        if self.body or self.method in _WITH_BODY:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode("ascii") + self.body

    def followed(self, status: int, address: WebAddress) -> Request:
        """The request after a redirect. Only the origin it was meant for sees credentials, or the same host now under TLS."""
        method, body, dropped = self.method, self.body, frozenset[str]()
        if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
            method, body, dropped = "GET", b"", _OF_BODY
        if address.origin != self.address.origin and not _now_secured(self.address, address):
            dropped |= _PERSONAL
        headers = tuple(header for header in self.headers if header[0].lower() not in dropped)
        return Request(method, address, headers, body)


def _now_secured(before: WebAddress, after: WebAddress) -> bool:
    return before.origin == (False, after.host, 80) and after.origin == (True, before.host, 443)
