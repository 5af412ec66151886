"""The port monitor against real TCP servers."""

import asyncio
import socket

import pytest

from sitescope_fo.monitors.port import LONGEST_ANSWER, unescaped
from tests.monitors.server import for_ever, serving

pytestmark = pytest.mark.anyio


async def test_an_open_port_answers_with_its_round_trip(check):
    async with serving(for_ever) as port:
        result = await check("port", host="127.0.0.1", port=port)
    assert result.failure == ""
    assert 0 <= result.values["round_trip_time"] <= result.duration_s
    assert set(result.values) == {"round_trip_time"}


async def test_a_name_is_resolved_and_the_address_that_answers_wins(check):
    async with serving(for_ever) as port:  # on 127.0.0.1 only; localhost may be ::1 too
        result = await check("port", host="localhost", port=port)
    assert result.failure == ""


async def test_a_closed_port_is_refused(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = await check("port", host="127.0.0.1", port=port)
    assert (result.failure, result.summary) == ("refused", "127.0.0.1: connection refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300, "bad host"])
async def test_a_name_that_means_nothing_does_not_resolve(check, host):
    assert (await check("port", host=host, port=1)).failure == "unresolved"


async def test_a_banner_is_matched_as_text_and_as_pattern(check):
    async def greet(reader, writer):
        writer.write(b"220 mail.exam")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"ple ESMTP\r\n")
        await for_ever(reader, writer)

    async with serving(greet) as port:
        text = await check("port", host="127.0.0.1", port=port, expect="mail.example")
        pattern = await check("port", host="127.0.0.1", port=port, expect=r"/^220 .* ESMTP/")
    for result in (text, pattern):
        assert (result.values["match"], result.failure) == ("yes", "")
        assert result.values["answer"].startswith("220 mail.example")


async def test_what_is_sent_arrives_with_its_line_ends(check):
    seen = []

    async def echo(reader, writer):
        seen.append(await reader.readuntil(b"\n"))
        writer.write(b"you said " + seen[0])
        await for_ever(reader, writer)

    async with serving(echo) as port:
        result = await check("port", host="127.0.0.1", port=port, send=r"PING\r\n", expect="said PING")
    assert seen == [b"PING\r\n"]
    assert result.values["match"] == "yes"


async def test_an_answer_that_ends_without_the_expected_text_is_a_mismatch(check):
    async def other(reader, writer):
        writer.write(b"wrong place")
        writer.write_eof()
        await for_ever(reader, writer)

    async with serving(other) as port:
        result = await check("port", host="127.0.0.1", port=port, expect="right")
    assert (result.values["match"], result.values["answer"], result.failure) == ("no", "wrong place", "")


async def test_a_flood_is_read_to_its_limit_and_is_a_mismatch(check):
    async def flood(reader, writer):
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(flood) as port:
        result = await check("port", host="127.0.0.1", port=port, expect="needle")
    assert result.values["match"] == "no"
    assert len(result.values["answer"]) < LONGEST_ANSWER


async def test_a_peer_that_never_speaks_ends_at_the_time_out(check):
    async with serving(for_ever) as port:
        result = await check("port", host="127.0.0.1", port=port, expect="hello", timeout_s=0.2)
    assert (result.failure, result.summary) == ("timeout", "127.0.0.1: no answer within 200ms")


async def test_a_full_backlog_that_accepts_nobody_ends_at_the_time_out(check):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        result = await check("port", host="127.0.0.1", port=listener.getsockname()[1], timeout_s=0.3)
        for one in fill:
            one.close()
    assert result.failure == "timeout"


async def test_a_peer_that_resets_is_a_reset(check):
    async def reset(reader, writer):
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async with serving(reset) as port:
        result = await check("port", host="127.0.0.1", port=port, send="x", expect="y")
    assert result.failure == "reset"


async def test_escapes_mean_what_they_say():
    assert unescaped(r"a\r\n\tb\\n") == "a\r\n\tb\\n"
    assert unescaped(r"\\\r") == "\\\r"
    assert unescaped("plain \\x") == "plain \\x"


async def test_a_pattern_that_could_run_away_is_a_problem_of_the_settings(check):
    problems = check.registry.settings_problems("port", {"host": "h", "port": 1, "expect": "/(a+)+/"})
    assert [name for name, _ in problems] == ["expect"]
