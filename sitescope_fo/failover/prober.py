"""Watches one primary: sends health requests on time and turns what comes back, or does not, into facts.

Each probe stands alone: at the soft time-out it is reported as missed, and a reply that still comes before the hard time-out is
reported too, with the time the request was sent. Probes go out on their rhythm whatever the earlier ones do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from sitescope_fo.failover.state import ProfileState
from sitescope_fo.model import wire
from sitescope_fo.model.errors import SiteScopeError, Unreachable, Unverifiable
from sitescope_fo.model.fact import Fact, ProbeAnswered, ProbeMissed, ProbeUnverifiable
from sitescope_fo.model.ports import Clock, PeerAddress, PeerClient, PeerReply
from sitescope_fo.model.status import Role
from sitescope_fo.security.lwsso import ClockSkew

MOST_IN_FLIGHT = 16
MISS_KINDS = frozenset({"timeout", "refused", "unresolved", "reset", "unreachable", "foreign"})
SCHEDULER_STALLED_S = 10.0
"""A primary whose scheduler has not finished anything for longer admits stalled work (failover design, 'Degraded')."""

Heard = Callable[[wire.Health, PeerReply], Awaitable[None]]
Passes = Callable[[wire.Health], bool]
"""Whether this node passes the checks that a reply admits to fail."""


def stalled_work(health: wire.Health) -> str:
    """What stalled work a reply admits, in words; "" when none."""
    if health.scheduler_age_s > SCHEDULER_STALLED_S:
        return f"its scheduler finished nothing for {health.scheduler_age_s:.0f} s"
    if health.outbox_stuck:
        return f"its outbox is stuck: {health.outbox_depth} mails, the oldest {health.outbox_age_s:.0f} s old"
    return "its disk is full" if health.disk_full else ""


def address_of(state: ProfileState) -> PeerAddress:
    """Where the profile's primary is."""
    config = state.config
    return PeerAddress(host=config.primary_host, port=config.primary_port, tls=config.tls, node_id=config.node_id)


class Prober:
    """The probes of one profile. `run` until cancelled; `poke` sends one at once."""

    def __init__(
        self,
        client: PeerClient,
        clock: Clock,
        submit: Callable[[Fact], None],
        state: Callable[[], ProfileState | None],
        heard: Heard,
        passes: Passes,
    ) -> None:
        self._client, self._clock, self._submit = client, clock, submit
        self._state, self._heard, self._passes = state, heard, passes
        self._wake = anyio.Event()
        self._in_flight = 0

    def poke(self) -> None:
        """Sends a probe now, and looks at the rhythm again."""
        self._wake.set()

    async def run(self) -> None:
        """Probes for ever."""
        async with anyio.create_task_group() as tasks:
            while (state := self._state()) is not None:
                if state.live.window_open and self._in_flight < MOST_IN_FLIGHT:
                    tasks.start_soon(self._probe, state, tasks)
                await self._pause(state.probe_every_s)

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._wake.wait()
        self._wake = anyio.Event()

    async def _probe(self, state: ProfileState, tasks: TaskGroup) -> None:
        timing, name = state.config.timing, state.config.name
        sent = self._clock.mono()
        answered = anyio.Event()
        self._in_flight += 1
        tasks.start_soon(self._miss_when_silent, name, sent, timing.soft_timeout_s, answered)
        try:
            reply = await self._client.request(address_of(state), "GET", wire.HEALTH, timeout_s=timing.hard_timeout_s)
            health = wire.decode(reply.body, wire.Health)
        except Unverifiable as error:
            skew_s = error.skew_s if isinstance(error, ClockSkew) else None
            self._submit(ProbeUnverifiable(profile=name, sent_mono=sent, code=error.code, detail=str(error), skew_s=skew_s))
        except Unreachable as error:
            self._missed(name, sent, error, timing.soft_timeout_s)
        except SiteScopeError as error:
            self._submit(ProbeUnverifiable(profile=name, sent_mono=sent, code=error.code, detail=str(error)))
        else:
            await self._answered(state, health, reply, sent)
        finally:
            answered.set()
            self._in_flight -= 1

    async def _miss_when_silent(self, name: str, sent: float, soft_s: float, answered: anyio.Event) -> None:
        with anyio.move_on_after(soft_s):
            await answered.wait()
        if not answered.is_set():
            self._submit(ProbeMissed(profile=name, sent_mono=sent, kind="timeout", detail=f"no answer within {soft_s:g} s"))

    def _missed(self, name: str, sent: float, error: Unreachable, soft_s: float) -> None:
        if self._clock.mono() - sent >= soft_s:
            return  # reported at the soft time-out
        kind = error.code if error.code in MISS_KINDS else "unreachable"
        self._submit(ProbeMissed(profile=name, sent_mono=sent, kind=kind, detail=str(error)))  # type: ignore[arg-type]

    async def _answered(self, state: ProfileState, health: wire.Health, reply: PeerReply, sent: float) -> None:
        name, bound = state.config.name, state.config.node_id
        if health.role is not Role.primary:
            what = f"the node at {state.config.primary_host}:{state.config.primary_port} is a failover, not a primary"
            self._submit(ProbeUnverifiable(profile=name, sent_mono=sent, code="wrong_role", detail=what))
            return
        if bound and health.node_id != bound:
            what = f"node {health.node_id} answers at this address; the profile is bound to {bound}"
            self._submit(ProbeUnverifiable(profile=name, sent_mono=sent, code="wrong_identity", detail=what))
            return
        took = self._clock.mono() - sent
        self._submit(
            ProbeAnswered(
                profile=name,
                sent_mono=sent,
                round_trip_s=took,
                node_id=health.node_id,
                boot_id=health.boot_id,
                state=health.state,
                term=health.term,
                scheduler_age_s=health.scheduler_age_s,
                late=took > state.config.timing.soft_timeout_s,
                stalled=stalled_work(health),
                same_check_passes_here=self._passes(health),
                version=health.version,
                skew_s=reply.skew_s,
            )
        )
        await self._heard(health, reply)
