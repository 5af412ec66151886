"""Servers that answer a url check with anything but a fine reply, byte by byte over real sockets."""

import asyncio
import random
import socket
import ssl
import subprocess

import pytest

from sitescope_fo.monitors.http_reply import MOST_HEAD_BYTES
from tests.monitors.server import for_ever, serving

pytestmark = pytest.mark.anyio
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER on, 0 s: close with a reset
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"


def saying(*parts, end="close"):
    """A server that says the parts after the request, and then closes, resets or hangs."""

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif end == "hang":
            await for_ever(reader, writer)

    return talk


def endless(opening, more):
    """A server that never stops to say `more`."""

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(opening)
        while True:
            writer.write(more)
            await writer.drain()

    return talk


async def seen(check, talk, **settings):
    async with serving(talk) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", **settings)
    assert check.defects == []
    return result


@pytest.mark.parametrize(
    ("opening", "more"),
    [
        (HEAD, b"X-More: of the same\r\n" * 100),
        (HEAD + b"X-Long: ", b"x" * 65536),
        (b"", b"y" * 65536),
        (b"HTTP/1.1 200 ", b"O" * 65536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"HTTP/1.1 103 Early Hints\r\n", b"Link: </style.css>\r\n" * 100),
        (CHUNKED + b"1", b";extension=" + b"x" * 65536),
        (CHUNKED + b"0\r\n", b"X-Trailer: of the same\r\n" * 100),
    ],
    ids=["headers", "one header", "garbage", "status line", "1xx replies", "1xx headers", "chunk extensions", "trailers"],
)
async def test_what_never_ends_is_a_protocol_failure_long_before_the_time_out(check, opening, more):
    result = await seen(check, endless(opening, more), timeout_s=30)
    assert (result.failure, result.values) == ("protocol", {})
    assert result.duration_s < 20


async def test_headers_just_below_the_limit_are_taken(check):
    long = b"X-Long: " + b"x" * (MOST_HEAD_BYTES - 200) + b"\r\n"
    result = await seen(check, saying(HEAD, long, b"Content-Length: 2\r\n\r\nok"))
    assert (result.values["status"], result.failure) == (200, "")


@pytest.mark.parametrize(
    "said",
    [
        CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello!!!\r\n0\r\n\r\n",
        CHUNKED + b"FFFFFFFFFFFFFFFFFFFFF\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n",
        HEAD + b"Content-Length: 12abc\r\n\r\nhello",
        HEAD + b"Content-Length: -1\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
        HEAD + b"Content-Length: 1000000000000000\r\n\r\nhello",
        HEAD + b"Bad Name\x00: x\r\n\r\n",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 001 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"<html>hello</html>",
        b"\x16\x03\x01\x00\x05hello",
        b"\r\n\r\n",
        b"\x00" * 100,
    ],
)
async def test_what_is_no_http_is_a_protocol_failure(check, said):
    result = await seen(check, saying(said))
    assert (result.failure, result.values) == ("protocol", {})
    assert result.summary.startswith("127.0.0.1: ")


@pytest.mark.parametrize(
    "whole",
    [
        HEAD + b"Server: x\r\nContent-Length: 7\r\n\r\nWelcome",
        CHUNKED + b"3;x=y\r\nWel\r\n4\r\ncome\r\n0\r\nX-Trailer: z\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nContent-Length: 7\r\n\r\nWelcome",
    ],
    ids=["length", "chunks", "after a 1xx"],
)
async def test_a_reply_cut_off_anywhere_is_a_protocol_failure_and_whole_it_is_not(check, whole):
    cuts = iter(range(len(whole) + 1))

    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        number = next(cuts)
        writer.write(whole[:number])
        await writer.drain()

    async with serving(cut) as port:
        url = f"http://127.0.0.1:{port}/"
        failures = [(await check("url", url=url, match="Welcome")).failure for _ in range(len(whole) + 1)]
    assert failures == ["protocol"] * len(whole) + [""]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", HEAD + b"X: y\r\n", HEAD + b"Content-Length: 9\r\n\r\npart"])
async def test_a_reset_in_the_middle_is_a_reset(check, said):
    assert (await seen(check, saying(said, end="reset"))).failure == "reset"


