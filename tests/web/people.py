"""A real node behind its network door on loopback, with users; and clients of people."""

from contextlib import asynccontextmanager

import anyio
import httpx

from sitescope_fo.model import command as commands
from sitescope_fo.node.people import People
from sitescope_fo.security.gate import Gate
from sitescope_fo.web.app import network_app
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.server import Listener, WebServer, bind_tcp
from tests.node.nodes import Bench, make_home
from tests.security.ports import ROOT, Chance

PASSWORD = "correct horse battery"


class House:
    """The node, its app, and where it listens."""

    def __init__(self, bench, app, url):
        self.bench, self.app, self.url = bench, app, url

    async def add(self, *roles):
        """A user of each role, named like it."""
        for role in roles:
            await self.bench.do(commands.UserAdd(name=role, role=role, password=PASSWORD))

    async def token(self, role="viewer", **kwargs):
        return (await self.bench.do(commands.TokenAdd(name=f"for {role}", role=role, **kwargs))).result["token"]

    def http(self, **kwargs):
        return httpx.AsyncClient(base_url=self.url, trust_env=False, **kwargs)

    def from_afar(self, address="192.0.2.7"):
        """A client whose connection comes from another machine, without TLS."""
        transport = httpx.ASGITransport(self.app, client=(address, 1234))
        return httpx.AsyncClient(base_url="http://node:8080", transport=transport)


@asynccontextmanager
async def open_house(folder, role, *, tls=None, host="127.0.0.1", limits=None):
    bench = Bench(make_home(folder, role))
    people = People(bench.node)
    limits = limits or Limits()
    gate = Gate(bench.node.node_id, lambda: (ROOT,), bench.node.ports.clock, Chance())
    app = network_app(
        bench.peers, gate, bench.node.ports.clock, bench.node.ports.work, operators=(bench.api, people), limits=limits
    )
    async with bench.running(), anyio.create_task_group() as group:
        sock = bind_tcp("127.0.0.1", 0)
        server = WebServer([Listener((sock,), app, tls)], limits=limits)
        url = f"{'https' if tls else 'http'}://{host}:{sock.getsockname()[1]}"
        await group.start(server.serve)
        try:
            yield House(bench, app, url)
        finally:
            server.stop()
