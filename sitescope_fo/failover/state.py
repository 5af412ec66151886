"""The state of one profile's machine: what survives the process (`Journal`) and what does not (`Live`)."""

from __future__ import annotations

import math

import msgspec

from sitescope_fo.model.config import Profile
from sitescope_fo.model.status import ACTING, PASSIVE, Condition, EvidenceKind, Position, PrimaryState, Role

NEVER = -math.inf
EVIDENCE_KEPT = 20
TRANSITIONS_KEPT = 20
OVERLAPS_KEPT = 50
BLOCKING = frozenset({Condition.no_mirror, Condition.isolated, Condition.frozen, Condition.fault, Condition.hold})


def term_above(known: int, *, of: Role) -> int:
    """The next term of that role: odd ones are the primary's, even ones the failover's.

    So two nodes that cannot hear each other never act with the same term, whatever each of them missed. In the usual turn-taking
    it is `known + 1`.
    """
    return known + 1 + (known + 1 + (of is Role.primary)) % 2


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One observation that a transition rests on: when (POSIX seconds), what kind, and in words with its figures."""

    wall: float
    kind: EvidenceKind
    what: str


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """The last change of position."""

    source: Position
    to: Position
    wall: float
    why: str
    evidence: tuple[Evidence, ...] = ()


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold. It ends at the earlier of the remaining seconds (counted while the process lives) and the wall end."""

    by: str
    reason: str
    set_wall: float
    until_wall: float
    remaining_s: float
    warned: bool = False
    switchover: bool = False
    """Set by a switchover: its end starts the way back."""