@pytest.mark.parametrize(
    ("said", "page"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", "to the end"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\nas it is", "as it is"),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"),
        (HEAD + b"Content-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", "hello"),
        (HEAD + b"Content-Length: 5\r\n\r\nhello and more than was said", "hello"),
        (b"HTTP/1.1 100 Go\r\n\r\n" * 20 + HEAD + b"Content-Length: 5\r\n\r\nhello", "hello"),
    ],
    ids=["HTTP/1.0", "no chunks", "bare LF", "length and chunks", "more than said", "1xx replies"],
)
async def test_sloppy_servers_that_browsers_understand_are_understood(check, said, page):
    result = await seen(check, saying(said), match=page)
    assert (result.failure, result.values["content_match"], result.values["size"]) == ("", "yes", len(page))


@pytest.mark.parametrize(
    ("method", "said", "status"),
    [
        ("HEAD", HEAD + b"Content-Length: 1000\r\n\r\n", 200),
        ("HEAD", CHUNKED, 200),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", 304),
        ("GET", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00\x01", 101),
        ("GET", b"HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n", 999),
    ],
)
async def test_a_reply_without_a_body_is_whole_although_the_connection_stays(check, method, said, status):
    result = await seen(check, saying(said, end="hang"), method=method)
    assert (result.failure, result.values["status"], result.values["size"]) == ("", status, 0)


async def test_nothing_of_the_page_is_awaited_when_nothing_of_it_is_wanted(check):
    result = await seen(check, saying(HEAD + b"Content-Length: 9\r\n\r\n", end="hang"), max_bytes=0)
    assert (result.failure, result.values["size"]) == ("", 0)


async def test_a_huge_page_is_not_fetched_beyond_the_limit(check):
    talk = endless(HEAD + b"Content-Length: 1000000000000000\r\n\r\n", b"x" * 65536)
    result = await seen(check, talk, max_bytes=70_000)
    assert (result.failure, result.values["size"]) == ("", 70_000)


async def test_a_redirects_own_page_is_not_awaited(check):
    async with serving(saying(HEAD + b"Content-Length: 0\r\n\r\n")) as last:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{last}/\r\nContent-Length: 999\r\n\r\n".encode()
        result = await seen(check, saying(moved, end="hang"))
    assert (result.failure, result.values["status"], result.values["redirects"]) == ("", 200, 1)


@pytest.mark.parametrize(
    ("opening", "more"),
    [(b"", HEAD + b"X-Long: " + b"x" * 100), (HEAD + b"\r\n", b"x" * 100), (CHUNKED, b"1\r\nx\r\n" * 20)],
    ids=["headers", "body", "chunks"],
)
async def test_a_trickle_ends_at_the_time_out(check, opening, more):
    async def trickle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(opening)
        for letter in more:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.01)
        await for_ever(reader, writer)

    result = await seen(check, trickle, timeout_s=0.3)
    assert (result.failure, result.values) == ("timeout", {})


async def test_an_answer_that_comes_before_the_request_was_read_counts(check):
    async def hasty(reader, writer):
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(hasty) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", method="POST", body="x" * 5_000_000)
    assert (result.failure, result.values.get("status")) == ("", 413)


async def test_a_server_that_reads_nothing_and_ends_is_a_reset(check):
    async def deaf(reader, writer):
        await reader.read(1)

    async with serving(deaf) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", method="POST", body="x" * 5_000_000)
    assert result.failure == "reset"


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "unicode_escape", "undefined", "hex", "rot13", "utf-7", "x" * 5000, "a\0b", "../../x", "'"]
)
async def test_a_character_set_that_is_none_or_odd_is_read_as_utf8_or_not_at_all(check, charset):
    head = HEAD + f"Content-Type: text/html; charset={charset}\r\n".encode("latin-1")
    result = await seen(check, saying(head + b"Content-Length: 14\r\n\r\nplain Welcome "), match="Welcome")
    assert result.failure == ("protocol" if "\0" in charset else "")
    assert result.values.get("content_match", "yes") == "yes"


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1",
        "http://a b/",
        "http://a\x7fb/",
        "http:///",
        "http://" + "a" * 300,
        "//",
        "https://:443/",
        "http://\xfc\xfc..example/",
        "javascript:alert(1)",
        "http://127.0.0.1:0/",
        "http://.example/",
        "http://[fe80::1%25x y]/",
    ],
)
async def test_a_redirect_to_what_is_no_address_is_a_protocol_failure(check, location):
    result = await seen(check, saying(b"HTTP/1.1 301 Moved\r\nLocation: " + location.encode() + b"\r\n\r\n"), timeout_s=5)
    assert result.failure == "protocol"


