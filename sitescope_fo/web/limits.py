"""What a listener puts up with, in one place."""

from __future__ import annotations

import msgspec

MIB = 1024**2
STOP_LIMIT_S = 4.5
"""A stop of the node takes less than five seconds, whatever hangs."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, seconds and counts; the defaults are the product's."""

    header_bytes: int = 16 * 1024
    """Request line and headers together."""
    header_s: float = 10.0
    """From the first byte, or from the connection's start, to the end of the headers; also for a TLS handshake."""
    keep_alive_s: float = 75.0
    """A connection without a request; longer than any peer keeps one, so that it never closes under a peer's request."""
    body_bytes: int = MIB
    large_body_bytes: int = 64 * MIB
    """Mirror, ledger, check states, log days, merges."""
    body_s: float = 30.0
    large_body_s: float = 300.0
    answer_s: float = 120.0
    """From the headers of a request to its answer, without the time its body took."""
    send_s: float = 300.0
    """To take the answer."""
    requests_a_peer: int = 16
    requests_a_person: int = 16
    logins_an_address: int = 4
    """Login requests of one address at once."""
    login_bytes: int = 8 * 1024
    login_s: float = 10.0
    connections: int = 500
    """Open at once on a listener; beyond it the one that waited longest for its request is dropped."""
    stop_s: float = 0.6
    """What running requests get at a stop."""


LARGE_PATHS = ("/api/v1/mirror/", "/api/v1/state/", "/api/v1/merge", "/api/v1/logs/")
