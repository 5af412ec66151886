"""The network between the nodes with the product's own HTTP stack on it: its client, its tokens, its gate, its Starlette app.

Only the socket is missing: what the client sends travels through `wire.Network` (latency, loss, cuts, slowness) and is handed to
the other process's application; what that answers travels back. So faults of tokens, clocks and passphrases are the real ones.
"""

import hashlib
from functools import cache
from types import SimpleNamespace

import anyio
import httpx
import msgspec
import trio

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.peer import HttpPeerClient
from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.security.gate import Gate
from sitescope_fo.security.lwsso import Root
from sitescope_fo.web.app import network_app

PROXY_PAGE = b"<html>It works!</html>"
RECORDED = 200


def roots_of(machine):
    """The LW-SSO roots of a machine, newest first."""
    return tuple(map(_root, machine.words))


@cache
def _root(word):
    return Root.of(hashlib.sha256(word.encode()).digest())


def application(machine, process, work, randomness):
    """What a process listens with."""
    del process  # it is asked in tasks of its own, see `Way`
    gate = Gate(machine.node_id, lambda: roots_of(machine), machine.clock, randomness)
    return network_app(machine.api, gate, machine.clock, work)


class HttpClient:
    """The `PeerClient` of one process; the watch sees the replies that were believed."""

    def __init__(self, process, machine, work, randomness):
        self._process, self._machine = process, machine
        self._client = HttpPeerClient(
            machine.node_id, lambda: roots_of(machine), machine.clock, randomness, work, AddressBook(machine.clock),
            transport=Way(machine),
        )  # fmt: skip

    async def request(self, peer, method, path, body=b"", *, timeout_s, etag=""):
        await self._process.breathe()
        began = anyio.current_time()
        network = self._machine.world.network
        network.requests += 1
        try:
            reply = await self._client.request(peer, method, path, body, timeout_s=timeout_s, etag=etag)
        finally:
            await self._process.breathe()
        self._machine.world.watch.heard(SimpleNamespace(path=path, source=self._machine, began=began), reply)
        return reply


class Way(httpx.AsyncBaseTransport):
    """From one process to the application of another, through the network of the world."""

    def __init__(self, machine):
        self._source = machine

    async def handle_async_request(self, request):
        source, world = self._source, self._source.world
        network, target = world.network, world.machines.get(request.url.host)
        if target is None:
            raise httpx.ConnectError("Name or service not known")
        await network.travel(source, target)
        if target.foreign:
            await network.travel(target, source)
            return on_its_way(200, {"server": "nginx"}, PROXY_PAGE)
        if target.process is None or target.process.dead or target.app is None:
            await network.travel(target, source)
            raise httpx.ConnectError("refused") from ConnectionRefusedError(111, "Connection refused")
        if target.certificate_fault:
            raise Unverifiable("The certificate has expired", where=str(request.url), code=target.certificate_fault)
        network.recorded.append((target, request))
        del network.recorded[:-RECORDED]
        reply = await self._answer(network, target, request)
        if network.repeats():
            await replay(world, target, request)
        if network.loses(request.url.path, request.method):
            await anyio.sleep_forever()  # the asker's time-out ends it
        await network.travel(target, source)
        if reply is None:
            raise httpx.ReadError("reset") from ConnectionResetError(104, "Connection reset by peer")
        return on_its_way(*(garbled(*reply, network.chance) if network.garbles() else reply))

    async def _answer(self, network, target, request):
        """What the target's process answers, None when it dies over it."""
        done, box = trio.Event(), []
        target.process.spawn(_serve, network, target, target.process, request, box, done)
        await done.wait()
        return box[0] if box else None


async def _serve(network, target, process, request, box, done):
    """Runs as a task of the target's process."""
    try:
        low, high = network.slow_answers
        if high:
            await anyio.sleep(network.chance.uniform(low, high))
        await process.breathe()
        reply = await answer_of(target.app, request)
        if not process.dead:
            box.append(reply)
    finally:
        target.world.spawn(_tell, done)


async def _tell(done):
    done.set()


async def answer_of(app, request):
    """What an application answers, read to its end as it is on the way, packed or not: (status, headers, body)."""
    response = await httpx.ASGITransport(app=app).handle_async_request(request)
    return response.status_code, response.headers, b"".join([piece async for piece in response.aiter_raw()])


def on_its_way(status, headers, body):
    """A reply as the client reads it: piece by piece."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


async def replay(world, target, request):
    """Somebody sends a recorded request once more. Gives the code it was refused with; carried out, it breaks a rule."""
    again = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
    status, _, body = await answer_of(target.app, again)
    code = msgspec.json.decode(body)["code"] if status >= 400 else ""
    world.watch.replayed(request.method, request.url.path, code)
    return code


def garbled(status, headers, body, chance):
    """A reply with one byte of its body changed, or with a signature of somebody else."""
    body, headers = bytearray(body), headers.copy()
    if body and chance.random() < 0.7:
        body[chance.randrange(len(body))] ^= 0x20
    else:
        headers["x-lwsso-reply"] = 'iss="nobody"'
    return status, headers, bytes(body)
