"""A request and its reply between two real nodes, in good and in bad times."""

import json
import logging
import random
import zlib

import anyio
import httpx
import pytest

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.peer import HttpPeerClient
from sitescope_fo.model.errors import Bad, Conflict, Internal, Refused, Unreachable, Unverifiable, Usage
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.service import Answer
from sitescope_fo.security.gate import Gate
from sitescope_fo.security.lwsso import AUTHORIZATION, EMPTY_SHA256, REPLY, RequestClaims, seal_request
from sitescope_fo.web.app import network_app
from sitescope_fo.web.limits import Limits
from tests.security.ports import OTHER_ROOT, ROOT, Chance, InlineWork, SetClock
from tests.web.pair import (
    Service,
    closed_port,
    foreign_server,
    raw_server,
    refusal,
    rewriting_proxy,
    running_pair,
)

pytestmark = pytest.mark.anyio
HEALTH = "/api/v1/health"


async def ask(client, peer, method="GET", path=HEALTH, body=b"", *, timeout_s=5.0, etag=""):
    return await client.request(peer, method, path, body, timeout_s=timeout_s, etag=etag)


async def failure(kind, client, peer, *args, **kwargs):
    """The code of the error, which must be exactly of `kind`: a takeover hangs on the difference."""
    with pytest.raises(kind) as raised:
        await ask(client, peer, *args, **kwargs)
    assert isinstance(raised.value, Unverifiable) is issubclass(kind, Unverifiable)
    assert raised.value.what
    return raised.value.code


# ---------------------------------------------------------------- the good path


async def test_a_signed_request_gets_a_verified_reply():
    async with running_pair() as pair:
        reply = await ask(pair.client(), pair.address(), "POST", "/api/v1/handover/step?x=1", b"body")
        assert (reply.status, reply.body, reply.peer_id) == (200, b"echo body", "a")
        assert pair.service.asked == [("b", "POST", "/api/v1/handover/step", b"body", "")]


async def test_the_entity_tag_travels_both_ways_and_an_unchanged_answer_has_no_body():
    async with running_pair() as pair:
        pair.service.answers[HEALTH] = Answer(status=304, etag='"r1"')
        reply = await ask(pair.client(), pair.address(), etag='"r1"')
        assert (reply.status, reply.body, reply.etag) == (304, b"", '"r1"')
        assert pair.service.asked[0][-1] == '"r1"'


async def test_a_node_that_is_not_known_yet_tells_its_id_at_the_first_contact_only():
    async with running_pair() as pair:
        client, unbound = pair.client(), pair.address(node_id="")
        assert (await ask(client, unbound)).peer_id == "a"
        assert (await ask(client, unbound, "PUT", "/api/v1/peers/b", b"{}")).peer_id == "a"
        assert await failure(Unverifiable, client, unbound, "GET", "/api/v1/state/ledger") == "lwsso_identity"
        assert await failure(Unverifiable, client, unbound, "PUT", HEALTH) == "lwsso_identity"


async def test_many_requests_share_few_connections():
    async with running_pair() as pair:
        client = pair.client()
        for _ in range(5):
            await ask(client, pair.address())
        assert len(pair.service.asked) == 5
        assert len(client._http._transport._pool.connections) == 1


async def test_the_skew_between_the_clocks_is_measured():
    async with running_pair() as pair:
        pair.clock.skew_s = 12.0
        reply = await ask(pair.client(), pair.address())
        assert reply.skew_s == pytest.approx(12.0, abs=1.0)


async def test_a_restarted_node_is_answered_again_without_the_caller_noticing():
    async with running_pair() as pair:
        client = pair.client()
        await ask(client, pair.address())
        await pair.restart()
        assert (await ask(client, pair.address())).status == 200


@pytest.mark.parametrize("skew_s", [25.0, -25.0])
async def test_a_restart_is_no_trouble_with_clocks_apart_within_the_limit(skew_s):
    async with running_pair() as pair:
        pair.clock.skew_s = skew_s
        client = pair.client()
        await ask(client, pair.address())
        await pair.restart()
        assert (await ask(client, pair.address())).status == 200


async def test_large_bodies_go_both_ways_and_are_hashed_off_the_loop():
    big = random.Random(1).randbytes(3 * 1024**2)  # cannot be packed
    async with running_pair() as pair:
        reply = await ask(pair.client(), pair.address(), "POST", "/api/v1/mirror/files", big)
        assert reply.body == b"echo " + big
        assert [call.__name__ for call in pair.work.calls] == ["_sha256", "pack", "_sha256"]


