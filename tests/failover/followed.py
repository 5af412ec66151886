"""How one sees that a row of the machine's table was followed: a predicate for each, in the order of the table.

A test holds this list against `failover.table.ROWS`, row by row, so a row that is new or reworded has to be seen here too.
"""

from sitescope_fo.failover.moves import STAY
from sitescope_fo.failover.table import ROWS
from sitescope_fo.model.effect import AskYield, LogEvent, PinWorking, RunStep
from sitescope_fo.model.status import Condition, Position

C, P = Condition, Position


class Seen:
    """One decision, looked at: the state before, the fact, the state after, the effects."""

    def __init__(self, before, fact, after, out):
        self.b, self.f, self.a, self.out = before, fact, after, out
        self.steps = []
        known = before.journal.transitions[-1] if before.journal.transitions else None
        for one in reversed(after.journal.transitions):
            if one is known:
                break
            self.steps.insert(0, one)

    def went(self, source, to, why=""):
        """Whether it went that way, for a reason with these words."""
        return any(one.source is source and one.to is to and why in one.why for one in self.steps)

    def said(self, event, words=""):
        return any(isinstance(one, LogEvent) and one.event == event and words in one.what for one in self.out)

    def asks(self, kind, **fields):
        return any(isinstance(one, kind) and all(getattr(one, k) == v for k, v in fields.items()) for one in self.out)

    def gained(self, condition):
        return condition in self.a.conditions and condition not in self.b.conditions

    def lost(self, condition):
        return condition in self.b.conditions and condition not in self.a.conditions

    def noted(self, words):
        seen = [*self.a.live.evidence, *(one for step in self.steps for one in step.evidence)]
        return any(words in one.what for one in seen)

    @property
    def changed(self):
        return self.a is not self.b

    @property
    def same_place(self):
        return not self.steps

    def grew(self, field):
        return getattr(self.a.live, field) > getattr(self.b.live, field)

    @property
    def heard_more(self):
        return self.a.journal.highest_term_heard > self.b.journal.highest_term_heard


def _stays_sick(s):
    same = s.b.journal.cause == "degraded" and s.f.boot_id == s.b.journal.cause_boot_id
    return same and s.same_place and not s.f.stalled and s.f.scheduler_age_s <= 10 and not s.b.conditions & STAY


def _trusts_again(s):
    owed = s.b.journal.handback
    return s.lost(C.unverifiable) or (owed is not None and owed.step == "H5" and s.a.journal.handback != owed)


def _debt_changed(s):
    return s.b.journal.handback is not None and s.a.journal.handback != s.b.journal.handback


