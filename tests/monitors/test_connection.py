"""Connections of checks: the first address that answers, time-outs in each phase, and nothing left open."""

import asyncio
import socket
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from sitescope_fo.monitors.addresses import first
from sitescope_fo.monitors.connection import Connection, connect
from tests.monitors.server import for_ever, serving
from tests.monitors.test_http_hostile import HEAD, RESET, saying
from tests.monitors.test_url import page, replying

pytestmark = pytest.mark.anyio
V4, V6 = socket.AF_INET, socket.AF_INET6


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def deaf(address, port=0):
    """A listener whose backlog is full: to connect there hangs."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in fill:
            one.close()


async def test_a_slow_address_does_not_hold_up_the_next_and_is_closed():
    async with serving(for_ever) as port:
        with deaf("127.0.0.2", port):
            before = open_files()
            with anyio.fail_after(5):
                connection = await connect(((V4, "127.0.0.2"), (V4, "127.0.0.1")), port)
            assert connection._socket.getpeername() == ("127.0.0.1", port)
            connection.close()
            await asyncio.sleep(0)
            assert open_files() <= before + 1  # the server's end of it


async def test_a_refused_address_gives_way_at_once_and_the_first_error_is_told():
    async with serving(for_ever) as port:
        connection = await connect(((V6, "::1"), (V4, "127.0.0.3"), (V4, "127.0.0.1")), port)
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(((V4, "127.0.0.1"), (V4, "127.0.0.2")), port)


async def test_a_second_success_is_given_back():
    gate, discarded = asyncio.Event(), []

    async def attempt(address):
        await gate.wait()
        return address

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: first(((V4, "a"), (V4, "b")), attempt, discarded.append))
        await anyio.sleep(0.35)  # by then both are on their way
        gate.set()
    assert len(discarded) == 1


async def test_a_connection_of_ipv6_is_one_too(check):
    try:
        listener = socket.create_server(("::1", 0), family=V6)
    except OSError:
        pytest.skip("no IPv6 on loopback")
    talk = replying(page())

    async def answer():
        peer, _ = await asyncio.get_running_loop().sock_accept(listener)
        reader, writer = await asyncio.open_connection(sock=peer)
        await talk(reader, writer)

    listener.setblocking(False)
    port = listener.getsockname()[1]
    async with anyio.create_task_group() as group:
        group.start_soon(answer)
        result = await check("url", url=f"http://[::1]:{port}/")
    listener.close()
    assert (result.failure, result.values["status"]) == ("", 200)
    assert f"Host: [::1]:{port}".encode() in talk.seen[0]


async def test_the_server_is_told_the_name_under_tls(check, authority):
    names, context = [], authority.server_context()
    context.sni_callback = lambda _, name, __: names.append(name)
    async with serving(replying(page()), context) as port:
        for host in ("localhost", "127.0.0.1"):
            result = await check("url", url=f"https://{host}:{port}/", verify_tls=False)
            assert result.failure == ""
    assert names == ["localhost", None]


@pytest.mark.parametrize("phase", ["connect", "tls", "request", "reply", "body"])
async def test_a_check_that_is_cut_off_leaves_nothing_open(check, phase):
    with deaf("127.0.0.1") as silent:
        async with serving(for_ever) as mute, serving(saying(HEAD + b"Content-Length: 9\r\n\r\nx", end="hang")) as halting:
            before = open_files()
            settings = {
                "connect": {"url": f"http://127.0.0.1:{silent}/"},
                "tls": {"url": f"https://127.0.0.1:{mute}/"},
                "request": {"url": f"http://127.0.0.1:{mute}/", "method": "POST", "body": "x" * 20_000_000},
                "reply": {"url": f"http://127.0.0.1:{mute}/"},
                "body": {"url": f"http://127.0.0.1:{halting}/"},
            }[phase]
            result = await check("url", timeout_s=0.1, **settings)
            assert result.failure == "timeout"
            tasks = asyncio.all_tasks()
        assert open_files() <= before
    assert len([task for task in tasks if "LiveChecks" in repr(task.get_coro())]) == 0


async def test_a_peer_that_floods_does_not_hold_up_the_loop(check):
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = b"1\r\nx\r\n" * 100_000
    talk = saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body, b"0\r\n\r\n")
    busy = asyncio.create_task(others())
    async with serving(talk) as port:
        result = await check("url", url=f"http://127.0.0.1:{port}/")
    busy.cancel()
    assert result.values["size"] == 100_000
    assert turns > len(body) // 65536


async def test_two_thousand_checks_of_every_outcome_leave_no_socket_and_no_task(check):
    async def abrupt(reader, writer):
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    async with serving(for_ever):  # libuv keeps a file in reserve from the first server on
        await check("url", url=f"https://127.0.0.1:{closed}/")
    good, half, moved = (
        replying(page()),
        saying(HEAD + b"Content-Length: 9\r\n\r\nx"),
        replying(page(b"", "302 F", "Location: /\r\n")),
    )
    before, tasks_before = open_files(), len(asyncio.all_tasks())
    async with serving(good) as a, serving(half) as b, serving(abrupt) as c, serving(for_ever) as d, serving(moved) as e:
        kinds = [
            ("url", {"url": f"http://127.0.0.1:{a}/"}, ""),
            ("url", {"url": f"http://127.0.0.1:{b}/"}, "protocol"),
            ("url", {"url": f"http://127.0.0.1:{c}/"}, "reset"),
            ("url", {"url": f"http://127.0.0.1:{closed}/"}, "refused"),
            ("url", {"url": f"https://127.0.0.1:{c}/"}, "reset"),
            ("port", {"host": "127.0.0.1", "port": a}, ""),
            ("port", {"host": "127.0.0.1", "port": closed}, "refused"),
            ("port", {"host": "127.0.0.1", "port": d, "expect": "x"}, "timeout"),
            ("port", {"host": "127.0.0.1", "port": c, "send": "x", "expect": "y"}, "reset"),
            ("url", {"url": f"http://127.0.0.1:{e}/"}, "protocol"),
        ]
        failures = [set() for _ in kinds]

        async def some(number):
            kind, settings, failure = kinds[number]
            for _ in range(20):
                result = await check(kind, timeout_s=0.05 if failure == "timeout" else 10.0, **settings)
                failures[number].add(result.failure)

        await asyncio.gather(*(some(number % len(kinds)) for number in range(100)))
    await asyncio.sleep(0.05)  # what closes a turn of the loop later
    assert open_files() <= before
    assert len(asyncio.all_tasks()) <= tasks_before
    assert check.defects == []
    assert failures == [{failure} for _, _, failure in kinds]


async def test_a_connection_may_be_closed_twice():
    async with serving(for_ever) as port:
        connection = await Connection.to("127.0.0.1", port)
        connection.close()
        connection.close()