async def test_a_large_body_travels_packed_and_is_opened_off_the_loop():
    big = random.Random(1).randbytes(100) * 30_000
    async with running_pair() as pair:
        reply = await ask(pair.client(), pair.address(), "POST", "/api/v1/mirror/files", big)
        assert reply.body == b"echo " + big
        assert [call.__name__ for call in pair.work.calls] == ["_sha256", "pack", "unpack"]


async def test_a_client_that_does_not_ask_for_it_gets_a_body_as_it_is():
    async with running_pair() as pair:
        client = pair.client()
        await ask(client, pair.address())
        pair.service.answers["/api/v1/x"] = Answer(body=b"x" * 5000)
        async with httpx.AsyncClient(trust_env=False) as plain:
            target = f"http://127.0.0.1:{pair.port}/api/v1/x"
            token = signed_head(pair, client, "GET", "/api/v1/x").rpartition("authorization: ")[2].strip()
            reply = await plain.get(target, headers={"authorization": token, "accept-encoding": "identity"})
        assert (reply.content, "content-encoding" in reply.headers) == (b"x" * 5000, False)


BAD_PACKS = {
    "no packed body": b"x" * 100,
    "a torn one": zlib.compress(b"x" * 100)[:-5],
    "something behind it": zlib.compress(b"x" * 100) + b"more",
    "a bomb": zlib.compress(bytes(20_000_000), 9),
}


@pytest.mark.parametrize("body", BAD_PACKS.values(), ids=BAD_PACKS.keys())
async def test_a_packed_body_that_is_none_or_too_large_is_refused_without_being_unpacked_whole(body):
    async with running_pair() as pair:
        pair.service.answers["/api/v1/x"] = Answer(body=body, encoding="deflate")
        client = pair.client(largest_body=10_000_000)
        assert await failure(Unverifiable, client, pair.address(), "GET", "/api/v1/x") == "bad_body"


async def test_an_encoding_that_nobody_agreed_on_is_refused():
    async with running_pair() as pair:
        pair.service.answers["/api/v1/x"] = Answer(body=b"x" * 100, encoding="br")
        assert await failure(Unverifiable, pair.client(), pair.address(), "GET", "/api/v1/x") == "bad_body"


# ---------------------------------------------------------------- our node, not to be trusted


async def test_another_passphrase_is_unverifiable_not_silence():
    async with running_pair() as pair:
        assert await failure(Unverifiable, pair.client(roots=[OTHER_ROOT]), pair.address()) == "lwsso_token_wrong"
        assert pair.service.asked == []


async def test_a_node_without_a_passphrase_is_unverifiable_on_either_side():
    async with running_pair() as pair:
        assert await failure(Unverifiable, pair.client(roots=[]), pair.address()) == "lwsso_not_set"
        pair.roots.clear()
        assert await failure(Unverifiable, pair.client(), pair.address()) == "lwsso_not_set"


@pytest.mark.parametrize("skew_s", [45.0, -45.0, 86400.0, -86400.0])
async def test_clocks_too_far_apart_are_unverifiable_with_the_measure_whichever_is_wrong(skew_s):
    async with running_pair() as pair:
        pair.clock.skew_s = skew_s
        with pytest.raises(Unverifiable) as raised:
            await ask(pair.client(), pair.address())
        assert raised.value.code == "lwsso_clock_skew"
        assert raised.value.skew_s == pytest.approx(skew_s, abs=1.0)


async def test_another_node_with_our_passphrase_is_unverifiable_by_its_name():
    async with running_pair() as pair:
        with pytest.raises(Unverifiable, match="Node a answers there, not z") as raised:
            await ask(pair.client(), pair.address(node_id="z"))
        assert raised.value.code == "lwsso_identity"


async def test_an_altered_request_body_is_refused_before_anything_acts():
    async with (
        running_pair() as pair,
        rewriting_proxy(pair.port, request=lambda data: data.replace(b"good body", b"evil body")) as port,
    ):
        peer = pair.address(port=port)
        assert await failure(Unverifiable, pair.client(), peer, "POST", "/api/v1/handover/step", b"good body") == "lwsso_altered"
        assert pair.service.asked == []


