"""The one decision of a node: which pure function judges which fact, and what its effects mean for state.

Role mails become outbox items and alert re-judgements become ledger-checked mails here, so that they are durable in the same
transaction as the decision they follow from.
"""

from __future__ import annotations

from collections.abc import Callable

from sitescope_fo.engine import alerting, exchange, judging, operator_state, run_notes, told
from sitescope_fo.engine.calendar import Calendars
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.state import MONITOR, PRIMARY, PROFILE
from sitescope_fo.failover import machine, primary, timeline
from sitescope_fo.failover.state import PrimarySide, ProfileState
from sitescope_fo.model import fact as facts
from sitescope_fo.model.effect import Effect, RejudgeAlerts, RoleMail
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Role
from sitescope_fo.node.world import World
from sitescope_fo.notify import outbox

OWN = Cell(PRIMARY)

_EVERY_MACHINE = (
    facts.Tick,
    facts.NodeStarted,
    facts.LoopGap,
    facts.LoopLate,
    facts.StoreFailed,
    facts.StoreRecovered,
    facts.StopAsked,
)
_PRIMARY_SIDE = (
    facts.PeersListed,
    facts.BootCheckAnswered,
    facts.BootCheckFailed,
    facts.YieldAsked,
    facts.RunAsked,
    facts.PeerHeard,
)


class Decider:
    """Holds the current world and decides facts over it. `decide` is a pure function of (world, calendars, cells, fact, now)."""

    def __init__(self, world: Callable[[], World], calendars: Calendars) -> None:
        self._world, self._calendars = world, calendars

    def decide(self, cells: Cells, fact: facts.Fact, now: Now) -> Decision:
        """The decision on one fact."""
        decision = self._route(cells, fact, now)
        mails = [e for e in decision.effects if isinstance(e, RoleMail | RejudgeAlerts)]
        if not mails:
            return decision
        others = tuple(e for e in decision.effects if not isinstance(e, RoleMail | RejudgeAlerts))
        return self._with_mails(cells, Decision(decision.changes, others), mails, now)

    def wake(self, cells: Cells, now: Now) -> float:
        """When the next deadline of any machine falls, on the boot-time clock."""
        side: PrimarySide | None = cells.get(OWN)
        times = [machine.next_wake(state, now) for state in cells.of(PROFILE).values()]
        if side is not None:
            times.append(primary.next_wake(side, now))
        return min(times, default=float("inf"))

    def _route(self, cells: Cells, fact: facts.Fact, now: Now) -> Decision:
        if isinstance(fact, _EVERY_MACHINE):
            decision = self._primary(cells, fact, now)
            for name in cells.of(PROFILE):
                decision = decision.then(self._profile(cells, name, fact, now))
            return decision
        if isinstance(fact, _PRIMARY_SIDE):
            return self._primary(cells, fact, now)
        if isinstance(fact, facts.ProfileFact):
            return self._profile(cells, fact.profile, fact, now)
        return self._engine(cells, fact, now)

    def _primary(self, cells: Cells, fact: facts.Fact, now: Now) -> Decision:
        side: PrimarySide | None = cells.get(OWN)
        if side is None:
            return NOTHING
        after, effects = primary.decide(side, fact, now)
        decision = Decision({} if after is side else {OWN: after}, effects).then(
            timeline.on_primary(cells, side, after, fact, now)
        )
        return decision.then(_hand_over_mails(cells, "", side.may_check, after.may_check))

    def _profile(self, cells: Cells, name: str, fact: facts.Fact, now: Now) -> Decision:
        cell = Cell(PROFILE, name)
        if isinstance(fact, facts.ProfileRemoved):
            forgotten = alerting.forget_profile(cells, name).then(operator_state.forget_all(cells, name))
            told_of = told.forget_removed(cells, Catalogue(), name)
            return forgotten.then(told_of).then(timeline.forget(cells, name)).then(Decision({cell: None}))
        state: ProfileState | None = cells.get(cell)
        if state is None:
            if not isinstance(fact, facts.ProfileSet):
                return NOTHING
            state = machine.initial(fact.config)
            after, effects = machine.decide(state, fact, now)
            return Decision({cell: after}, effects)
        after, effects = machine.decide(state, fact, now)
        decision = Decision({} if after is state else {cell: after}, effects).then(timeline.on_profile(cells, state, after))
        return decision.then(_hand_over_mails(cells, name, state.acting, after.acting))

    def _engine(self, cells: Cells, fact: facts.Fact, now: Now) -> Decision:
        world = self._world()
        match fact:
            case facts.CheckFinished():
                blind_from = self._blind_from(cells, fact.key)
                return judging.on_check(
                    cells,
                    world.catalogue,
                    world.specs,
                    fact,
                    now,
                    blind_from_wall=blind_from,
                    letterhead=world.letterhead,
                    alerting=may_judge(cells, world.role, fact.key.profile),
                )
            case facts.CheckSkipped():
                return judging.on_skip(cells, world.catalogue, fact, now)
            case facts.RunsMissed() | facts.RunsSkipped() | facts.ChecksHang():
                return run_notes.on_note(fact)
            case facts.NoopFinished():
                return judging.on_noop(fact, now)
            case facts.MailLeaving() | facts.MailSent() | facts.MailFailed():
                decision = outbox.decide(cells, fact, now)
                return decision.then(told.on_sent(cells, fact, now)) if isinstance(fact, facts.MailSent) else decision
            case facts.LedgerReceived():
                return exchange.merge_ledger(cells, fact, now)
            case facts.ChecksReceived():
                return exchange.merge_checks(cells, fact, now)
            case facts.TreeChanged():
                forgotten = alerting.forget_removed(cells, world.catalogue, fact.profile)
                forgotten = forgotten.then(operator_state.forget_old(cells, world.catalogue, fact.profile, now))
                return forgotten.then(told.forget_removed(cells, world.catalogue, fact.profile))
            case _:
                return operator_state.decide(cells, world.catalogue, fact, now)

    def _blind_from(self, cells: Cells, key: MonitorKey) -> float:
        """Since when nobody watched a monitor that somebody should have: outside its schedule nobody should."""
        state: ProfileState | None = cells.get(Cell(PROFILE, key.profile)) if key.profile else None
        since = state.journal.blind_from_wall if state is not None else 0.0
        catalogue = self._world().catalogue
        monitor = catalogue.monitor(key) if since else None
        if monitor is None or not monitor.schedule:
            return since
        calendar = self._calendars.of(catalogue.schedule(key.profile, monitor))
        return since if calendar is None else calendar.due_from(since)

    def _with_mails(self, cells: Cells, decision: Decision, mails: list[RoleMail | RejudgeAlerts], now: Now) -> Decision:
        world = self._world()
        extra: Effect
        for extra in mails:
            if isinstance(extra, RoleMail):
                more = outbox.compose_role(
                    cells, extra, world.recipients(extra.profile), now, node=world.host, templates=world.letterhead.of("")
                )
            else:
                more = alerting.rejudge(cells, world.catalogue, extra.profile, now, letterhead=world.letterhead)
            decision = decision.then(more)
        return decision


