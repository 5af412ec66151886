"""The server itself: binding, hostile connections, stopping."""

import errno
import socket

import anyio
import pytest

from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.model.service import Answer
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.server import Listener, WebServer, bind_all, bind_tcp
from tests.web.pair import running_pair
from tests.web.test_peer_exchange import ask, signed_head

pytestmark = pytest.mark.anyio
HEALTHZ = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"


async def until_closed(stream):
    """All that still comes before the other side closes."""
    data = b""
    try:
        while True:
            data += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return data


async def connect(pair):
    return await anyio.connect_tcp("127.0.0.1", pair.port)


async def trickle(stream):
    try:
        while True:
            await stream.send(b"x: y\r\n")
            await anyio.sleep(0.02)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


# ---------------------------------------------------------------- binding


def test_a_port_in_use_is_a_conflict_that_says_how_to_find_the_holder():
    with bind_tcp("127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} is in use") as refused:
            bind_tcp("127.0.0.1", port)
        assert refused.value.code == "port_in_use"
        assert f":{port}" in refused.value.hint


@pytest.mark.parametrize("bind", ["nonsense", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_refused(bind):
    with pytest.raises(Usage) as refused:
        bind_tcp(bind, 0)
    assert refused.value.code == "bad_bind"


def test_a_port_below_1024_needs_root(monkeypatch):
    def forbidden(*_args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(Refused) as refused:
        bind_tcp("127.0.0.1", 80)
    assert refused.value.code == "port_forbidden"


def test_several_addresses_share_one_port_and_a_missing_family_is_left_out():
    socks = bind_all(("127.0.0.1", "127.0.0.2", "2001:db8::1"), 0)
    try:
        assert [sock.getsockname()[0] for sock in socks] == ["127.0.0.1", "127.0.0.2"]
        assert len({sock.getsockname()[1] for sock in socks}) == 1
        with pytest.raises(Conflict):
            bind_all(("127.0.0.3", "127.0.0.1"), socks[0].getsockname()[1])
    finally:
        for sock in socks:
            sock.close()


def test_no_address_at_all_is_refused():
    for binds in ((), ("2001:db8::1",)):
        with pytest.raises(Usage):
            bind_all(binds, 0)


async def test_no_reply_waits_for_the_acknowledgement_of_its_header():
    without_delay = []

    def noting(app):
        async def wrapped(scope, receive, send):
            sock = scope["state"]["abort"].__self__.get_extra_info("socket")
            without_delay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await app(scope, receive, send)

        return wrapped

    async with running_pair(wrap=noting) as pair:
        await ask(pair.client(), pair.address())
    assert all(without_delay)


# ---------------------------------------------------------------- hostile connections


async def test_a_connection_that_never_sends_a_request_is_cut():
    async with running_pair(limits=Limits(header_s=0.1)) as pair, await connect(pair) as stream:
        assert await until_closed(stream) == b""


async def test_headers_that_trickle_do_not_buy_time():
    async with running_pair(limits=Limits(header_s=0.2)) as pair, await connect(pair) as stream:
        await stream.send(b"GET /healthz HTTP/1.1\r\n")
        async with anyio.create_task_group() as group:
            group.start_soon(trickle, stream)
            assert await until_closed(stream) == b""
            group.cancel_scope.cancel()
        assert pair.service.asked == []


async def test_a_second_request_that_trickles_is_cut_as_well():
    async with running_pair(limits=Limits(header_s=0.1)) as pair, await connect(pair) as stream:
        await stream.send(HEALTHZ)
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")
        await stream.send(b"GET /healthz HT")
        await until_closed(stream)


async def test_an_idle_connection_is_kept_for_its_time_and_then_closed():
    async with running_pair(limits=Limits(keep_alive_s=0.2)) as pair, await connect(pair) as stream:
        for _ in range(2):
            await stream.send(HEALTHZ)
            reply = b""
            while not reply.endswith(b'{"status":"ok"}'):
                reply += await stream.receive()
        assert await until_closed(stream) == b""


@pytest.mark.parametrize(
    "head", [b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"]
)
async def test_an_oversize_request_line_or_header_is_refused(head):
    async with running_pair() as pair, await connect(pair) as stream:
        await stream.send(head)
        assert (await until_closed(stream)).startswith((b"HTTP/1.1 400", b""))
    async with running_pair() as pair, await connect(pair) as stream:
        await stream.send(head[:17_000])
        reply = await stream.receive()
        assert reply.startswith(b"HTTP/1.1 400")
        assert b'"code":"bad_request"' in reply


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
async def test_noise_is_answered_with_a_problem_and_closed(noise):
    async with running_pair() as pair, await connect(pair) as stream:
        await stream.send(noise)
        reply = await until_closed(stream)
        assert reply.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in reply


async def test_noise_behind_a_running_request_does_not_break_the_server():
    async with running_pair() as pair:
        async with await connect(pair) as stream:
            await stream.send(HEALTHZ + b"\xff\xff\r\n\r\n")
            await until_closed(stream)
        assert (await ask(pair.client(), pair.address())).status == 200


async def test_too_many_connections_push_out_the_one_that_waited_longest_for_its_request():
    async with running_pair(limits=Limits(connections=3)) as pair:
        streams = [await connect(pair) for _ in range(3)]
        assert (await ask(pair.client(), pair.address())).status == 200
        assert await until_closed(streams[0]) == b""
        await streams[1].send(HEALTHZ)
        assert (await streams[1].receive()).startswith(b"HTTP/1.1 200")
        for stream in streams:
            await stream.aclose()


async def test_a_reader_that_stops_reading_is_cut():
    ended = anyio.Event()

    def noting(app):
        async def wrapped(scope, receive, send):
            await app(scope, receive, send)
            if "health" in scope["path"] and scope["query_string"] == b"big":
                ended.set()

        return wrapped

    async with running_pair(limits=Limits(send_s=0.2), wrap=noting) as pair:
        client = pair.client()
        await ask(client, pair.address())
        pair.service.answers["/api/v1/health"] = Answer(body=b"x" * 30_000_000)
        async with await connect(pair) as stream:
            await stream.send(signed_head(pair, client, "GET", "/api/v1/health?big").encode() + b"\r\n")
            await ended.wait()
            assert len(await until_closed(stream)) < 30_000_000


# ---------------------------------------------------------------- stopping


async def serve(group, app, limits=None):
    sock = bind_tcp("127.0.0.1", 0)
    server = WebServer([Listener((sock,), app)], limits=limits)
    port = sock.getsockname()[1]
    await group.start(server.serve)
    return server, port


async def test_a_stop_lets_a_running_request_end_and_takes_no_new_one():
    started, go = anyio.Event(), anyio.Event()

    async def app(_scope, _receive, send):
        started.set()
        await go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with anyio.create_task_group() as group:
        server, port = await serve(group, app, Limits(stop_s=30.0))
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(HEALTHZ)
            await started.wait()
            server.stop()
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                except OSError:
                    break
                await anyio.sleep(0.005)
            go.set()
            assert (await until_closed(stream)).endswith(b"ok")


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_stop_ends_idle_and_stuck_connections_quietly(cancel, caplog):
    started = anyio.Event()

    async def app(_scope, _receive, _send):
        started.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        server, port = await serve(group, app, Limits(stop_s=0.1))
        async with await anyio.connect_tcp("127.0.0.1", port) as idle, await anyio.connect_tcp("127.0.0.1", port) as stuck:
            await stuck.send(HEALTHZ)
            await started.wait()
            if cancel:
                group.cancel_scope.cancel()
            else:
                server.stop()
            with anyio.CancelScope(shield=True):
                assert await until_closed(idle) == b""
                assert await until_closed(stuck) == b""
    assert [record for record in caplog.records if record.exc_info] == []


async def test_the_port_is_free_again_after_a_stop():
    async with anyio.create_task_group() as group:
        server, port = await serve(group, None)
        server.stop()
    bind_tcp("127.0.0.1", port).close()