class Handback(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-back under way: its id, the step being carried out and since when (wall)."""

    id: str
    step: str
    since_wall: float
    term: int = 0
    """The term given to the primary at H5; 0 before that step."""


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Both nodes run, or may: since when, until when (0 = still), and why."""

    since_wall: float
    why: str
    until_wall: float = 0.0


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The durable part."""

    position: Position = Position.standby
    since_wall: float = 0.0
    term: int = 0
    highest_term_heard: int = 0
    hold: Hold | None = None
    flap_lock_wall: float = 0.0
    """When the flap lock was set; 0 = not locked."""
    takeovers: tuple[float, ...] = ()
    """Wall times of the takeovers of the last 24 hours."""
    flap_score: int = 0
    cause: str = ""
    """Why this node acts: silent, goodbye, degraded, idle, unverifiable, operator, switchover."""
    cause_boot_id: str = ""
    """The primary's boot id when it was taken over."""
    blind_from_wall: float = 0.0
    """Wall time of the last proof of life before this term: monitors are blind from here to their first run."""
    activated_wall: float = 0.0
    base_revision: str = ""
    """The mirror pinned at activation, base of the merge."""
    handback: Handback | None = None
    """Under way in `recovering` and `handback`. While passive: what is still owed, H5 (tell the primary to run) or H6 (tidy)."""
    drift: bool = False
    """The working tree of the last term was not tidied up (H6): newer than the mirror, and a new takeover starts from it."""
    overlaps: tuple[Overlap, ...] = ()
    last_transition: Transition | None = None
    transitions: tuple[Transition, ...] = ()
    """The last ones, newest last, for people."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The part that is worth nothing after a restart. Times are on the boot-time clock."""

    entered_mono: float = 0.0
    """When the position was entered in this life."""
    last_pol: float = NEVER
    last_pol_wall: float = 0.0
    blind_until: float = NEVER
    misses: int = 0
    last_sent_failed: float = NEVER
    """Send time of the newest probe that failed."""
    last_sent_answered: float = NEVER
    """Send time of the newest probe that the node of this profile answered, in whatever way."""
    degraded_since: float = NEVER
    degraded_what: str = ""
    answering: bool = False
    """The last word of the primary was an answer (perhaps degraded), not a miss.

    A soft time-out is no word against an answer that is younger than the hard time-out and one probe: replies may be slow.
    """
    same_check_passes_here: bool = True
    unverifiable_since: float = NEVER
    unverifiable_what: str = ""
    isolated_since: float = NEVER
    frozen_since: float = NEVER
    frozen_probes: int = 0
    """Probes sent after the freeze that failed."""
    frozen_until: float = math.inf
    """When a freeze that nothing resolved becomes isolation."""
    fault_since: float = NEVER
    fault_what: str = ""
    store_failing: bool = False
    """State cannot be made durable now: one of the two causes of a fault."""
    term_unknown_until: float = NEVER
    """The state was unreadable: the fault lasts until the primary reports its term, at most until then."""
    no_mirror_since: float = NEVER
    no_mirror_what: str = "no mirror yet"
    deadline: float = math.inf
    """End of `announced`, of the recovery window or of a step, by position."""
    goodbye_boot_id: str = ""
    """The life of the primary that said goodbye."""
    asked_yield: bool = False
    yield_asked_at: float = NEVER
    yield_deadline: float = math.inf
    yield_next: float = NEVER
    """Earliest next time to ask a running primary to yield to a node that has to stay acting."""
    switchover_by: str = ""
    """Who asked for the switchover that waits for the primary's yield; "" = none."""
    switchover_for_s: float = 0.0
    acting_since: float = NEVER
    """When the term was taken in this life; NEVER after a restart while acting."""
    first_check_started: bool = False
    working_ready: bool = False
    load_next: float = math.inf
    """When the working tree is asked for again."""
    monitors_started: bool = False
    overlap_hold: bool = False
    good_probes: int = 0
    """Proofs of life in a row while recovering."""
    precopied: bool = False
    """The pre-copy of the hand-back has converged."""
    step_failures: int = 0
    step_next: float = math.inf
    """When the step that is owed is asked for again."""
    gate_asked: int = 0
    gate_answered: int = 0
    gate_at: float = NEVER
    gate_next: float = NEVER
    """When the reference points are asked again."""
    own_address: bool = False
    late_until: float = NEVER
    """The loop was late; the gate is shut until then."""
    mirror_revision: str = ""
    mirror_monitors: int = 0
    mirror_failing_since: float = NEVER
    mirror_failing_what: str = ""
    window_open: bool = True
    window_until_wall: float = 0.0
    hold_until: float = math.inf
    hold_journal_at: float = math.inf
    """When the remaining seconds of the hold are written down again."""
    healthy_since: float = NEVER
    """Since when the primary has been continuously healthy (ends a flap lock after six hours)."""
    flap_look_at: float = NEVER
    """When a flap lock that may not end yet is looked at again."""
    primary_state: PrimaryState = PrimaryState.unknown
    primary_boot_id: str = ""
    primary_term: int = 0
    primary_version: str = ""
    skew_s: float = 0.0
    round_trip_s: float = 0.0
    """Of the last answer."""
    retry_at: float = math.inf
    """Earliest next try of a hand-back that failed."""
    alarmed: dict[str, float] = {}
    """Alarm name -> when it was last mailed (boot-time clock)."""
    alarms_on: frozenset[str] = frozenset()
    """Alarms that were mailed and are not over."""
    evidence: tuple[Evidence, ...] = ()
    """What was seen since the last transition, newest last."""


class ProfileState(msgspec.Struct, frozen=True, kw_only=True):
    """One instance of the failover machine. `conditions` holds what is true now; hold and flap_lock follow from the journal."""

    config: Profile
    journal: Journal = Journal()
    live: Live = Live()
    conditions: frozenset[Condition] = frozenset({Condition.no_mirror})

    @property
    def position(self) -> Position:
        """Where it stands."""
        return self.journal.position

    @property
    def passive(self) -> bool:
        """Not responsible for the monitors."""
        return self.position in PASSIVE

    @property
    def acting(self) -> bool:
        """Responsible for the monitors."""
        return self.position in ACTING

    @property
    def shown(self) -> str:
        """The one name people see: the first condition that outranks the position, else the position."""
        for condition in (Condition.fault, Condition.frozen, Condition.isolated, Condition.unverifiable):
            if condition in self.conditions:
                return condition.value
        if self.passive and Condition.no_mirror in self.conditions:
            return "unprotected"
        return self.position.value

    @property
    def may_check(self) -> bool:
        """Whether a check of this profile may start now."""
        return self.acting and Condition.frozen not in self.conditions

    @property
    def may_notify(self) -> bool:
        """Whether an alert mail of this profile may leave now."""
        return self.may_check and Condition.isolated not in self.conditions and not self.live.overlap_hold

    @property
    def blocking(self) -> frozenset[Condition]:
        """The conditions that forbid an automatic activation now; empty = ready."""
        return self.conditions & BLOCKING

    @property
    def next_term(self) -> int:
        """The term this failover would act with next: above every term held or heard."""
        return term_above(max(self.journal.term, self.journal.highest_term_heard), of=Role.failover)

    @property
    def term_to_give(self) -> int:
        """The term the primary is told to run with: above every term held or heard."""
        return term_above(max(self.journal.term, self.journal.highest_term_heard), of=Role.primary)

    @property
    def due(self) -> float:
        """When grace ends, on the boot-time clock."""
        return max(self.live.last_pol, self.live.blind_until) + self.config.timing.activate_after_s

    @property
    def fast_probing(self) -> bool:
        """From grace on probes go out at least every second, so that the last word is fresh."""
        return self.position not in {Position.standby, Position.suspect}

    @property
    def probe_every_s(self) -> float:
        """Seconds between probes now."""
        every = self.config.timing.check_every_s
        return min(every, 1.0) if self.fast_probing else every


class PeerView(msgspec.Struct, frozen=True, kw_only=True):
    """What the primary knows of one failover in this life."""

    last_heard: float = NEVER
    last_heard_wall: float = 0.0
    answered: bool = False
    active: bool = False
    detail: str = ""
    yield_for_s: float = 0.0
    """How long this failover asked us to wait for its next word."""
    silent_told: bool = False
    """Its silence was reported."""


class PrimaryJournal(msgspec.Struct, frozen=True, kw_only=True):
    """The durable part of the primary's side."""

    term: int = 0
    highest_term_heard: int = 0
    done_handbacks: tuple[str, ...] = ()
    """Ids of the hand-backs already accepted, so that a repeated step gives the same answer."""


class PrimarySide(msgspec.Struct, frozen=True, kw_only=True):
    """The primary's machine: boot-check, running, yielded."""

    journal: PrimaryJournal = PrimaryJournal()
    state: PrimaryState = PrimaryState.boot_check
    since_wall: float = 0.0
    boot_id: str = ""
    boot_check_s: float = 10.0
    """0 = off."""
    deadline: float = math.inf
    """End of the boot-check; inf = no boot-check under way."""
    peers: dict[str, PeerView] = {}
    yielded_to: str = ""
    yield_profile: str = ""
    yield_for_s: float = 0.0
    pause_limit_s: float = 2.0
    silence_from: float = math.inf
    """From when on the silence of a failover counts."""
    fault_since: float = NEVER
    fault_what: str = ""
    evidence: tuple[Evidence, ...] = ()
    last_transition: str = ""

    @property
    def may_check(self) -> bool:
        """Whether a check of the own tree may start now."""
        return self.state is PrimaryState.running

    @property
    def may_notify(self) -> bool:
        """Whether an alert mail may leave now."""
        return self.may_check