def _hand_over_mails(cells: Cells, profile: str, before: bool, after: bool) -> Decision:  # noqa: FBT001
    """Who starts or stops acting drops its unsent alert mails: whoever acts then judges against what was really told."""
    return outbox.drop_alert_mails(cells, profile) if before != after else NOTHING


def key_cell(key: MonitorKey) -> Cell:
    """The cell of a monitor's state."""
    return Cell(MONITOR, str(key))


def side_of(cells: Cells) -> PrimarySide | None:
    """The primary's machine, None on a failover."""
    side: PrimarySide | None = cells.get(OWN)
    return side


def may_check(cells: Cells, role: Role, profile: str) -> bool:
    """Whether the state allows checks of this profile ("" = own tree)."""
    if profile:
        state: ProfileState | None = cells.get(Cell(PROFILE, profile))
        return state is not None and state.may_check
    side = side_of(cells)
    return role is Role.failover or (side is not None and side.may_check)


def may_notify(cells: Cells, role: Role, profile: str) -> bool:
    """Whether alert mails of this profile may leave."""
    if profile:
        state: ProfileState | None = cells.get(Cell(PROFILE, profile))
        return state is not None and state.may_notify
    side = side_of(cells)
    return role is Role.failover or (side is not None and side.may_notify)


def may_judge(cells: Cells, role: Role, profile: str) -> bool:
    """Whether results of this profile may lead to alerts: this node is the one that tells people, or may be in a moment."""
    if profile:
        state: ProfileState | None = cells.get(Cell(PROFILE, profile))
        return state is not None and state.acting
    side = side_of(cells)
    return role is Role.failover or (side is not None and side.may_check)


def term_of(cells: Cells, role: Role, profile: str) -> int:
    """The term that results, mails and log lines of this profile carry."""
    if profile:
        state: ProfileState | None = cells.get(Cell(PROFILE, profile))
        return state.journal.term if state is not None else 0
    side = side_of(cells)
    return side.journal.term if side is not None and role is Role.primary else 0