@pytest.mark.parametrize(
    ("old", "new"), [(b"GET /api/v1/health", b"PUT /api/v1/health"), (b'if-none-match: "r1"', b'if-none-match: "r2"')]
)
async def test_an_altered_request_line_or_entity_tag_is_refused(old, new):
    async with running_pair() as pair, rewriting_proxy(pair.port, request=lambda data: data.replace(old, new)) as port:
        assert await failure(Unverifiable, pair.client(), pair.address(port=port), etag='"r1"') == "lwsso_altered"
        assert pair.service.asked == []


@pytest.mark.parametrize(("old", "new"), [(b"echo ", b"evil "), (b"HTTP/1.1 200", b"HTTP/1.1 203")])
async def test_an_altered_reply_is_not_believed_and_not_taken_for_silence(old, new):
    async with running_pair() as pair, rewriting_proxy(pair.port, reply=lambda data: data.replace(old, new)) as port:
        assert await failure(Unverifiable, pair.client(), pair.address(port=port)) == "lwsso_altered"


async def test_a_reply_whose_signature_was_taken_off_is_foreign():
    async with (
        running_pair() as pair,
        rewriting_proxy(pair.port, reply=lambda data: data.replace(b"x-lwsso-reply", b"x-other-header")) as port,
    ):
        client = await through(pair, port)
        assert await failure(Unreachable, client, pair.address(port=port)) == "foreign"


async def test_a_recorded_request_does_nothing_when_played_again():
    recorded = []

    def record(data):
        recorded.append(data)
        return data

    async with running_pair() as pair:
        async with rewriting_proxy(pair.port, request=record) as port:
            client = await through(pair, port)
            await ask(client, pair.address(port=port), "POST", "/api/v1/handover/step", b"once")
        async with await anyio.connect_tcp("127.0.0.1", pair.port) as stream:
            await stream.send(b"".join(recorded))
            reply = b""
            while b"}" not in reply:
                reply += await stream.receive()
        assert reply.startswith(b"HTTP/1.1 401")
        assert b"lwsso_replayed" in reply
        assert [asked[2] for asked in pair.service.asked] == [HEALTH, "/api/v1/handover/step"]


async def through(pair, port):
    """A client that knows the server's boot word already, also behind the proxy at `port`: each request is one exchange."""
    client = pair.client()
    await ask(client, pair.address())
    client._boot[f"127.0.0.1:{port}"] = client._boot[f"127.0.0.1:{pair.port}"]
    return client


async def test_an_old_reply_cannot_answer_a_new_request():
    async with running_pair() as pair:
        replies = []

        def first_again(data):
            replies.append(data)
            return replies[0]

        async with rewriting_proxy(pair.port, reply=first_again) as port:
            client, peer = await through(pair, port), pair.address(port=port)
            await ask(client, peer)
            assert await failure(Unreachable, client, peer) == "foreign"


async def test_an_unsigned_expiry_is_not_followed_by_a_second_try():
    body = json.dumps({"code": "lwsso_expired", "what": "old", "exit_code": 4}).encode()
    async with running_pair() as pair, foreign_server(401, {"Content-Type": "application/problem+json"}, body) as port:
        assert await failure(Unverifiable, pair.client(), pair.address(port=port)) == "lwsso_expired"


# ---------------------------------------------------------------- rotation of the passphrase


async def test_a_rotation_works_whichever_side_turns_first():
    async with running_pair() as pair:
        mine = [OTHER_ROOT, ROOT]
        client = pair.client(roots=mine)
        assert (await ask(client, pair.address())).status == 200
        assert client.root_of == {"a": ROOT.id}
        pair.roots[:] = [OTHER_ROOT, ROOT]
        client._older.clear()  # what a minute does
        assert (await ask(client, pair.address())).status == 200
        assert client.root_of == {"a": OTHER_ROOT.id}
        assert pair.gate.root_of == {"b": OTHER_ROOT.id}
        mine[:] = [ROOT]
        assert (await ask(client, pair.address())).status == 200


async def test_a_peer_that_lags_behind_a_rotation_costs_one_more_request_a_minute():
    async with running_pair() as pair:
        clock = SetClock()
        client = pair.client(roots=[OTHER_ROOT, ROOT], clock=clock)
        peer = pair.address()
        await ask(client, peer)
        tokens = []
        admit = pair.gate.admit
        pair.gate.admit = lambda header, *args, **kwargs: (tokens.append(header), admit(header, *args, **kwargs))[1]
        await ask(client, peer)
        assert len(tokens) == 1
        clock.passed_s, clock.skew_s = 61.0, -61.0
        await ask(client, peer)
        assert len(tokens) == 3


