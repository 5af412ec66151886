"""Commands that act on the running node: role control, mirror, runs, tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import anyio
import msgspec

from sitescope_fo.failover import machine
from sitescope_fo.failover.prober import MISS_KINDS
from sitescope_fo.failover.state import ProfileState
from sitescope_fo.mirror import history
from sitescope_fo.mirror.outcome import Failed, StagedShrink
from sitescope_fo.model import command as commands
from sitescope_fo.model import fact as facts
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Bad, Refused, Unreachable, Usage
from sitescope_fo.model.service import Who
from sitescope_fo.model.status import Position, Role
from sitescope_fo.node import certificate_commands, monitor_run, operator_commands, testing
from sitescope_fo.node.ha_commands import find_profile, refuse_role
from sitescope_fo.node.profile_watch import ProfileWatch

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


class Progress(Protocol):
    """Tells how far a command is: a share of 0 to 1, what is being done, and what has come of it so far."""

    def __call__(self, share: float, text: str, result: Any = None) -> None:  # noqa: ANN401  # as of a reply
        """Replaces what was told before."""
        ...


CHANGE_TIMEOUT_S = 90.0


class RoleControl:
    """Validates and carries out the commands of a running node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def apply(self, who: Who, body: commands.AnyCommand, progress: Progress) -> tuple[str, Any]:
        """(text, result) of one command. Raises SiteScopeError."""
        match body:
            case commands.Activate() | commands.Standby() | commands.Switchover():
                return await self._change(who, body, progress)
            case commands.HoldProfile() | commands.ReleaseProfile() | commands.UnlockProfile():
                return await self._condition(who, body)
            case commands.Mirror():
                return await self._mirror(body, progress)
            case commands.HistoryVerify():
                return await self._verify_history(body, progress)
            case commands.MonitorRun():
                return await monitor_run.apply(self._node, body)
            case commands.Ack() | commands.Unack() | commands.DowntimeAdd() | commands.DowntimeEnd():
                return await operator_commands.apply(self._node, who, body)
            case commands.Reload():
                return await self._reload()
            case _:
                return await self._test(body, progress)

    async def _test(self, body: commands.AnyCommand, progress: Progress) -> tuple[str, Any]:
        """Those that only try or look."""
        match body:
            case commands.MailTest():
                return await testing.mail_test(self._node, body.to)
            case commands.AlertTest():
                return await testing.alert_test(self._node, body.scope, body.name)
            case commands.ProfileTest():
                return await testing.profile_test(self._node, body.name, body.mail, progress)
            case commands.LwssoCheck():
                return await testing.lwsso_check(self._node, body.name)
            case commands.CertFetch():
                return await certificate_commands.fetch(body, self._node.ports.clock.wall())
            case _:
                raise Usage(f"{type(body).__name__} is no command of a running node", code="unknown_command")

    async def _reload(self) -> tuple[str, Any]:
        await self._node.own.refresh(forced=True)
        if problems := [p for rows in self._node.problems.values() for p in rows]:
            raise Bad(f"{len(problems)} problems; the last good configuration stays", where=problems[0].where)
        return "configuration read again", None

    # --- profiles ---------------------------------------------------------------------------------------------------

    def _state(self, name: str) -> ProfileState:
        refuse_role(self._node.role, Role.failover, self._node.world.host)
        find_profile(self._node.world.ha, name)
        state = self._node.profile_state(name)
        if state is None:
            raise Refused(f"The profile {name} is being added or removed", where=name, hint="Try again", code="busy")
        return state

    def _watch(self, name: str) -> ProfileWatch:
        self._state(name)
        watch = self._node.watches.get(name)
        if watch is None:
            raise Refused(f"The profile {name} is being added or removed", where=name, hint="Try again", code="busy")
        return watch

    @staticmethod
    def _hold_s(seconds: float) -> float:
        if not 0 < seconds <= commands.HOLD_LONGEST_S:
            raise Usage(
                f"A hold of {format_duration(seconds)} is out of range",
                where="--for",
                hint=f"At most {format_duration(commands.HOLD_LONGEST_S)}",
                code="bad_duration",
            )
        return seconds

    async def _condition(
        self, who: Who, body: commands.HoldProfile | commands.ReleaseProfile | commands.UnlockProfile
    ) -> tuple[str, Any]:
        fact, text = self._condition_fact(who, body)
        self._refuse(fact)
        await self._node.settle(fact)
        return f"{body.name}: {text}", self._result(self._state(body.name))

    def _condition_fact(
        self, who: Who, body: commands.HoldProfile | commands.ReleaseProfile | commands.UnlockProfile
    ) -> tuple[facts.ProfileFact, str]:
        name, by = body.name, who.name
        match body:
            case commands.HoldProfile():
                reason = body.reason.strip()
                if not reason:
                    raise Usage(
                        "A hold needs a reason", where="--reason", hint="Say why, for whoever is on call", code="no_reason"
                    )
                seconds = self._hold_s(body.for_s)
                return facts.HoldSet(profile=name, by=by, reason=reason, for_s=seconds), f"held for {format_duration(seconds)}"
            case commands.ReleaseProfile():
                return facts.HoldReleased(profile=name, by=by), "the hold is lifted"
            case commands.UnlockProfile():
                return facts.FlapUnlocked(profile=name, by=by), "the flap lock is lifted"

    def _refuse(self, fact: facts.ProfileFact) -> None:
        if error := machine.refusal(self._state(fact.profile), fact, self._node.ports.clock.now()):
            raise error

    def _result(self, state: ProfileState) -> dict[str, Any]:
        return {
            "profile": state.config.name,
            "state": state.shown,
            "position": state.position.value,
            "conditions": sorted(c.value for c in state.conditions),
            "term": state.journal.term,
        }

    def _order(self, who: Who, body: commands.Activate | commands.Standby | commands.Switchover) -> facts.ProfileFact:
        match body:
            case commands.Activate():
                return facts.ActivateAsked(profile=body.name, by=who.name)
            case commands.Standby():
                return facts.StandbyAsked(profile=body.name, by=who.name, force=body.force)
            case commands.Switchover():
                return facts.SwitchoverAsked(profile=body.name, by=who.name, for_s=self._hold_s(body.for_s))

    async def _change(
        self, who: Who, body: commands.Activate | commands.Standby | commands.Switchover, progress: Progress
    ) -> tuple[str, Any]:
        """Submits a role change and follows it to its end."""
        name, fact = body.name, self._order(who, body)
        wanted = {Position.standby} if isinstance(body, commands.Standby) else {Position.active}
        self._refuse(fact)
        before = self._state(name)
        await self._node.settle(fact)
        if self._state(name) == before:
            raise Refused("Nothing changed", where=name, hint="See `sitescope-fo status`", code="no_change")
        seen: list[str] = []
        with anyio.move_on_after(CHANGE_TIMEOUT_S):
            while (state := self._state(name)).position not in wanted:
                if seen and not _under_way(state, wanted):
                    raise Bad(
                        f"{name} is {state.shown} and not {' or '.join(sorted(wanted))}",
                        where=name,
                        hint=state.journal.last_transition.why if state.journal.last_transition else "",
                        code="role_change_failed",
                    )
                if seen[-1:] != [state.shown]:
                    seen.append(state.shown)
                    progress(min(0.9, 0.2 * len(seen)), f"{name}: {state.shown}")
                await self._node.writer.changed()
            return f"{name} is {state.shown}, term {state.journal.term}", self._result(state)
        state = self._state(name)
        raise Bad(
            f"{name} is still {state.shown} after {CHANGE_TIMEOUT_S:.0f} s",
            where=name,
            hint="It goes on; follow it with `sitescope-fo status`",
            code="role_change_slow",
        )

    async def _mirror(self, body: commands.Mirror, progress: Progress) -> tuple[str, Any]:
        watch = self._watch(body.name)
        progress(0.1, "asking the primary for its manifest")
        outcome = await watch.keeper.poke(full=not body.quick, accept=body.accept, progress=progress)
        if isinstance(outcome, Failed):
            kind = Unreachable if outcome.code in MISS_KINDS else Bad
            raise kind(outcome.what, where=outcome.where, hint=outcome.hint, code=outcome.code)
        if isinstance(outcome, StagedShrink):
            raise Refused(
                outcome.summary, where=body.name, hint=f"sitescope-fo mirror {body.name} --accept", code="mirror_shrinks"
            )
        result = {"profile": body.name, "revision": outcome.revision, "summary": outcome.summary}
        return f"{body.name}: {outcome.summary}", result

    async def _verify_history(self, body: commands.HistoryVerify, progress: Progress) -> tuple[str, Any]:
        """Looks at every one, also beyond a damaged one, and then says which those are."""
        watch = self._watch(body.name)
        names = [body.snapshot] if body.snapshot else [row.snapshot for row in await self._history(watch)]
        rows: list[Any] = []
        damaged: list[Bad] = []
        for at, name in enumerate(names):
            progress(at / len(names), name, tuple(rows))
            try:
                row = await self._node.ports.work.run_blocking(history.verify, watch.folder, name)
            except Bad as error:
                damaged.append(error)
            else:
                rows.append(msgspec.to_builtins(row))
        if len(damaged) == 1:
            raise damaged[0]
        if damaged:
            where = ", ".join(error.where for error in damaged)
            raise Bad(f"{len(damaged)} snapshots are damaged", where=where, hint=damaged[0].hint, code=damaged[0].code)
        return f"{body.name}: {len(rows)} snapshots are whole", rows

    async def _history(self, watch: ProfileWatch) -> tuple[history.HistoryRow, ...]:
        return await self._node.ports.work.run_blocking(history.list_history, watch.folder)


def _under_way(state: ProfileState, wanted: set[Position]) -> bool:
    if Position.active in wanted:
        return state.position in {Position.activating, Position.active} or (state.passive and state.live.asked_yield)
    return state.position in {Position.recovering, Position.handback}
