"""One node with its doors: the ports of this machine, the node, the TCP listener for peers and the unix socket for operators.

The same coroutine runs headless on the main thread (`web/daemon.py`) and under a console on a thread of its own
(`console/host.py`). What is different is who oversees it: somebody else obeys the signals.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import anyio
from anyio.abc import TaskGroup

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.peer import HttpPeerClient
from sitescope_fo.model.config import NodeConfig
from sitescope_fo.monitors.icmp import Echo
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.runner import LiveChecks
from sitescope_fo.node.batcher import Batcher
from sitescope_fo.node.core import Node
from sitescope_fo.node.event_loop import running_loop
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.needs import Ports
from sitescope_fo.node.operator_api import OperatorApi
from sitescope_fo.node.peer_api import PeerApi
from sitescope_fo.node.people import People
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.look import NetworkLook
from sitescope_fo.node.ports.randomness import SystemRandomness
from sitescope_fo.node.ports.reference import NetworkReferencePoints
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.node.sd_notify import SdNotify
from sitescope_fo.node.settings import load_settings
from sitescope_fo.node.setup import current_user
from sitescope_fo.notify.smtp import SmtpMailer
from sitescope_fo.security.gate import Gate
from sitescope_fo.security.local_socket import bind_local
from sitescope_fo.security.tls_in_force import TlsInForce
from sitescope_fo.store.files import write_atomic
from sitescope_fo.store.home import Home
from sitescope_fo.web.app import local_app, network_app
from sitescope_fo.web.faults import BrokenTypes, ToErrorLog
from sitescope_fo.web.server import Listener, WebServer, bind_all

COLLECT = (5_000, 10, 50)
"""Thresholds of the collector: a reload of 10,000 monitors makes 300,000 objects that live on, and with the default of 700 it was
looked through whole (25 ms) several times meanwhile."""


class Service:
    """A node with its doors, as whoever oversees it sees it. Only for the loop it runs on."""

    def __init__(self, node: Node, api: OperatorApi, server: WebServer, notify: SdNotify, tasks: TaskGroup) -> None:
        self.api = api
        self.tasks = tasks
        """What is started here ends with the node."""
        self._node, self._server, self._notify = node, server, notify

    @property
    def config(self) -> NodeConfig:
        """The settings in force."""
        return self._node.world.config

    def note(self, what: str) -> None:
        """One line of run.log."""
        self._node.records.run(what)

    def reload(self) -> None:
        """Reads the configuration again."""
        self._node.own.reload()

    async def stop(self, by: str) -> None:
        """Says goodbye to the peers, gives running checks and mails a moment, and ends the service. `by`: such as SIGTERM."""
        self._notify.send(STOPPING=1, STATUS="stopping")
        self.note(f"stopping on {by}")
        await self._node.stop_cleanly(f"stopped by {by}", self._node.world.config.goodbye_s)
        self._server.stop()
        self.tasks.cancel_scope.cancel()


Overseer = Callable[[Service], Coroutine[Any, Any, None]]
"""Who tells a service to reload and to stop. It runs from the moment on at which there is something to stop."""


async def run_service(home: Home, oversee: Overseer) -> None:
    """Runs the node of a home until its overseer stops it. Raises SiteScopeError when it cannot start."""
    clock, work, chance = SystemClock(), ThreadWork(), SystemRandomness()
    config, ha = load_settings(home)
    ring = await KeyRing.open(home, work)
    registry = Registry()
    tls = await work.run_blocking(TlsInForce, home.certificates) if config.tls else None
    addresses = home.high_availability / "addresses.json"
    kept: Batcher[bytes] = Batcher(
        lambda found: write_atomic(addresses, found[-1]),
        work,
        "addresses",
        every_s=1.0,
        trouble=lambda why: node.records.run(f"the addresses of peers are not kept: {why}", level="WARNING"),
    )
    book = AddressBook(clock, addresses.read_bytes() if addresses.is_file() else b"", changed=kept.add)
    calls = (tls.client, tls.trusted) if tls is not None else None
    client = HttpPeerClient(ha.node_id, ring.roots, clock, chance, work, book, tls=calls, skew_s=config.clock_skew_s)
    broken = BrokenTypes()
    checks = LiveChecks(registry, clock, on_internal_error=broken.tell)
    echo = Echo(clock)
    ports = Ports(
        clock=clock,
        work=work,
        randomness=chance,
        checks=checks,
        mailer=SmtpMailer(work, clock),
        client=client,
        references=NetworkReferencePoints(_echo_with(echo)),
        book=registry,
        secrets_for=ring.secrets_for,
        disk_free=lambda: shutil.disk_usage(home.root).free,
        keys=ring,
        look=NetworkLook(clock, work, home.certificates),
        book_signature=registry.signature,
        breathe=work.breathe,
        renew_tls=lambda: _renewed(tls),
        answered_with=lambda: _used(client.root_of, gate.root_of),
        plugin_problems=lambda: registry.problems,
        user=current_user(),
        pid=os.getpid(),
    )
    node = Node(home, config, ha, ports, host=ha.failover_host or config.host or socket.gethostname())
    broken.records = node.records
    logging.getLogger("uvicorn.error").addHandler(ToErrorLog(node.records))
    gate = Gate(ha.node_id, ring.roots, clock, chance, skew_s=config.clock_skew_s)
    local = bind_local(home)
    api = OperatorApi(node)
    try:
        network = Listener(
            sockets=bind_all(config.bind, config.port),
            app=network_app(PeerApi(node), gate, clock, work, operators=(api, People(node))),
            tls=tls.server if tls is not None else None,
        )
        server = WebServer([network, Listener(sockets=(local.sock,), app=local_app(api, clock))])
        await _live(node, api, server, kept, oversee)
    finally:
        local.remove()
        with anyio.CancelScope(shield=True):
            await client.aclose()
            await checks.aclose()
        echo.close()


async def _live(node: Node, api: OperatorApi, server: WebServer, kept: Batcher[bytes], oversee: Overseer) -> None:
    notify = SdNotify(os.environ)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(oversee, Service(node, api, server, notify, tasks))
        await tasks.start(server.serve)
        await tasks.start(node.run)
        # What is loaded now stays: the collector need not look through it again and again (40 ms a time with 10,000 monitors, in
        # which nothing else runs), and loading takes a third less without it.
        gc.freeze()
        gc.set_threshold(*COLLECT)
        gc.enable()
        started = f"started, pid {os.getpid()}, port {node.world.config.port}, on {running_loop()}"
        node.records.run(f"{node.role.value} {node.node_id} {started}")
        notify.send(READY=1, STATUS=_status(node))
        tasks.start_soon(_keep_telling, node, notify)
        tasks.start_soon(node.supervisor.forever, "the address book", kept.run)


def _used(*sides: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {peer: tuple(side[peer] for side in sides if peer in side) for peer in set().union(*sides)}


def _renewed(tls: TlsInForce | None) -> bool:
    if tls is not None:
        tls.renew()
    return tls is not None


def _echo_with(echo: Echo) -> Callable[[str, float], Awaitable[bool]]:
    async def answers(host: str, timeout_s: float) -> bool:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with anyio.fail_after(timeout_s):
                await echo.send(family, host)
        except (OSError, TimeoutError):
            return False
        return True

    return answers


def _status(node: Node) -> str:
    side = node.primary_side()
    if side is not None:
        return f"primary, {side.state.value}"
    shown = ", ".join(f"{state.config.name}: {state.shown}" for state in node.profile_states())
    return f"failover, {shown or 'no profile yet'}"


async def _keep_telling(node: Node, notify: SdNotify) -> None:
    """STATUS when it changes; WATCHDOG only while the writer gets on."""
    told = ""
    every = notify.watchdog_every_s or 1.0
    while True:
        text = _status(node)
        if text != told:
            notify.send(STATUS=text)
            told = text
        if notify.watchdog_every_s and node.ports.clock.mono() - node.writer.last_tick < 2 * every:
            notify.send(WATCHDOG=1)
        await anyio.sleep(every)