# ---------------------------------------------------------------- errors of the peer's service


@pytest.mark.parametrize(
    "error", [refusal(), Conflict("Twice", code="duplicate"), Bad("Bad", code="bad"), Usage("Hm", code="usage")]
)
async def test_an_error_of_the_peer_arrives_as_it_was_raised(error):
    async with running_pair() as pair:
        pair.service.answers[HEALTH] = error
        with pytest.raises(type(error)) as raised:
            await ask(pair.client(), pair.address())
        assert raised.value.body() == error.body()


async def test_a_peer_that_cannot_reach_a_third_is_not_itself_unreachable():
    async with running_pair() as pair:
        pair.service.answers[HEALTH] = Unreachable("The mail server is silent", code="timeout")
        assert await failure(Refused, pair.client(), pair.address()) == "timeout"


async def test_another_wire_version_is_unverifiable():
    async with running_pair() as pair:
        pair.service.answers[HEALTH] = Unverifiable("wire 2", code="wire_version")
        assert await failure(Unverifiable, pair.client(), pair.address()) == "wire_version"


async def test_a_bug_behind_a_route_is_a_signed_error_and_is_logged(caplog):
    async with running_pair() as pair:
        pair.service.answers[HEALTH] = ZeroDivisionError("secret detail")
        assert await failure(Internal, pair.client(), pair.address()) == "internal"
    assert [r.exc_info[0] for r in caplog.records if r.levelno == logging.ERROR] == [ZeroDivisionError]


async def test_an_answer_that_takes_too_long_is_a_signed_error():
    async with running_pair(limits=Limits(answer_s=0.1)) as pair:
        pair.service.answers[HEALTH] = anyio.sleep_forever
        assert await failure(Internal, pair.client(), pair.address()) == "answer_timeout"


async def test_one_peer_cannot_take_all_the_places():
    async with running_pair(limits=Limits(requests_a_peer=2)) as pair:
        started, go = [], anyio.Event()

        async def hold():
            started.append(1)
            await go.wait()
            return Answer()

        pair.service.answers["/api/v1/slow"] = hold
        client = pair.client()
        await ask(client, pair.address())
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(ask, client, pair.address(), "GET", "/api/v1/slow")
            while len(started) < 2:
                await anyio.sleep(0.005)
            assert await failure(Refused, client, pair.address()) == "busy"
            go.set()
        assert (await ask(client, pair.address())).status == 200


# ---------------------------------------------------------------- nobody of ours


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (502, {"Server": "nginx"}),
        (200, {"X-LWSSO-Reply": 'iss="a", token="x"'}),
        (302, {"Location": "/api/v1/health"}),
    ],
)
async def test_any_other_server_is_foreign(status, headers):
    async with running_pair() as pair, foreign_server(status, headers) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port)) == "foreign"


async def test_a_foreign_problem_with_another_code_is_foreign():
    async with (
        running_pair() as pair,
        foreign_server(401, {"Content-Type": "application/problem+json"}, b'{"code":"x","what":"y"}') as port,
    ):
        assert await failure(Unreachable, pair.client(), pair.address(port=port)) == "foreign"


async def test_a_foreign_flood_is_cut_off():
    async with running_pair() as pair, foreign_server(200, {}, b"x" * 10_000_000) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port)) == "foreign"


async def test_something_that_speaks_no_http_is_foreign():
    async def other(stream):
        await stream.send(b"* OK IMAP4rev1 ready\r\n\r\n")
        await stream.receive()

    async with running_pair() as pair, raw_server(other) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port)) == "foreign"


async def test_a_connection_that_is_dropped_is_a_reset():
    async def drop(stream):
        await stream.receive()

    async with running_pair() as pair, raw_server(drop) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port)) == "reset"


async def test_a_closed_port_refuses():
    async with running_pair() as pair:
        assert await failure(Unreachable, pair.client(), pair.address(port=closed_port())) == "refused"


async def test_a_server_that_is_stuck_is_a_timeout():
    async def stuck(_stream):
        await anyio.sleep_forever()

    async with running_pair() as pair, raw_server(stuck) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port), timeout_s=0.2) == "timeout"


async def test_a_server_that_trickles_its_reply_meets_the_same_deadline():
    async def trickle(stream):
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.02)

    async with running_pair() as pair, raw_server(trickle) as port:
        assert await failure(Unreachable, pair.client(), pair.address(port=port), timeout_s=0.3) == "timeout"


