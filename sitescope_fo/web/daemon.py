"""The daemon: one node with its doors, in the foreground.

Builds the ports of this machine, the node, the TCP listener for peers and the unix socket for operators, and runs them in
one task group until SIGTERM or SIGINT. SIGHUP reads the configuration again.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.peer import HttpPeerClient
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.monitor import Monitor
from sitescope_fo.monitors.icmp import Echo
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.runner import LiveChecks
from sitescope_fo.node.batcher import Batcher
from sitescope_fo.node.core import Node
from sitescope_fo.node.event_loop import running_loop, wants_uvloop
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.needs import Ports
from sitescope_fo.node.operator_api import OperatorApi
from sitescope_fo.node.peer_api import PeerApi
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.randomness import SystemRandomness
from sitescope_fo.node.ports.reference import NetworkReferencePoints
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.node.records import Records
from sitescope_fo.node.sd_notify import SdNotify
from sitescope_fo.node.settings import load_settings
from sitescope_fo.node.setup import current_user
from sitescope_fo.notify.smtp import SmtpMailer
from sitescope_fo.security.gate import Gate
from sitescope_fo.security.local_socket import bind_local
from sitescope_fo.security.tls import client_context, server_context
from sitescope_fo.store.files import write_atomic
from sitescope_fo.store.home import Home, open_home
from sitescope_fo.store.lock import acquire
from sitescope_fo.web.app import local_app, network_app
from sitescope_fo.web.server import Listener, WebServer, bind_all

CRASHED = 70
COLLECT = (5_000, 10, 50)
"""Thresholds of the collector: a reload of 10,000 monitors makes 300,000 objects that live on, and with the default of 700 it was
looked through whole (25 ms) several times meanwhile."""
STOP_LIMIT_S = 4.5
"""A stop takes less than five seconds, whatever hangs."""


def main(root: Path) -> int:
    """Runs the node of the home at `root` until it is told to stop. Raises SiteScopeError when it cannot start."""
    gc.disable()  # until the heap that stays is built: see _live
    home = open_home(root)
    uvloop = wants_uvloop(os.environ)
    lock = acquire(home)
    faulthandler.enable()
    try:
        anyio.run(run_daemon, home, backend="asyncio", backend_options={"use_uvloop": uvloop})
    except* SiteScopeError as group:
        raise _first(group) from None
    except* Exception as group:  # noqa: BLE001  # the supervisor of last resort: it says what broke, without locals, and ends
        _note_crash(home, group)
    else:
        return 0
    finally:
        lock.release()
    return CRASHED


def _first(group: BaseExceptionGroup[SiteScopeError]) -> SiteScopeError:
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    if not isinstance(leaf, SiteScopeError):
        raise TypeError(leaf)
    return leaf


def _note_crash(home: Home, group: BaseException) -> None:
    text = "".join(traceback.format_exception(group, limit=20))
    clock = SystemClock()
    with home.error_log.open("a", encoding="utf-8") as log:
        log.write(f"{clock.local(clock.wall()).isoformat()} ERROR event=crash\n{text}\n")
    print(f"error: the node crashed ({home.error_log}). Please report the lines at its end", file=sys.stderr)  # noqa: T201


async def run_daemon(home: Home) -> None:
    """The daemon inside its event loop."""
    clock, work, chance = SystemClock(), ThreadWork(), SystemRandomness()
    config, ha = load_settings(home)
    ring = await KeyRing.open(home, work)
    registry = Registry()
    tls = await work.run_blocking(client_context, home.certificates) if config.tls else None
    addresses = home.high_availability / "addresses.json"
    kept: Batcher[bytes] = Batcher(
        lambda found: write_atomic(addresses, found[-1]),
        work,
        "addresses",
        every_s=1.0,
        trouble=lambda why: node.records.run(f"the addresses of peers are not kept: {why}", level="WARNING"),
    )
    book = AddressBook(clock, addresses.read_bytes() if addresses.is_file() else b"", changed=kept.add)
    client = HttpPeerClient(ha.node_id, ring.roots, clock, chance, work, book, tls=tls, skew_s=config.clock_skew_s)
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
        book_signature=registry.signature,
        breathe=work.breathe,
        plugin_problems=lambda: registry.problems,
        user=current_user(),
        pid=os.getpid(),
    )
    node = Node(home, config, ha, ports, host=ha.failover_host or config.host or socket.gethostname())
    broken.records = node.records
    logging.getLogger("uvicorn.error").addHandler(ToErrorLog(node.records))
    gate = Gate(ha.node_id, ring.roots, clock, chance, skew_s=config.clock_skew_s)
    local = bind_local(home)
    try:
        server_tls = await work.run_blocking(server_context, home.certificates) if config.tls else None
        network = Listener(
            sockets=bind_all(config.bind, config.port), app=network_app(PeerApi(node), gate, clock, work), tls=server_tls
        )
        server = WebServer([network, Listener(sockets=(local.sock,), app=local_app(OperatorApi(node), clock))])
        await _live(node, server, SdNotify(os.environ), kept)
    finally:
        local.remove()
        with anyio.CancelScope(shield=True):
            await client.aclose()
            await checks.aclose()
        echo.close()


async def _live(node: Node, server: WebServer, notify: SdNotify, kept: Batcher[bytes]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_obey_signals, node, server, notify, tasks)
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


class ToErrorLog(logging.Handler):
    """Puts what the web server has to say (bugs behind a route, with their frames) into error.log, and never on the terminal."""

    def __init__(self, records: Records) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        """One message."""
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__)[-5:] if error is not None else []
        where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
        what = f"{record.getMessage()}: {type(error).__name__}: {error}" if error is not None else record.getMessage()
        self._records.event("web_server", what, level="ERROR", where=where)


class BrokenTypes:
    """Passes defects of monitor types on to the log, once there is one."""

    records: Records | None = None

    def tell(self, monitor: Monitor, error: Exception) -> None:
        """One defect."""
        if self.records is not None:
            what = f"the monitor type {monitor.type} is broken: {type(error).__name__}: {error}"
            self.records.event("monitor_type_broken", what, level="ERROR", where=monitor.path)


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


def _end_at_last() -> None:
    """Ends the process even when a thread still waits for a mail server or a disk. By then all that must survive is written."""
    timer = threading.Timer(STOP_LIMIT_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


async def _obey_signals(node: Node, server: WebServer, notify: SdNotify, tasks: TaskGroup) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                node.own.reload()
                continue
            _end_at_last()
            notify.send(STOPPING=1, STATUS="stopping")
            node.records.run(f"stopping on {signal.Signals(number).name}")
            await node.stop_cleanly(f"stopped by {signal.Signals(number).name}", node.world.config.goodbye_s)
            server.stop()
            tasks.cancel_scope.cancel()
            return