FOLLOWED = (
    # the node
    ("NodeStarted", "", lambda s: s.a.position is P.standby),
    ("NodeStarted", "", lambda s: s.a.position is P.active and C.frozen in s.a.conditions),
    ("NodeStarted", "", lambda s: s.asks(RunStep)),
    ("NodeStarted", "state unreadable", lambda s: not s.f.state_readable and s.gained(C.fault)),
    ("Tick", "misses reached", lambda s: s.went(P.suspect, P.grace)),
    ("Tick", "it answers and does not monitor", lambda s: s.went(P.suspect, P.grace, "it answers and does not monitor")),
    ("Tick", "due; ready, silent", lambda s: s.went(P.grace, P.activating) and s.a.journal.cause == "silent"),
    ("Tick", "due; ready, degraded", lambda s: s.asks(AskYield) and s.b.position is P.grace and not s.a.live.switchover_by),
    ("Tick", "no answer to the yield", lambda s: s.b.live.asked_yield and s.noted("no answer in time")),
    ("Tick", "due, not ready", lambda s: s.said("alarm_blocked")),
    ("Tick", "deadline; ready", lambda s: s.went(P.announced, P.activating)),
    ("Tick", "deadline; a proof", lambda s: s.went(P.announced, P.standby, "did not happen")),
    ("Tick", "unverifiable for", lambda s: s.asks(AskYield) and C.unverifiable in s.a.conditions),
    ("Tick", "60 s, loaded", lambda s: s.went(P.activating, P.active, "no check had to be started yet")),
    ("Tick", "60 s and not", lambda s: s.asks(PinWorking) and s.b.acting and s.same_place),
    ("Tick", "window passed", lambda s: s.went(P.recovering, P.handback, "stable")),
    ("Tick", "pre-copy not", lambda s: s.went(P.recovering, P.active, "did not converge")),
    ("Tick", "H2 not done", lambda s: s.went(P.handback, P.active, "H2 was not done")),
    ("Tick", "H5 unanswered", lambda s: s.went(P.handback, P.standby, "was not answered")),
    ("Tick", "H6 not done", lambda s: s.went(P.handback, P.standby, "H6 was not done")),
    ("Tick", "frozen and nothing", lambda s: s.lost(C.frozen) and s.noted("gave an answer in time")),
    ("Tick", "a hold's time", lambda s: s.said("hold_ended", "its time is over") or s.said("hold_ends_soon")),
    ("Tick", "flap_lock", lambda s: s.said("flap_lock_over", "6 h")),
    ("LoopGap", "> 2 s", lambda s: s.said("paused")),
    ("LoopGap", "> 2 s", lambda s: s.said("paused") and C.frozen in s.a.conditions),
    ("LoopGap", "> 2 s", lambda s: s.said("paused")),
    ("LoopLate", ">= 1 s", lambda s: s.grew("late_until")),
    ("StoreFailed", "", lambda s: C.fault in s.a.conditions and s.changed),
    ("StoreRecovered", "", lambda s: s.lost(C.fault)),
    ("StopAsked", "", lambda s: s.said("stopping") or s.said("stopping_while_acting")),
    # the primary's word
    ("ProbeAnswered", "proof of life", lambda s: any(s.went(p, P.standby, "proof of life") for p in P)),
    ("ProbeAnswered", "degraded", lambda s: any(s.went(p, P.suspect, "admits stalled") for p in (P.standby, P.announced))),
    ("ProbeAnswered", "running, yielded", _trusts_again),
    ("ProbeAnswered", "yielded, and not", lambda s: s.asks(RunStep, step="H5")),
    ("ProbeAnswered", "proof of life sent", lambda s: s.went(P.activating, P.standby, "answered before the first check")),
    ("ProbeAnswered", "healthy, sent", lambda s: s.went(P.active, P.recovering)),
    ("ProbeAnswered", "as above, taken", _stays_sick),
    ("ProbeAnswered", "healthy and running", lambda s: bool(s.a.conditions & STAY) and s.a.live.overlap_hold),
    ("ProbeAnswered", "healthy", lambda s: s.same_place and s.grew("good_probes")),
    ("ProbeAnswered", "degraded, or", lambda s: s.went(P.recovering, P.active)),
    ("ProbeAnswered", "frozen, sent", lambda s: s.lost(C.frozen)),
    ("ProbeAnswered", "running with", lambda s: s.went(P.handback, P.standby, "its health reply")),
    ("ProbeMissed", "", lambda s: s.went(P.standby, P.suspect)),
    ("ProbeMissed", "", lambda s: s.grew("misses")),
    ("ProbeMissed", "unverifiable", lambda s: s.lost(C.unverifiable)),
    ("ProbeMissed", "", lambda s: s.changed and s.same_place),
    ("ProbeMissed", "sent after", lambda s: s.went(P.recovering, P.active, "a probe failed")),
    ("ProbeMissed", "", lambda s: s.b.live.overlap_hold and not s.a.live.overlap_hold),
    ("ProbeMissed", "frozen", lambda s: s.lost(C.frozen) and C.isolated not in s.a.conditions),
    ("ProbeMissed", "misses reached", lambda s: s.went(P.handback, P.active, "the primary was lost")),
    ("ProbeMissed", "foreign", lambda s: s.said("alarm_foreign")),
    ("ProbeUnverifiable", "", lambda s: s.gained(C.unverifiable)),
    ("ProbeUnverifiable", "", lambda s: s.went(P.recovering, P.active)),
    ("ProbeUnverifiable", "", lambda s: s.said("alarm_unverifiable")),
    ("GoodbyeHeard", "", lambda s: s.a.position is P.announced),
    ("GoodbyeHeard", "recovering", lambda s: s.said("goodbye")),
    ("BootCheckHeard", "", lambda s: s.grew("blind_until")),
    ("BootCheckHeard", "recovering", lambda s: s.said("boot_check")),
    ("YieldAnswered", "asked", lambda s: s.a.position is P.activating),
    ("YieldAnswered", "not asked", lambda s: s.asks(RunStep, step="H5")),
    ("YieldAnswered", "yielded", lambda s: s.f.yielded and s.changed),
    ("YieldAnswered", "", lambda s: s.heard_more),
    # this node's surroundings
    ("GateSampled", "too few", lambda s: s.gained(C.isolated) or s.lost(C.isolated)),
    ("GateSampled", "frozen", lambda s: s.lost(C.frozen)),
    ("WatchWindow", "closes", lambda s: s.said("watch_window")),
    ("WatchWindow", "", lambda s: s.said("watch_window")),
    ("ProfileSet", "", lambda s: s.said("profile_set")),
    ("MirrorVerified", "", lambda s: s.changed),
    ("MirrorMissing", "", lambda s: C.no_mirror in s.a.conditions),
    ("MirrorMissing", "not loaded", lambda s: s.went(P.activating, P.standby)),
    ("MirrorMissing", "", lambda s: s.changed and not s.a.live.mirror_revision),
    ("MirrorFailed", "primary answers", lambda s: s.said("mirror_failed")),
    ("MirrorStaged", "", lambda s: s.said("alarm_mirror_staged")),
    # carrying out
    ("EditsKept", "", lambda s: s.said("edits_kept")),
    ("WorkingReady", "of this term", lambda s: s.a.live.working_ready and not s.b.live.working_ready),
    ("WorkingReady", "of this term, no", lambda s: s.went(P.activating, P.active, "no monitors")),
    ("FirstCheckStarted", "of this term", lambda s: s.went(P.activating, P.active, "first check")),
    ("FirstCheckStarted", "of this term", lambda s: s.a.live.first_check_started and s.same_place),
    ("StepDone", "P", lambda s: s.a.live.precopied and not s.b.live.precopied),
    ("StepDone", "the step", lambda s: bool(s.steps) or _debt_changed(s)),
    ("StepDone", "an owed", _debt_changed),
    ("StepDone", "", lambda s: s.heard_more),
    ("StepFailed", "P", lambda s: s.said("step_failed", "P")),
    ("StepFailed", "H2", lambda s: s.went(P.handback, P.active, "failed")),
    ("StepFailed", "H5", lambda s: s.grew("step_failures")),
    ("StepFailed", "H6", lambda s: s.went(P.handback, P.standby, "H6 failed")),
    ("StepFailed", "an owed", lambda s: s.said("step_failed")),
    # operators
    ("ActivateAsked", "", lambda s: s.a.position is P.activating),
    ("SwitchoverAsked", "", lambda s: s.a.live.asked_yield),
    ("StandbyAsked", "primary proven", lambda s: s.a.position is P.handback),
    ("StandbyAsked", "not proven", lambda s: s.a.position is P.standby),
    ("HoldSet", "", lambda s: C.hold in s.a.conditions),
    ("HoldReleased", "", lambda s: s.lost(C.hold)),
    ("FlapUnlocked", "", lambda s: s.lost(C.flap_lock)),
)
"""(name of the fact, first words of the guard, predicate), one for each row."""

_BY_FACT = {}
for _number, (_fact, _, _predicate) in enumerate(FOLLOWED):
    _BY_FACT.setdefault(_fact, []).append((_number, ROWS[_number].where if _number < len(ROWS) else (), _predicate))
_IN_TIME = _BY_FACT["Tick"]


def row_name(number):
    """A row as people find it in the table."""
    row = ROWS[number]
    return f"{number} {row.fact.__name__} [{row.guard or 'always'}] -> {row.to}"[:110]


NAMES = [row_name(number) for number in range(len(ROWS))]


def followed_rows(before, fact, after, out):
    """The rows that this decision followed: those of its fact, and those that time completes with any fact."""
    seen = Seen(before, fact, after, out)
    kind = type(fact).__name__
    rows = _BY_FACT.get(kind, ()) if kind != "Tick" else ()
    for number, where, predicate in rows:
        if before.position in where and predicate(seen):
            yield NAMES[number]
    if seen.steps or out or before.conditions is not after.conditions:
        for number, _, predicate in _IN_TIME:
            if predicate(seen):
                yield NAMES[number]
