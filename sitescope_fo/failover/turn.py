"""The working copy of one decision: the state so far and the effects it asks for. Lives inside one call of `machine.decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from sitescope_fo.failover.evidence import say_time
from sitescope_fo.failover.state import EVIDENCE_KEPT, TRANSITIONS_KEPT, Evidence, Journal, Live, ProfileState, Transition
from sitescope_fo.failover.timing import ALARM_EVERY_S
from sitescope_fo.model.effect import Effect, LogEvent, RoleMail
from sitescope_fo.model.status import Condition, EvidenceKind, Position

if TYPE_CHECKING:
    from sitescope_fo.model.config import Timing
    from sitescope_fo.model.ports import Now

Level = Literal["INFO", "WARNING", "ERROR"]
_STEADY = frozenset({EvidenceKind.probe_ok, EvidenceKind.gate})
"""Kinds of which the newest alone says enough."""


class Turn:
    """State and effects while a decision is made. Changes only the reference it holds, never a value."""

    def __init__(self, state: ProfileState, now: Now) -> None:
        self.state = state
        self.mono, self.wall = now.mono, now.wall
        self.effects: list[Effect] = []

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def live(self) -> Live:
        """The part that is worth nothing after a restart."""
        return self.state.live

    @property
    def journal(self) -> Journal:
        """The durable part."""
        return self.state.journal

    @property
    def timing(self) -> Timing:
        """The profile's clockwork."""
        return self.state.config.timing

    @property
    def position(self) -> Position:
        """Where it stands now, in the middle of the decision."""
        return self.state.journal.position

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.state.config.name

    @property
    def primary(self) -> str:
        """`host:port` of the primary."""
        return f"{self.state.config.primary_host}:{self.state.config.primary_port}"

    def has(self, condition: Condition) -> bool:
        """Whether the condition holds."""
        return condition in self.state.conditions

    # --- changing ---------------------------------------------------------------------------------------------------

    def set_live(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of Live
        """Replaces fields of the live part; the state keeps its identity when nothing changes."""
        changes = {key: value for key, value in changes.items() if getattr(self.live, key) != value}
        if changes:
            self.state = replace(self.state, live=replace(self.live, **changes))

    def set_journal(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of Journal
        """Replaces fields of the durable part; a change is written before the effects of this decision leave."""
        changes = {key: value for key, value in changes.items() if getattr(self.journal, key) != value}
        if changes:
            self.state = replace(self.state, journal=replace(self.journal, **changes))

    def add(self, condition: Condition) -> bool:
        """Adds a condition; False when it held already."""
        if condition in self.state.conditions:
            return False
        self.state = replace(self.state, conditions=self.state.conditions | {condition})
        return True

    def drop(self, condition: Condition) -> bool:
        """Takes a condition away; False when it did not hold."""
        if condition not in self.state.conditions:
            return False
        self.state = replace(self.state, conditions=self.state.conditions - {condition})
        return True

    def emit(self, *effects: Effect) -> None:
        """Asks the outside for something, after the state is durable."""
        self.effects.extend(effects)

    def note(self, kind: EvidenceKind, what: str) -> None:
        """Keeps an observation as evidence for the next transition."""
        self.keep(Evidence(wall=self.wall, kind=kind, what=what))

    def keep(self, evidence: Evidence) -> None:
        """Keeps evidence; of one kind in a row the first and the newest, of steady kinds the newest."""
        seen = self.live.evidence
        alike = 1 if evidence.kind in _STEADY else 2
        if len(seen) >= alike and all(one.kind is evidence.kind for one in seen[-alike:]):
            seen = seen[:-1]
        self.set_live(evidence=(*seen, evidence)[-EVIDENCE_KEPT:])

    def move(self, to: Position, why: str, *, hint: str = "") -> Transition:
        """Changes the position: logged with its evidence, of which there is always some."""
        if not self.live.evidence:
            self.note(EvidenceKind.clock, why)
        transition = Transition(source=self.position, to=to, wall=self.wall, why=why, evidence=self.live.evidence)
        self.set_journal(
            position=to,
            since_wall=self.wall,
            last_transition=transition,
            transitions=(*self.journal.transitions, transition)[-TRANSITIONS_KEPT:],
        )
        self.set_live(entered_mono=self.mono, evidence=())
        seen = transition.evidence[-1]
        self.log(
            "role_changed",
            f"{transition.source} -> {to}: {why}; seen: {seen.kind} {seen.what} at {say_time(seen.wall)}",
            level="WARNING" if to not in {Position.standby, Position.suspect} else "INFO",
            hint=hint,
        )
        return transition

    # --- telling ----------------------------------------------------------------------------------------------------

    def log(self, event: str, what: str, *, level: Level = "INFO", hint: str = "") -> None:
        """One line of high_availability.log."""
        self.emit(
            LogEvent(
                event=event, what=what, level=level, profile=self.name, term=self.journal.term, where=self.primary, hint=hint
            )
        )

    def mail(self, event: str, subject: str, what: str, todo: str, *, seen: tuple[Evidence, ...] = (), key: str = "") -> None:
        """A mail to the people who run the pair: what happened, when, what was seen, what to do."""
        lines = [what, "", f"Profile:  {self.name}, primary {self.primary}", f"When:     {say_time(self.wall)}"]
        lines += [f"Position: {self.position}, term {self.journal.term}"]
        if seen:
            lines += ["", "Seen:"] + [f"  {say_time(one.wall)}  {one.kind}: {one.what}" for one in seen]
        lines += ["", f"What to do: {todo}"]
        self.emit(
            RoleMail(
                event=event,
                subject=subject,
                text="\n".join(lines) + "\n",
                profile=self.name,
                term=self.journal.term,
                key=key or f"{self.name}:{event}:{self.journal.term}",
            )
        )

    def tell(self, event: str, subject: str, what: str, todo: str, *, seen: tuple[Evidence, ...] = ()) -> None:
        """A mail of a role change that may repeat within one term: at once, then at most every 15 min; the log has all."""
        last = self.live.alarmed.get(event)
        if last is None or self.mono - last >= ALARM_EVERY_S:
            self.set_live(alarmed={**self.live.alarmed, event: self.mono})
            self.mail(event, subject, what, todo, seen=seen)

    def alarm(self, name: str, subject: str, what: str, todo: str, *, level: Level = "ERROR") -> None:
        """Logs and mails at once, then every 15 min as long as it is raised again; never more often."""
        last = self.live.alarmed.get(name)
        if last is not None and self.mono - last < ALARM_EVERY_S:
            return
        self.set_live(alarmed={**self.live.alarmed, name: self.mono}, alarms_on=self.live.alarms_on | {name})
        self.log(f"alarm_{name}", what, level=level, hint=todo)
        self.mail(f"alarm_{name}", subject, what, todo, seen=self.live.evidence[-5:], key=f"{self.name}:alarm:{name}")

    def calm(self, name: str, what: str) -> None:
        """Ends an alarm; said once, and only when it was mailed. When it comes back its 15 min still count."""
        if name not in self.live.alarms_on:
            return
        self.set_live(alarms_on=self.live.alarms_on - {name})
        self.log(f"alarm_{name}_over", what)
        self.mail(f"alarm_{name}_over", f"{self.name}: over: {what}", what, "Nothing.", key=f"{self.name}:alarm:{name}")
