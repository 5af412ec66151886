"""A real pair on loopback: node `a` behind the product's own server, node `b` with the product's own client."""

import socket
import threading
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.peer import HttpPeerClient
from sitescope_fo.model.errors import Refused
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.service import Answer
from sitescope_fo.security.gate import Gate
from sitescope_fo.web.app import network_app
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.server import Listener, WebServer, bind_tcp
from tests.security.ports import ROOT, Chance, InlineWork, SetClock


class Service:
    """Answers what `answers` has for a path (an Answer, an error, an async function), else echoes; notes what it was asked."""

    def __init__(self):
        self.asked = []
        self.answers = {}

    async def answer(self, peer_id, method, path, body, etag):
        self.asked.append((peer_id, method, path, body, etag))
        what = self.answers.get(path)
        if what is None:
            return Answer(body=b"echo " + body)
        if isinstance(what, Answer):
            return what
        if isinstance(what, Exception):
            raise what
        return await what()


class Pair:
    """Both nodes; attributes may be changed between requests."""

    def __init__(self, group, *, tls=None, limits=None, wrap=lambda app: app):
        self.wrap = wrap
        self.group = group
        self.service = Service()
        self.clock = SetClock()  # of the server
        self.roots = [ROOT]
        self.limits = limits or Limits()
        self.work = InlineWork()
        self.tls = tls
        self.sock = bind_tcp("127.0.0.1", 0)
        self.port = self.sock.getsockname()[1]
        self.server = None
        self.clients = []

    async def start(self):
        gate = Gate("a", lambda: tuple(self.roots), self.clock, Chance())
        app = self.wrap(network_app(self.service, gate, self.clock, self.work, limits=self.limits))
        self.gate = gate
        self.server = WebServer([Listener((self.sock,), app, self.tls)], limits=self.limits)
        await self.group.start(self.server.serve)

    async def restart(self):
        """A new process on the same port."""
        self.server.stop()
        self.sock = await _rebind(self.port)
        await self.start()

    def client(self, **kwargs):
        """A client of node `b`; closed with the pair."""
        roots = kwargs.pop("roots", [ROOT])
        clock = kwargs.pop("clock", None) or SetClock()
        book = kwargs.pop("book", None) or AddressBook(clock)
        client = HttpPeerClient("b", lambda: tuple(roots), clock, Chance(), self.work, book, **kwargs)
        self.clients.append(client)
        return client

    def address(self, **changes):
        return PeerAddress(**{"host": "127.0.0.1", "port": self.port, "node_id": "a"} | changes)


async def _rebind(port):
    while True:
        try:
            return bind_tcp("127.0.0.1", port)
        except Exception:  # noqa: BLE001  # the old listener is still closing
            await anyio.sleep(0.01)


@asynccontextmanager
async def running_pair(**kwargs):
    async with anyio.create_task_group() as group:
        pair = Pair(group, **kwargs)
        await pair.start()
        try:
            yield pair
        finally:
            with anyio.CancelScope(shield=True):
                for client in pair.clients:
                    await client.aclose()
            pair.server.stop()


class Foreign(BaseHTTPRequestHandler):
    """Some other web server: every request gets `server.reply` = (status, headers, body)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, headers, body = self.server.reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@asynccontextmanager
async def foreign_server(status=200, headers=None, body=b"hello"):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    server.daemon_threads = True
    server.reply = (status, headers or {}, body)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        await anyio.to_thread.run_sync(server.shutdown)
        server.server_close()
        thread.join()


@asynccontextmanager
async def raw_server(talk):
    """A TCP server that hands each connection to `talk(stream)`."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)

    async def one(stream):
        async with stream:
            await talk(stream)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, one)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        group.cancel_scope.cancel()


@asynccontextmanager
async def rewriting_proxy(port, *, request=lambda data: data, reply=lambda data: data):
    """A TCP proxy that changes what passes; both functions see chunks, which on loopback are whole small messages."""

    async def talk(stream):
        async with await anyio.connect_tcp("127.0.0.1", port) as upstream, anyio.create_task_group() as group:

            async def pump(source, target, change):
                try:
                    async for data in source:
                        await target.send(change(data))
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    pass
                group.cancel_scope.cancel()

            group.start_soon(pump, stream, upstream, request)
            group.start_soon(pump, upstream, stream, reply)

    async with raw_server(talk) as own:
        yield own


def closed_port():
    """A port where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def refusal(code="role"):
    return Refused("Not now", where="here", hint="Later", code=code)
