"""The address of a node as people write it."""

from __future__ import annotations

import ipaddress

import httpx

from sitescope_fo.model.config import DEFAULT_PORT, DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Usage


def node_url(text: str) -> httpx.URL:
    """The address of a node: scheme, host and port. Without a scheme it is https; without a port the product's default.

    Raises Usage (`bad_url`).
    """
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
    except httpx.InvalidURL as error:
        raise _bad_url(text) from error
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or any(letter.isspace() for letter in text):
        raise _bad_url(text)
    port = url.port or (DEFAULT_TLS_PORT if url.scheme == "https" else DEFAULT_PORT)
    return httpx.URL(scheme=url.scheme, host=url.host, port=port)


def _bad_url(text: str) -> Usage:
    return Usage(
        f"'{text}' is no address of a node", where="--attach", hint="Write https://HOST or https://HOST:PORT", code="bad_url"
    )


def is_loopback(host: str) -> bool:
    """Whether a host written in an address is surely this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