async def test_a_slow_but_timely_reply_counts():
    async with running_pair() as pair:

        async def slow():
            await anyio.sleep(0.2)
            return Answer(body=b"late")

        pair.service.answers[HEALTH] = slow
        assert (await ask(pair.client(), pair.address(), timeout_s=30.0)).body == b"late"


# ---------------------------------------------------------------- order of checks, limits


async def test_without_a_token_nothing_of_the_body_is_asked_for():
    async with running_pair() as pair, await anyio.connect_tcp("127.0.0.1", pair.port) as stream:
        await stream.send(
            b"POST /api/v1/mirror/files HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\nexpect: 100-continue\r\n\r\n"
        )
        reply = await stream.receive()
        assert reply.startswith(b"HTTP/1.1 401")
        assert b"connection: close" in reply


async def test_a_body_over_the_limit_is_refused_by_its_announced_length():
    async with running_pair(limits=Limits(body_bytes=1000)) as pair:
        client = pair.client()
        await ask(client, pair.address())
        assert await failure(Refused, client, pair.address(), "POST", "/api/v1/handover/step", b"x" * 1001) == "too_large"
        assert (await ask(client, pair.address(), "POST", "/api/v1/handover/step", b"x" * 1000)).status == 200


async def test_a_body_over_the_limit_is_refused_while_it_comes_in_pieces():
    async with running_pair(limits=Limits(body_bytes=1000)) as pair:
        reply = await raw_post(pair, "transfer-encoding: chunked", b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert reply.startswith(b"HTTP/1.1 413")
        assert REPLY.encode() in reply


async def test_a_body_that_does_not_come_is_given_up():
    async with running_pair(limits=Limits(body_s=0.1)) as pair:
        assert (await raw_post(pair, "content-length: 10", b"abc")).startswith(b"HTTP/1.1 408")


async def raw_post(pair, header, body):
    """The first bytes of the reply to a properly signed head with `body` after it, as it is."""
    client = pair.client()
    await ask(client, pair.address())
    head = signed_head(pair, client, "POST", "/api/v1/x") + f"{header}\r\n\r\n"
    async with await anyio.connect_tcp("127.0.0.1", pair.port) as stream:
        await stream.send(head.encode() + body)
        return await stream.receive()


def signed_head(pair, client, method, target):
    """Request line and headers with a good token, as `client` (which has asked before) would make it; the last line is open."""
    claims = RequestClaims(
        iss="b", aud="a", method=method, path=target, body_sha256=EMPTY_SHA256, nonce=Chance().token(8),
        iat=pair.clock.wall(), boot=client._boot[f"127.0.0.1:{pair.port}"],
    )  # fmt: skip
    return f"{method} {target} HTTP/1.1\r\nhost: a\r\nauthorization: {seal_request(ROOT, claims)}\r\n"


async def test_a_client_does_not_even_send_a_body_nobody_takes():
    async with running_pair() as pair:
        assert await failure(Usage, pair.client(largest_body=10), pair.address(), "POST", "/api/v1/x", b"x" * 11) == "too_large"


@pytest.mark.parametrize("path", ["/", "/api/v2/health", "/SiteScope", "/healthz/x"])
async def test_there_is_nothing_for_strangers_but_healthz(path):
    async with running_pair() as pair, httpx.AsyncClient(base_url=f"http://127.0.0.1:{pair.port}", trust_env=False) as web:
        reply = await web.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
        assert reply.headers["content-type"] == "application/problem+json"
        health = await web.get("/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        nobody = await web.get("/api/v1/status")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "LWSSO")
        assert REPLY not in nobody.headers


# ---------------------------------------------------------------- in virtual time


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_whole_exchange_runs_on_any_loop_without_a_network():
    clock, service = SetClock(), Service()
    app = network_app(service, Gate("a", lambda: (ROOT,), clock, Chance()), clock, InlineWork())
    client = HttpPeerClient(
        "b", lambda: (ROOT,), clock, Chance(), InlineWork(), AddressBook(clock), transport=httpx.ASGITransport(app)
    )
    reply = await ask(client, PeerAddress(host="primary", port=8080), "GET", HEALTH)
    assert (reply.peer_id, reply.body) == ("a", b"echo ")
    await client.aclose()


async def test_the_token_stands_in_the_header_the_contract_names():
    assert (AUTHORIZATION, REPLY) == ("authorization", "x-lwsso-reply")
