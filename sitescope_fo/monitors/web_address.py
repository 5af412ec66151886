"""Addresses of pages: what of `http://user:password@host:port/path?query` goes where."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec

_HOST = re.compile(r"[A-Za-z0-9_~!$&'()*+,;=-][A-Za-z0-9._~!$&'()*+,;=-]{0,252}")  # RFC 3986, reg-name; names have 253 at most
_ZONED = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")
_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Signs that stand in a path or query as they are (RFC 3986); `%` among them, as the address may be quoted already."""
_PORTS = {"http": 80, "https": 443}


class WebAddress(msgspec.Struct, frozen=True):
    """One http or https address, ready for use."""

    text: str
    tls: bool
    host: str
    """For the look-up and the certificate: ASCII, lower case, no brackets."""
    port: int
    target: str
    """Path and query for the request line."""
    user: str = ""
    password: str = ""

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What must be the same for credentials to be sent on (RFC 6454)."""
        return self.tls, self.host, self.port

    @property
    def authority(self) -> str:
        """For the Host header: no default port, no zone."""
        place = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return place if self.port == (443 if self.tls else 80) else f"{place}:{self.port}"

    def moved(self, location: str) -> WebAddress:
        """The address a redirect from here leads to, which may be relative. Raises ValueError."""
        return read_address(urljoin(self.text, location))


def read_address(text: str) -> WebAddress:
    """The parts of `text`. Raises ValueError, whose text never holds the address (there may be a password in it)."""
    parts = urlsplit(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it does not begin with http:// or https:// and a host")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if not port:
        raise ValueError("0 is no port")
    target = quote(parts.path, safe=_KEPT) or "/"
    if parts.query:
        target += "?" + quote(parts.query, safe=_KEPT)
    return WebAddress(
        text=text,
        tls=parts.scheme == "https",
        host=_host(parts.hostname),
        port=port,
        target=target,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _host(name: str) -> str:
    if ":" in name:
        address = unquote(name)  # RFC 6874 writes the sign before a zone as %25
        if _ZONED.fullmatch(address):
            return address
    elif name.isascii():
        if _HOST.fullmatch(name):
            return name
    elif len(name) <= 253:
        import idna  # 10 ms, and few names need it

        return idna.encode(name, uts46=True).decode("ascii")
    raise ValueError("its host is no host name")
