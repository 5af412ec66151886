"""A signed request on the wire, damaged in every way: the service sees exactly what was signed, or nothing."""

import hashlib
import socket
from contextlib import contextmanager
from itertools import count

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitescope_fo.security.lwsso import AUTHORIZATION, RequestClaims, seal_request
from sitescope_fo.web.limits import Limits
from tests.security.ports import ROOT, SetClock
from tests.web.pair import running_pair

EXAMPLES = settings(max_examples=150, suppress_health_check=list(HealthCheck))
PATH, BODY = "/api/v1/handover/step?x=1", b'{"wire":1,"term":7}'
SIGNED = ("b", "POST", "/api/v1/handover/step", BODY, "")
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
WITHIN = (b"POST", b"step", b"x=1", b"HTTP/1.1", b"Host: a\r\n", b"LWSSO", b"19", b"\r\n\r\n", b'{"wire"')
PIECES = st.sampled_from(
    (
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b":",
        b" ",
        b"\x00",
        b"\xff\xfe",
        b"GET ",
        b"HTTP/1.0",
        b"%2e%2e/",
        b"0\r\n\r\n",
        b"Host: a\r\n",
        b"Expect: 100-continue\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: +19\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"X: " + b"a" * 20_000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    )
)


@contextmanager
def listening():
    with start_blocking_portal() as portal:
        limits = Limits(header_s=0.1, body_s=0.1, keep_alive_s=0.1)
        with portal.wrap_async_context_manager(running_pair(limits=limits)) as pair:
            yield pair


@pytest.fixture(scope="module")
def pair():
    """A real listener whose service notes what reaches it."""
    with listening() as found:
        yield found


NUMBERS = count(1)
LONGEST = 1200  # tokens differ in length, and no draw may depend on that


def signed(pair):
    """One good request; each has a nonce of its own."""
    claims = RequestClaims(
        iss="b", aud="a", method="POST", path=PATH, body_sha256=hashlib.sha256(BODY).hexdigest(), nonce=f"{next(NUMBERS):032x}",
        iat=SetClock().wall(), boot=pair.gate._boot,
    )  # fmt: skip
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\n{AUTHORIZATION}: {seal_request(ROOT, claims)}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


def exchange(pair, data):
    """What came back until the server closed."""
    with socket.create_connection(("127.0.0.1", pair.port), timeout=10) as sock:
        try:
            sock.sendall(data)
            return b"".join(iter(lambda: sock.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError):
            return b""


def heard(pair, data):
    """What the service was asked because of `data`; the server still answers others afterwards."""
    pair.service.asked.clear()
    exchange(pair, data)
    asked = list(pair.service.asked)
    assert exchange(pair, HEALTHZ).startswith(b"HTTP/1.1 200")
    return asked


def test_the_undamaged_request_gets_through(pair):
    assert heard(pair, signed(pair)) == [SIGNED]


@EXAMPLES
@given(st.data())
def test_a_damaged_request_is_heard_as_it_was_signed_or_not_at_all(pair, data):
    whole = signed(pair)
    for _ in range(data.draw(st.integers(1, 3))):
        at, cut = data.draw(st.integers(0, LONGEST)) % (len(whole) + 1), data.draw(st.sampled_from((0, 0, 1, 7, 100)))
        whole = whole[:at] + data.draw(PIECES | st.binary(max_size=3)) + whole[at + cut :]
    assert heard(pair, whole) in ([], [SIGNED])


@EXAMPLES
@given(st.sampled_from(WITHIN), PIECES)
def test_a_piece_put_between_the_parts_of_a_request_smuggles_nothing(pair, where, piece):
    whole = signed(pair)
    at = whole.index(where) + len(where)
    assert heard(pair, whole[:at] + piece + whole[at:]) in ([], [SIGNED])


def test_a_request_behind_the_body_of_another_is_a_request_of_its_own(pair):
    smuggled = b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n"
    assert heard(pair, signed(pair) + smuggled) == [SIGNED]


def test_the_same_request_twice_is_heard_once(pair):
    once = signed(pair)
    assert heard(pair, once + once) == [SIGNED]
