"""The working copy of one decision of the primary, its changes of state, and what time does to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sitescope_fo.failover import timing
from sitescope_fo.failover.evidence import say_span, say_time
from sitescope_fo.failover.state import EVIDENCE_KEPT, NEVER, Evidence, PeerView, PrimarySide, term_above
from sitescope_fo.model.effect import AskFailovers, Effect, LogEvent, RoleMail, StartOwnMonitors, StopOwnMonitors
from sitescope_fo.model.status import EvidenceKind, PrimaryState, Role

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Level
    from sitescope_fo.model.ports import Now

HANDBACKS_KEPT = 20


class PrimaryTurn:
    """Side and effects while a decision is made."""

    def __init__(self, side: PrimarySide, now: Now) -> None:
        self.side = side
        self.mono, self.wall = now.mono, now.wall
        self.effects: list[Effect] = []

    def set(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of PrimarySide
        """Replaces fields; the side keeps its identity when nothing changes."""
        changes = {key: value for key, value in changes.items() if getattr(self.side, key) != value}
        if changes:
            self.side = replace(self.side, **changes)

    def set_journal(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of PrimaryJournal
        """Replaces fields of the durable part."""
        self.set(journal=replace(self.side.journal, **changes))

    def view(self, peer: str, **changes: Any) -> None:  # noqa: ANN401  # the fields of PeerView
        """Replaces fields of what is known of a listed peer."""
        known = self.side.peers.get(peer)
        if known is not None:
            self.set(peers={**self.side.peers, peer: replace(known, **changes)})

    def emit(self, *effects: Effect) -> None:
        """Asks the outside for something, after the side is durable."""
        self.effects.extend(effects)

    def note(self, kind: EvidenceKind, what: str) -> None:
        """Keeps an observation."""
        evidence = Evidence(wall=self.wall, kind=kind, what=what)
        self.set(evidence=(*self.side.evidence, evidence)[-EVIDENCE_KEPT:])

    def log(self, event: str, what: str, *, level: Level = "INFO", hint: str = "") -> None:
        """One line of high_availability.log."""
        self.emit(LogEvent(event=event, what=what, level=level, term=self.side.journal.term, hint=hint))

    def mail(self, event: str, subject: str, what: str, todo: str) -> None:
        """A mail to the people who run the pair."""
        lines = [
            what,
            "",
            f"When:  {say_time(self.wall)}",
            f"State: {self.side.state}, term {self.side.journal.term}",
            "",
            "Seen:",
        ]
        lines += [f"  {say_time(one.wall)}  {one.kind}: {one.what}" for one in self.side.evidence[-5:]]
        lines += ["", f"What to do: {todo}"]
        key = f"primary:{event}:{self.side.journal.term}"
        self.emit(RoleMail(event=event, subject=subject, text="\n".join(lines) + "\n", term=self.side.journal.term, key=key))

    # --- changes of state -------------------------------------------------------------------------------------------

    def move(self, to: PrimaryState, why: str, *, level: Level = "INFO", hint: str = "") -> None:
        """Changes the state: logged with its evidence."""
        if not self.side.evidence:
            self.note(EvidenceKind.clock, why)
        seen = self.side.evidence[-1]
        what = f"{self.side.state} -> {to}: {why}"
        self.set(state=to, since_wall=self.wall, last_transition=what, deadline=math.inf)
        self.log("role_changed", f"{what}; seen: {seen.kind} {seen.what} at {say_time(seen.wall)}", level=level, hint=hint)

    def run(self, why: str, *, term: int = 0, loud: bool = False) -> None:
        """Monitors, with a term that no other node has used: kept when nobody acted meanwhile, else above every one heard."""
        journal, waited = self.side.journal, self.side.state is PrimaryState.yielded
        heard = max(journal.term, journal.highest_term_heard)
        if not term:
            term = journal.term if journal.term and journal.term == heard and not waited else term_above(heard, of=Role.primary)
        if term != journal.term:
            self.set_journal(term=term, highest_term_heard=max(heard, term))
        if self.side.state is not PrimaryState.running:
            self.move(PrimaryState.running, f"{why}; term {term}", level="WARNING" if loud else "INFO")
        self.set(yielded_to="", yield_profile="", yield_for_s=0.0, silence_from=self.mono)
        self.emit(StartOwnMonitors(term=term))
        if waited or loud:
            todo = "Look at the failover: it said nothing any more" if loud else "Nothing"
            subject = "PRIMARY RUNS by itself, failover silent" if loud else "PRIMARY RUNS again"
            self.mail("primary_running", f"{subject} (term {term})", f"This primary monitors again: {why}", todo)

    def give_way(self, peer: str, profile: str, yield_for_s: float, why: str) -> None:
        """Starts no more checks, as long as that failover is heard."""
        was = self.side.state
        if was is not PrimaryState.yielded:
            self.move(PrimaryState.yielded, why, level="WARNING", hint="The failover hands back by itself")
            self.emit(StopOwnMonitors())
        for_s = yield_for_s if yield_for_s > 0 else timing.PEER_SILENT_S
        self.set(yielded_to=peer, yield_profile=profile, yield_for_s=for_s)
        self.view(peer, yield_for_s=for_s)
        self.heard(peer)
        if was is not PrimaryState.yielded:
            what = f"This primary waits: {why}. It runs again when the failover hands back, or is silent for {say_span(for_s)}"
            self.mail("yielded", f"PRIMARY YIELDED to failover {peer}", what, "Nothing: the hand-back follows by itself")

    def ask(self) -> None:
        """Asks every listed failover at once, and again until it answers or the boot-check is over."""
        self.emit(AskFailovers(timeout_s=max(0.1, self.side.deadline - self.mono)))

    def heard(self, peer: str) -> None:
        """A listed failover gave a sign of life."""
        known = self.side.peers.get(peer)
        if known is None:
            return
        if known.silent_told:
            self.log("failover_heard", f"failover {peer} is heard again")
        self.view(peer, last_heard=self.mono, last_heard_wall=self.wall, silent_told=False)


# --- time -----------------------------------------------------------------------------------------------------------


def settle(turn: PrimaryTurn) -> None:
    """What time completes: the boot-check, the end of a yield, a failover that fell silent."""
    side = turn.side
    if side.state is PrimaryState.boot_check and math.isfinite(side.deadline):
        if side.peers and all(view.answered and not view.active for view in side.peers.values()):
            turn.run("every failover answered that it does not act")
        elif turn.mono >= side.deadline:
            missing = [f"{peer} ({view.detail or 'no answer'})" for peer, view in side.peers.items() if not view.answered]
            turn.note(EvidenceKind.boot_check, f"no answer in time from {', '.join(missing)}")
            turn.run(f"the boot-check is over; no answer from {', '.join(missing)}")
    elif side.state is PrimaryState.yielded and turn.mono >= silent_at(side):
        turn.note(EvidenceKind.yielded, f"nothing heard of {side.yielded_to} for {say_span(side.yield_for_s)}")
        turn.run(f"failover {side.yielded_to} was silent for {say_span(side.yield_for_s)}", loud=True)
    elif side.state is PrimaryState.running:
        _silent_peers(turn)


def _silent_peers(turn: PrimaryTurn) -> None:
    """A failover that is not heard protects nobody: said once."""
    for peer, view in turn.side.peers.items():
        if turn.mono < unheard_at(turn.side, view) or view.silent_told:
            continue
        turn.view(peer, silent_told=True)
        what = f"Failover {peer} was not heard for {say_span(patience(view))}: this primary is not protected"
        todo = "Look at the failover; outside its check schedule this is expected"
        turn.log("failover_silent", what, level="WARNING", hint=todo)
        turn.mail(f"failover_silent:{peer}", f"failover {peer} is SILENT", what, todo)


def silent_at(side: PrimarySide) -> float:
    """When a yield ends for want of a word from its failover."""
    view = side.peers.get(side.yielded_to)
    return (view.last_heard if view is not None else NEVER) + side.yield_for_s


def patience(view: PeerView) -> float:
    """Seconds of silence of a failover that are told: 60 s or three of its checks."""
    return max(timing.PEER_SILENT_S, view.yield_for_s)


def unheard_at(side: PrimarySide, view: PeerView) -> float:
    """When a failover has been silent for too long; own pauses and the time before this life do not count."""
    return max(view.last_heard, side.silence_from) + patience(view)


def wakes(side: PrimarySide) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    if side.state is PrimaryState.boot_check:
        yield side.deadline
    elif side.state is PrimaryState.yielded:
        yield silent_at(side)
    elif side.state is PrimaryState.running:
        for view in side.peers.values():
            if not view.silent_told:
                yield unheard_at(side, view)
