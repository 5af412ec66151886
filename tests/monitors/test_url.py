"""The URL monitor against real HTTP servers, plain and TLS."""

import asyncio
import gzip
import socket

import pytest

from tests.monitors.server import for_ever, serving

pytestmark = pytest.mark.anyio


def replying(*replies):
    """A server that gives the replies in turn, one a connection, and keeps the requests it saw."""
    seen = []

    async def talk(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        seen.append(head + await reader.readexactly(length))
        writer.write(replies[min(len(seen), len(replies)) - 1])
        await writer.drain()
        writer.close()

    talk.seen = seen
    return talk


def page(body=b"Welcome home", status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_a_page_gives_status_time_and_size(check):
    async with serving(replying(page())) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert result.failure == ""
    assert {name: value for name, value in result.values.items() if not name.endswith("_time")} == {
        "status": 200,
        "redirects": 0,
        "size": 12,
    }
    assert 0 < result.values["round_trip_time"] <= result.duration_s


async def test_the_time_is_split_into_what_was_waited_for(check, authority):
    async with serving(replying(page())) as plain, serving(replying(page()), authority.server_context()) as secured:
        results = [await check("url", url=url) for url in (f"http://localhost:{plain}/", f"https://127.0.0.1:{secured}/")]
    parts = ("dns_time", "connect_time", "tls_time", "first_byte_time")
    assert [part in results[0].values for part in parts] == [True, True, False, True]
    for result in results:
        times = [result.values[part] for part in parts if part in result.values]
        assert all(time > 0 for time in times)
        assert sum(times) <= result.values["round_trip_time"]


@pytest.mark.parametrize(
    ("match", "found"), [("Welcome", "yes"), ("welcome", "no"), ("/(?i)welcome h.me$/", "yes"), ("/^home/", "no"), ("/", "no")]
)
async def test_content_is_matched_as_text_or_pattern(check, match, found):
    async with serving(replying(page())) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", match=match)
    assert (result.values["content_match"], result.failure) == (found, "")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("Grüße".encode("latin-1"), "Content-Type: text/html; charset=latin-1\r\n"),
        ("Grüße".encode(), "Content-Type: text/html; charset=no-such-charset\r\n"),
        (b"\xff\xfeGr\xc3\xbc\xc3\x9fe", ""),
        (gzip.compress("Grüße".encode(), mtime=0), "Content-Encoding: gzip\r\n"),
    ],
)
async def test_content_is_read_in_its_character_set_and_unpacked(check, body, headers):
    async with serving(replying(page(body, headers=headers))) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", match="Grüße")
    assert result.values["content_match"] == "yes"


async def test_an_error_status_is_an_answer_not_a_failure(check):
    async with serving(replying(page(b"", "503 Service Unavailable"))) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert (result.values["status"], result.failure) == (503, "")


async def test_method_headers_body_and_credentials_are_sent(check):
    talk = replying(page())
    async with serving(talk) as port:
        await check(
            "url",
            url=f"http://127.0.0.1:{port}/form?a=b",
            method="POST",
            headers=["X-Probe: yes, please", "Content-Type: text/plain"],
            body="überall",
            user="ops",
            password="pass word",
        )
    head, _, body = talk.seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /form?a=b HTTP/1.1"
    assert b"X-Probe: yes, please" in lines
    assert b"Authorization: Basic b3BzOnBhc3Mgd29yZA==" in lines
    assert body == "überall".encode()


async def test_redirects_are_counted_and_followed_to_the_last_page(check):
    async with serving(replying(page())) as last:
        move = page(b"", "302 Found", f"Location: http://127.0.0.1:{last}/end\r\n")
        async with serving(replying(page(b"", "301 Moved", "Location: /next\r\n"), move)) as port:
            result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert (result.values["status"], result.values["redirects"]) == (200, 2)


async def test_redirects_are_left_alone_when_asked(check):
    async with serving(replying(page(b"", "301 Moved", "Location: /next\r\n"))) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", follow_redirects=False)
    assert (result.values["status"], result.values["redirects"]) == (301, 0)


async def test_a_redirect_loop_ends_as_a_protocol_failure(check):
    talk = replying(page(b"", "302 Found", "Location: /again\r\n"))
    async with serving(talk) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert (result.failure, result.summary) == ("protocol", "more than 10 redirects")
    assert len(talk.seen) == 11


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "gopher:", "http://127.0.0.1:99999/"])
async def test_a_redirect_to_nowhere_is_a_protocol_failure(check, location):
    async with serving(replying(page(b"", "302 Found", f"Location: {location}\r\n"))) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert result.failure == "protocol"
    assert check.defects == []


