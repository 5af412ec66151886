"""Carries out the effects that the writer releases. What takes time runs in tasks and reports back in facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from sitescope_fo.engine.effects import Record, RunNote, VerifyError
from sitescope_fo.model import effect as effects
from sitescope_fo.model import wire
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import BootCheckAnswered, BootCheckFailed
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.status import Status
from sitescope_fo.node.hand_back import run_step

if TYPE_CHECKING:
    from sitescope_fo.model.config import Peer
    from sitescope_fo.node.core import Node

GOODBYE_TIMEOUT_S = 1.5
BOOT_CHECK_AGAIN_S = 1.0


def peer_address(peer: Peer) -> PeerAddress:
    """Where a failover is."""
    return PeerAddress(host=peer.host, port=peer.port, tls=peer.tls, node_id=peer.node_id)


class Executor:
    """The hands of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tasks: TaskGroup | None = None
        self._busy = 0
        self._quiet = anyio.Event()

    def start(self, tasks: TaskGroup) -> None:
        """Effects that take time run in `tasks` from now on."""
        self._tasks = tasks

    def spawn(self, fn: Callable[..., Awaitable[None]], *args: object) -> None:
        """Runs `fn(*args)` in the node's task group; `idle` waits for it."""
        self._go(fn, *args)

    async def idle(self) -> None:
        """Returns when nothing is being carried out."""
        while self._busy:
            await self._quiet.wait()

    def release(self, released: tuple[effects.Effect, ...]) -> None:
        """Carries out or starts each, in order."""
        for one in released:
            self._one(one)

    def _one(self, one: effects.Effect) -> None:
        node = self._node
        match one:
            case Record() | VerifyError() | RunNote():
                self._for_checks(one)
            case effects.LogEvent():
                node.records.event(
                    one.event, one.what, level=one.level, profile=one.profile, term=one.term, where=one.where, hint=one.hint
                )
            case effects.StartOwnMonitors():
                node.own.start_monitors()
            case effects.StopOwnMonitors():
                node.plan.remove("")
            case effects.AskFailovers():
                for peer in node.world.ha.peers:
                    if peer.accepted:
                        self._go(self._boot_check, peer, one.timeout_s)
            case effects.SendGoodbye():
                for peer in node.world.ha.peers:
                    if peer.accepted:
                        self._go(self._goodbye, peer, one.eta_s, one.why)
            case effects.ProfileEffect():
                self._for_profile(one)
            case _:
                node.records.event("unknown_effect", f"nobody carries out {type(one).__name__}", level="ERROR")

    def _for_checks(self, one: Record | VerifyError | RunNote) -> None:
        node = self._node
        match one:
            case Record():
                node.records.result(one.row)
                self._pace(one)
            case VerifyError():
                node.plan.verify(one.key, manual=one.manual)
            case RunNote():
                node.records.run(one.what, level="WARNING", hint=one.hint)

    def _pace(self, one: Record) -> None:
        if one.started_mono is None or one.row.unconfirmed:
            return
        key, in_error = MonitorKey(one.row.profile, one.row.monitor_id), one.row.status is Status.error
        self._node.plan.judged(key, in_error=in_error, started=one.started_mono, now=self._node.ports.clock.mono())

    def _for_profile(self, one: effects.ProfileEffect) -> None:
        watch = self._node.watches.get(one.profile)
        if watch is None:
            return
        match one:
            case effects.ProbeNow():
                watch.prober.poke()
            case effects.SampleGate():
                self._go(watch.sample_gate)
            case effects.PinWorking():
                self._go(watch.pin_working, one)
            case effects.StartMonitors():
                watch.start_monitors(ramp=one.ramp)
            case effects.SuspendMonitors():
                watch.suspend_monitors()
            case effects.AskYield():
                self._go(watch.ask_yield, one)
            case effects.RunStep():
                self._go(run_step, self._node, watch, one)
            case effects.RefreshMirror():
                watch.refresh_mirror()
            case _:
                self._node.records.event("unknown_effect", f"nobody carries out {type(one).__name__}", level="ERROR")

    def _go(self, fn: Callable[..., Awaitable[None]], *args: object) -> None:
        if self._tasks is None:
            raise RuntimeError("effects were released before the executor was started")
        self._busy += 1
        self._tasks.start_soon(self._counted, fn, args)

    async def _counted(self, fn: Callable[..., Awaitable[None]], args: tuple[object, ...]) -> None:
        try:
            await self._node.supervisor.once(fn.__qualname__, fn, *args)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()
                self._quiet = anyio.Event()

    async def _boot_check(self, peer: Peer, timeout_s: float) -> None:
        """Asks each second until the first answer: one lost or slow answer must not make two nodes run."""
        side = self._node.primary_side()
        body = wire.BootCheck(node_id=self._node.node_id, boot_id=self._node.boot_id, term=side.journal.term if side else 0)
        with anyio.move_on_after(timeout_s):
            async with anyio.create_task_group() as tries:
                while True:
                    tries.start_soon(self._ask_once, peer, body, timeout_s, tries)
                    await anyio.sleep(BOOT_CHECK_AGAIN_S)

    async def _ask_once(self, peer: Peer, body: wire.BootCheck, timeout_s: float, tries: TaskGroup) -> None:
        node = self._node
        try:
            reply = await node.ports.client.request(
                peer_address(peer), "POST", wire.BOOT_CHECK, wire.encode(body), timeout_s=timeout_s
            )
            answer = wire.decode(reply.body, wire.BootCheckReply)
        except SiteScopeError as error:
            node.submit(BootCheckFailed(peer=peer.node_id, what=str(error)))
            return
        node.submit(
            BootCheckAnswered(
                peer=peer.node_id,
                active=answer.active,
                term=answer.term,
                yield_for_s=answer.yield_for_s,
                profile=answer.profile,
            )
        )
        tries.cancel_scope.cancel()

    async def _goodbye(self, peer: Peer, eta_s: float, why: str) -> None:
        node = self._node
        body = wire.GoodbyeNotice(node_id=node.node_id, boot_id=node.boot_id, eta_s=eta_s, why=why)
        try:
            await node.ports.client.request(
                peer_address(peer), "POST", wire.GOODBYE, wire.encode(body), timeout_s=GOODBYE_TIMEOUT_S
            )
        except SiteScopeError as error:
            node.records.event("goodbye_not_heard", str(error), level="WARNING", where=f"{peer.host}:{peer.port}")
