"""A Node in this process on asyncio: a real home and store, threads for blocking work, and ports that tests hold in their hands.

Pairs in virtual time live in tests/simulation; here one looks at one node, or at two joined by a cable.
"""

from contextlib import asynccontextmanager

import anyio

from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.errors import SiteScopeError, Unreachable, from_body
from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.model.ports import Greeting, PeerReply, TlsSight
from sitescope_fo.model.service import Level, Who
from sitescope_fo.model.status import Role
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.node.core import Node, Ports
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.operator_api import OperatorApi
from sitescope_fo.node.peer_api import PeerApi
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.randomness import SystemRandomness
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.security.keys import load_keys, new_keys, save_keys
from sitescope_fo.store.config_toml import load_ha_config, load_node_config, save_ha_config, set_node_value
from sitescope_fo.store.home import create_home
from sitescope_fo.store.textlog import TextLog

PATIENCE_S = 15
BOOK = Registry()
ROOT = Who(name="unix:0", level=Level.administrator)
TIMING = {"check_every_s": 0.1, "soft_timeout_s": 0.4, "hard_timeout_s": 0.8, "activate_after_s": 1.0, "stable_for_s": 1.0}


def make_home(folder, role, *, ha=None, port=8080):
    """A home with keys below `folder`; `ha` changes its ha.config.toml."""
    home = create_home(
        folder / role.value / "SiteScope",
        role=role,
        port=port,
        tls=False,
        host=role.value,
        node_id=f"{role.value}-1",
        force=False,
        wall=1_795_341_600.0,
    )
    save_keys(home.keys, new_keys())
    set_node_value(home, "files.watch_every", "100ms")
    set_node_value(home, "pair.boot_check", "off")
    if ha is not None:
        save_ha_config(home, ha(load_ha_config(home)))
    return home


def group_file(home, group, *monitors, frequency="1h"):
    """Writes a group of port monitors and gives its path. What they are is for `HandChecks` to say."""
    text = f'[group]\nname = "{group}"\n'
    for name in monitors:
        text += f'[[monitor]]\ntype = "port"\nname = "{name}"\nfrequency = "{frequency}"\n'
        text += f'settings = {{ host = "{name.lower()}.example", port = 80 }}\n'
    path = home.groups / group / "group.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


class HandChecks:
    """Each check is good at once, unless `held`: then it ends when `release` is called. Those of the names in `down` fail."""

    def __init__(self):
        self.started = []
        self.down = set()
        self.held = False
        self._go = anyio.Event()

    def release(self):
        self._go.set()

    async def run(self, monitor, *, home):
        self.started.append(monitor.name)
        if self.held:
            await self._go.wait()
        if monitor.name in self.down:
            return CheckResult(failure="refused", summary="connection refused", duration_s=0.001)
        return CheckResult(values={"round_trip_time": 0.001}, summary="open", duration_s=0.001)


class Letterbox:
    """Takes every message; with `refuses` set, raises that. `troubles` are what the servers answer to a greeting, by host."""

    def __init__(self):
        self.sent = []
        self.refuses = None
        self.troubles = {}

    async def greet(self, settings):
        return tuple(Greeting(server=server.host, trouble=self.troubles.get(server.host, "")) for server in settings.servers)

    async def send(self, settings, message):
        if self.refuses is not None:
            raise self.refuses
        self.sent.append(message)
        return settings.servers[0].host


class Cable:
    """Joins nodes by host name. `cut` names what does not answer; a callable in `instead` answers for a host."""

    def __init__(self):
        self.nodes, self.cut, self.instead, self.skew_s, self.asked = {}, set(), {}, 0.0, []

    def client(self, own):
        return _End(self, own)


class _End:
    def __init__(self, cable, own):
        self._cable, self._own = cable, own

    async def request(self, peer, method, path, body=b"", *, timeout_s, etag=""):
        cable = self._cable
        cable.asked.append((self._own, peer.host, method, path))
        await anyio.lowlevel.checkpoint()
        if peer.host in cable.instead:
            return cable.instead[peer.host](method, path, body)
        there = cable.nodes.get(peer.host)
        if there is None or peer.host in cable.cut or self._own in cable.cut or not there.node.running:
            raise Unreachable("Nothing listens there", where=f"{peer.host}:{peer.port}", code="refused")
        try:
            answer = await there.peers.answer(self._own, method, path, body, etag)
        except SiteScopeError as error:
            raise from_body(error.body()) from error
        return PeerReply(
            status=answer.status, body=answer.body, etag=answer.etag, skew_s=cable.skew_s, peer_id=there.node.node_id
        )


class HandLook:
    """Every name but those of `.invalid` leads to two addresses; `closed` ports take no connection; `sight` is what TLS shows."""

    def __init__(self):
        self.closed = set()
        self.sight = None

    async def resolve(self, host):
        if host.endswith(".invalid"):
            raise Unreachable(f"{host} does not resolve: Name or service not known", code="unresolved")
        return "192.0.2.1", "192.0.2.2"

    async def connect(self, address, port, timeout_s):
        if address in self.closed:
            raise Unreachable(f"no connection to {address}:{port}: Connection refused", code="refused")
        return 0.003

    async def handshake(self, address, port, host, timeout_s):
        if self.sight is None:
            raise Unreachable(f"no TLS at {address}:{port}: wrong version number", code="no_tls")
        return self.sight