@pytest.mark.parametrize("end", ["close", "hang", "reset"])
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x03\x00\x7a\x02", b"\x15\x03\x03\x00\x02\x02\x28"])
async def test_a_tls_handshake_that_goes_wrong_is_told_as_such(check, said, end):
    async def talk(reader, writer):
        await reader.read(1000)
        writer.write(said)
        await writer.drain()
        if end == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif end == "hang":
            await for_ever(reader, writer)

    async with serving(talk) as port:
        result = await check("url", url=f"https://127.0.0.1:{port}/", timeout_s=0.4)
    told = {"close": {"tls"}, "hang": {"timeout"}, "reset": {"reset"}}[end]
    assert result.failure in ({"tls"} if said.startswith(b"\x15") else told)
    assert check.defects == []


async def test_a_certificate_signed_by_nobody_is_a_tls_failure(check, tmp_path):
    key, pem = tmp_path / "key.pem", tmp_path / "own.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key)]
    name = ["-days", "5", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", *curve, *name, "-out", str(pem)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    async with serving(saying(HEAD + b"Content-Length: 0\r\n\r\n"), context) as port:
        refused = await check("url", url=f"https://127.0.0.1:{port}/")
        taken = await check("url", url=f"https://127.0.0.1:{port}/", verify_tls=False)
    assert refused.failure == "tls"
    assert "self-signed" in refused.summary
    assert (taken.failure, taken.values["status"]) == ("", 200)
    assert 4.9 < taken.values["certificate_days_left"] <= 5


async def test_a_page_cut_off_under_tls_is_a_protocol_failure(check, authority):
    context = authority.server_context()
    async with serving(saying(HEAD + b"Content-Length: 99\r\n\r\npart"), context) as port:
        result = await check("url", url=f"https://127.0.0.1:{port}/")
    assert result.failure == "protocol"


async def test_a_large_page_under_tls_is_read_whole(check, authority):
    body = bytes(range(256)) * 2000
    talk = saying(HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body)
    async with serving(talk, authority.server_context()) as port:
        result = await check("url", url=f"https://127.0.0.1:{port}/")
    assert (result.failure, result.values["size"]) == ("", len(body))


def mutations(seed, count):
    """Valid replies, damaged: bytes changed, cut, doubled, shuffled, or plain noise."""
    chance = random.Random(seed)
    whole = [
        HEAD + b"Content-Type: text/html; charset=utf-8\r\nContent-Length: 7\r\n\r\nWelcome",
        CHUNKED + b"3\r\nWel\r\n4\r\ncome\r\n0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b; Path=/; Max-Age=9\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\n\x1f\x8b\x08Welc",
    ]
    for _ in range(count):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[at : at + 1] = chance.randbytes(1)
                case 1:
                    del data[at : at + chance.randrange(1, 20)]
                case 2:
                    data[at:at] = data[at : at + 20]
                case 3:
                    data[at:at] = chance.randbytes(chance.randrange(1, 40))
                case _:
                    data[at:at] = chance.choice([b"\r\n", b"\r\n\r\n", b":", b"0\r\n", b"\0", b";", b"HTTP/1.1 200 OK\r\n"])
        yield bytes(data)


async def test_damaged_replies_give_values_or_a_failure_and_never_a_defect(check):
    replies = mutations(7, 100_000)

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(replies))
        await writer.drain()

    results = []

    async def some():
        url = f"http://127.0.0.1:{port}/"
        results.extend([await check("url", url=url, match="Welcome", timeout_s=5) for _ in range(50)])

    async with serving(talk) as port:
        await asyncio.gather(*(some() for _ in range(10)))
    assert check.defects == []
    assert all(bool(result.failure) != bool(result.values) for result in results)
    assert {result.failure for result in results} >= {"", "protocol"}
    assert not {result.failure for result in results} & {"internal", "timeout"}
