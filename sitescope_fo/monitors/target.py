"""The host in a setting that names a target: a host, `host:port` or a URL."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit


def host_of(target: str) -> str:
    """The host alone, without brackets and in lower case; "" when there is none."""
    text = target.strip()
    if "://" in text:
        try:
            return urlsplit(text).hostname or ""
        except ValueError:
            return ""
    return _split(text)[0].lower()


def with_host(target: str, host: str) -> str:
    """The same target on another host: scheme, user, port, path and query stay."""
    text = target.strip()
    if "://" not in text:
        _, port = _split(text)
        return f"{_in_brackets(host)}:{port}" if port else host
    parts = urlsplit(text)
    user, at, place = parts.netloc.rpartition("@")
    _, port = _split(place)
    return urlunsplit(parts._replace(netloc=f"{user}{at}{_in_brackets(host)}{f':{port}' if port else ''}"))


def host_and_port(place: str, default: int) -> tuple[str, int]:
    """(host, port) of `host`, `host:port`, `[v6]:port` or a bare IPv6 address. Raises ValueError, which says what is wrong."""
    host, port = _split(place.strip())
    if not host or any(letter.isspace() or letter == "/" for letter in host):
        raise ValueError(f"'{place}' is no host")
    if not port:
        return host, default
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"'{port}' is no port")
    return host, int(port)


def _split(place: str) -> tuple[str, str]:
    """(host, port as written) of `host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    if place.count(":") == 1:
        host, _, port = place.partition(":")
        return host, port
    return place, ""


def _in_brackets(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