async def test_a_body_is_read_up_to_its_limit_only(check):
    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(endless) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", max_bytes=100_000, match="needle")
    assert (result.values["size"], result.values["content_match"], result.failure) == (100_000, "no", "")


async def test_a_packed_bomb_grows_to_the_limit_only(check):
    bomb = gzip.compress(b"0" * 50_000_000)
    async with serving(replying(page(bomb, headers="Content-Encoding: gzip\r\n"))) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", max_bytes=1_000_000)
    assert result.values["size"] == 1_000_000


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart of it"])
async def test_a_server_that_stalls_ends_at_the_time_out(check, said):
    async def stall(reader, writer):
        writer.write(said)
        await for_ever(reader, writer)

    async with serving(stall) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/", timeout_s=0.3)
    assert (result.failure, result.summary) == ("timeout", "127.0.0.1: no answer within 300ms")


@pytest.mark.parametrize(
    "said", [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", b"HTTP/1.1 abc\r\n\r\n"]
)
async def test_an_answer_that_is_no_whole_http_is_a_protocol_failure(check, said):
    async with serving(replying(said)) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    assert result.failure == "protocol"
    assert result.values == {}


async def test_nobody_there_is_refused_and_no_such_name_is_unresolved(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert (await check("url", url=f"http://127.0.0.1:{port}/")).failure == "refused"
    assert (await check("url", url="http://no-such-host.invalid/")).failure == "unresolved"


async def test_https_tells_the_days_its_certificate_has_left(check, authority):
    async with serving(replying(page()), authority.server_context(days=30.5)) as port:
        result = await check("url", url=f"https://127.0.0.1:{port}/")
    assert (result.failure, result.values["status"]) == ("", 200)
    assert 30.4 < result.values["certificate_days_left"] <= 30.5


async def test_a_certificate_that_cannot_be_trusted_is_a_tls_failure(check, authority):
    for context in (authority.server_context(days=-3), authority.server_context(days=9, host="127.0.0.9")):
        async with serving(for_ever, context) as port:
            result = await check("url", url=f"https://127.0.0.1:{port}/")
        assert result.failure == "tls"
        assert "certificate is not trusted" in result.summary


async def test_an_untrusted_certificate_is_taken_when_verification_is_off(check, authority):
    async with serving(replying(page()), authority.server_context(days=-3)) as port:
        result = await check("url", url=f"https://127.0.0.1:{port}/", verify_tls=False)
    assert (result.failure, result.values["status"]) == ("", 200)
    assert -3.1 < result.values["certificate_days_left"] < -2.9


async def test_a_plain_server_where_tls_is_expected_is_a_tls_failure(check):
    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await for_ever(reader, writer)

    async with serving(plain) as port:
        assert (await check("url", url=f"https://127.0.0.1:{port}/")).failure == "tls"


async def test_proxies_of_the_environment_are_not_used(check, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving(replying(page())) as port:
        assert (await check("url", url=f"http://127.0.0.1:{port}/")).failure == ""


async def test_a_password_in_the_address_is_in_no_summary(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = await check("url", url=f"http://ops:sesame@127.0.0.1:{port}/")
    assert "sesame" not in result.summary


async def test_a_cancelled_check_closes_its_connection(check):
    closed = asyncio.Event()

    async def watch(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        closed.set()

    async with serving(watch) as port:
        await check("url", url=f"http://127.0.0.1:{port}/", timeout_s=0.2)
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"url": "ftp://host/"}, "url"),
        ({"url": "shop.example"}, "url"),
        ({"url": "http://host:99999/"}, "url"),
        ({"url": "http://ho st/"}, "url"),
        ({"url": "http://h/", "headers": ["no colon"]}, "headers"),
        ({"url": "http://h/", "headers": ["A: b\r\nX: y"]}, "headers"),
        ({"url": "http://h/", "headers": ["bad name: x"]}, "headers"),
        ({"url": "http://h/", "match": "/(/"}, "match"),
        ({"url": "http://h/", "method": "FETCH"}, "method"),
    ],
)
async def test_settings_that_cannot_work_are_problems(check, settings, name):
    assert [found for found, _ in check.registry.settings_problems("url", settings)] == [name]