def sight(*names, **fields):
    """What a good certificate for `names` shows."""
    shown = {"version": "TLSv1.3", "not_after": 4_000_000_000.0, "fingerprint": "ab" * 32}
    return TlsSight(names=names, **(shown | fields))


class Points:
    """Reference points: as many asked and answering as the test says."""

    asked, answered, own = 4, 4, False

    async def sample(self, targets, primary_host):
        return self.asked, self.answered

    def is_own_address(self, host):
        return self.own


class Bench:
    """One node over a home, not yet running, and the hands on its ports."""

    def __init__(self, home, cable=None, *, work=None, clock=None):
        self.home = home
        self.checks, self.mail, self.points, self.look = HandChecks(), Letterbox(), Points(), HandLook()
        self.cable = cable or Cable()
        config, ha = load_node_config(home), load_ha_config(home)
        ring = KeyRing(home, load_keys(home.keys))
        self.disk_free = 10 * 1024**3
        self.plugin_problems = ()
        ports = Ports(
            clock=clock or SystemClock(),
            work=work or ThreadWork(),
            randomness=SystemRandomness(),
            checks=self.checks,
            mailer=self.mail,
            client=self.cable.client(ha.node_id),
            references=self.points,
            look=self.look,
            book=BOOK,
            secrets_for=ring.secrets_for,
            disk_free=lambda: self.disk_free,
            keys=ring,
            plugin_problems=lambda: self.plugin_problems,
            user="sitescope",
            pid=1,
        )
        self.node = Node(home, config, ha, ports, host=config.host)
        self.peers, self.api = PeerApi(self.node), OperatorApi(self.node)
        self.cable.nodes[config.host] = self
        self._ids = 0

    @asynccontextmanager
    async def running(self):
        """The node runs inside the block; afterwards it is cancelled, as by kill -9 that spares the disk."""
        async with anyio.create_task_group() as tasks:
            with anyio.fail_after(PATIENCE_S):
                await tasks.start(self.node.run)
            yield self
            tasks.cancel_scope.cancel()

    async def submit(self, body, *, who=ROOT, named="", wait_s=30.0):
        """The reply to a command."""
        self._ids += 1
        with anyio.fail_after(PATIENCE_S):
            return await self.api.submit(who, CommandRequest(id=named or f"command-{self._ids}", body=body, wait_s=wait_s))

    async def do(self, body):
        """The reply to a command that must be done."""
        reply = await self.submit(body)
        assert reply.outcome == "done", reply
        return reply

    async def refused(self, body):
        """The error of a command that must not be done."""
        reply = await self.submit(body)
        assert reply.outcome in {"refused", "failed"}, reply
        assert reply.error.what, reply
        return reply.error

    async def ask(self, query, **params):
        """The answer of a query."""
        return await self.api.query(ROOT, query, params)

    async def status(self):
        return await self.ask("status")

    async def profile(self, name="prod"):
        return next(p for p in (await self.status())["profiles"] if p["name"] == name)

    async def until(self, look, what):
        """Returns the first true value of `look()`, which may be async; looks after each change of state."""
        try:
            with anyio.fail_after(PATIENCE_S):
                while True:
                    found = look()
                    found = await found if hasattr(found, "__await__") else found
                    if found:
                        return found
                    with anyio.move_on_after(0.05):
                        await self.node.writer.changed()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; {await self.events()}") from None

    async def events(self, log="high_availability"):
        """The lines of a text log."""
        await self.node.records.drain()
        return list(self.node.records.logs[log].tail(200).lines)

    async def said(self, event):
        """The first line of high_availability.log with that event, "" when there is none."""
        return next((line for line in await self.events() if f"event={event} " in line), "")


def log_lines(path):
    """A text log of a node that does not run."""
    return list(TextLog(path).tail(200).lines)


@asynccontextmanager
async def protected_pair(folder, *monitors, **profile):
    """A primary and a failover in standby with its mirror, joined by a cable; `profile` are fields of ProfileAdd."""
    cable = Cable()
    home = make_home(folder, Role.primary)
    group_file(home, "Web", *(monitors or ("Home", "Shop")))
    primary = Bench(home, cable)
    failover = Bench(make_home(folder, Role.failover), cable)
    async with primary.running(), failover.running():
        await failover.do(
            commands.ProfileAdd(name="prod", primary_host="primary", **{"preset": "fast", **TIMING, "backups": 2, **profile})
        )

        async def fit():
            part = await failover.profile()
            return part["mirror"]["verified"] and part["state"] == "standby" and part["primary"]["state"] == "running"

        await failover.until(fit, "a protected profile")
        yield primary, failover


async def take_over(primary, failover):
    """Cuts the cable to the primary and waits until the failover acts and has checked everything once."""
    failover.cable.cut.add("primary")
    await failover.until(lambda: failover.node.profile_state("prod").position == "active", "the takeover")
