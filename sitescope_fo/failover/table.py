"""The machine as a table for people: what each fact does in which position. Every pair that is not here is a no-op.

docs/failover.md is made from it, and a test enumerates the machine and finds exactly these pairs.
"""

from __future__ import annotations

import msgspec

from sitescope_fo.model import fact as facts
from sitescope_fo.model.status import ACTING, PASSIVE, Position

P = Position
ALL = frozenset(Position)
BEFORE_STANDBY = PASSIVE - {P.standby}
RETURNING = frozenset({P.active, P.recovering})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row: in these positions this fact, under this guard, leads to that."""

    where: frozenset[Position]
    fact: type[facts.Fact]
    to: str
    guard: str = ""


def _row(where: frozenset[Position] | set[Position], fact: type[facts.Fact], guard: str, to: str) -> Row:
    return Row(where=frozenset(where), fact=fact, guard=guard, to=to)


ROWS: tuple[Row, ...] = (
    # the node
    _row(PASSIVE, facts.NodeStarted, "", "standby; nothing seen before counts"),
    _row(ACTING, facts.NodeStarted, "", "active + frozen; loads the working tree, asks the primary"),
    _row({P.handback}, facts.NodeStarted, "", "the journaled step again"),
    _row(
        ALL,
        facts.NodeStarted,
        "state unreadable",
        "+ fault until the primary reports its term or activate_after; term above every known one",
    ),
    _row({P.suspect}, facts.Tick, "misses reached, or degraded for 30 s", "grace"),
    _row({P.standby}, facts.Tick, "it answers and does not monitor for 30 s", "grace"),
    _row({P.grace}, facts.Tick, "due; ready, silent, gate open, a probe sent after due - soft - 1 s failed", "activating"),
    _row({P.grace}, facts.Tick, "due; ready, degraded but answering, this node passes the check it fails", "asks it to yield"),
    _row(
        PASSIVE,
        facts.Tick,
        "no answer to the yield request within `hard`",
        "activating, overlap opened (a switchover is given up instead)",
    ),
    _row({P.grace, P.announced}, facts.Tick, "due, not ready", "alarm: which condition, since when, set by whom"),
    _row({P.announced}, facts.Tick, "deadline; ready, and no proof of life since the goodbye", "activating"),
    _row({P.announced}, facts.Tick, "deadline; a proof of life since the goodbye", "standby"),
    _row(PASSIVE, facts.Tick, "unverifiable for takeover_when_unverifiable; ready", "asks it to yield"),
    _row({P.activating}, facts.Tick, "60 s, loaded, and no monitor had a check to start", "active"),
    _row(ACTING, facts.Tick, "60 s and not loaded", "lays out the working tree again; alarm"),
    _row({P.recovering}, facts.Tick, "window passed, pre-copied, none of hold flap_lock fault isolated frozen", "handback"),
    _row({P.recovering}, facts.Tick, "pre-copy not converged in 10 min", "active; next try after stable_for"),
    _row({P.handback}, facts.Tick, "H2 not done in 60 s", "active; next try after stable_for"),
    _row({P.handback}, facts.Tick, "H5 unanswered", "standby with normal detection"),
    _row({P.handback}, facts.Tick, "H6 not done in 60 s", "standby; tidying up is owed"),
    _row(ACTING, facts.Tick, "frozen and nothing told who acts", "- frozen, + isolated"),
    _row(ALL, facts.Tick, "a hold's time is over; 15 min before", "- hold; a mail"),
    _row(ACTING, facts.Tick, "flap_lock, 6 h of health, takeovers within the limits again", "- flap_lock"),
    _row(PASSIVE, facts.LoopGap, "> 2 s", "frozen and at once not: what was seen before counts nothing; gate shut for 10 s"),
    _row(ACTING, facts.LoopGap, "> 2 s", "+ frozen; probes and samples at once"),
    _row({P.handback}, facts.LoopGap, "> 2 s", "the step gets the time back"),
    _row(ALL, facts.LoopLate, ">= 1 s", "gate shut for 10 s"),
    _row(ALL, facts.StoreFailed, "", "+ fault; an activation that has not loaded its tree: standby"),
    _row(ALL, facts.StoreRecovered, "", "- fault"),
    _row(ALL, facts.StopAsked, "", "log; acting or handing back: mail that nobody monitors"),
    # the primary's word
    _row(BEFORE_STANDBY, facts.ProbeAnswered, "proof of life, even late (announced: of a new life)", "standby, misses 0"),
    _row({P.standby, P.announced}, facts.ProbeAnswered, "degraded (announced: of a new life)", "suspect"),
    _row(PASSIVE, facts.ProbeAnswered, "running, yielded or boot-checking", "- unverifiable; an owed order to run is settled"),
    _row(PASSIVE, facts.ProbeAnswered, "yielded, and not to a question of ours", "told to run (H5), alarm: nobody monitors"),
    _row(
        {P.activating},
        facts.ProbeAnswered,
        "proof of life sent after the term was written, no check started",
        "standby; the term stays used",
    ),
    _row(
        {P.active},
        facts.ProbeAnswered,
        "healthy, sent after the activation; no hold, no flap_lock, not too soon after a failed try",
        "recovering; it runs: alerts held, overlap opened",
    ),
    _row({P.active}, facts.ProbeAnswered, "as above, taken over because degraded and still the same life", "stays active"),
    _row({P.active}, facts.ProbeAnswered, "healthy and running, hold or flap_lock", "alerts held, asked to yield every 30 s"),
    _row({P.recovering}, facts.ProbeAnswered, "healthy", "counts for the window"),
    _row({P.recovering}, facts.ProbeAnswered, "degraded, or no longer running or waiting", "active, flap score + 1"),
    _row(
        ACTING,
        facts.ProbeAnswered,
        "frozen, sent after the pause",
        "- frozen; a running primary then leads where it leads without the pause",
    ),
    _row({P.handback}, facts.ProbeAnswered, "running with a higher term", "standby; tidying up is owed"),
    _row({P.standby}, facts.ProbeMissed, "", "suspect"),
    _row({P.suspect, P.grace}, facts.ProbeMissed, "", "misses + 1"),
    _row(PASSIVE, facts.ProbeMissed, "unverifiable", "- unverifiable, suspect; nothing seen before counts"),
    _row({P.announced}, facts.ProbeMissed, "", "evidence only"),
    _row({P.recovering}, facts.ProbeMissed, "sent after the return", "active, flap score + 1"),
    _row({P.active, P.activating}, facts.ProbeMissed, "", "alerts leave again"),
    _row({P.active, P.activating}, facts.ProbeMissed, "frozen; the second, and the reference points answer", "- frozen, go on"),
    _row({P.handback}, facts.ProbeMissed, "misses reached before H5", "active, same term"),
    _row(ALL, facts.ProbeMissed, "foreign", "alarm"),
    _row(PASSIVE, facts.ProbeUnverifiable, "", "+ unverifiable; alarm"),
    _row({P.recovering}, facts.ProbeUnverifiable, "", "active, flap score + 1; alarm"),
    _row({P.active, P.activating, P.handback}, facts.ProbeUnverifiable, "", "alarm only"),
    _row(PASSIVE, facts.GoodbyeHeard, "", "announced, deadline = now + eta, at most 1 h"),
    _row(ACTING | {P.handback}, facts.GoodbyeHeard, "recovering: active", "noted; alerts leave again"),
    _row(PASSIVE, facts.BootCheckHeard, "", "standby (answered: not active); nothing seen before counts"),
    _row(ACTING | {P.handback}, facts.BootCheckHeard, "recovering: active", "noted (answered: active); - frozen; above its term"),
    _row(
        PASSIVE, facts.YieldAnswered, "asked; yielded, or not and it is no switchover", "activating; not yielded: overlap opened"
    ),
    _row(PASSIVE, facts.YieldAnswered, "not asked any more, yielded", "told to run (H5)"),
    _row(ACTING, facts.YieldAnswered, "yielded", "overlap closed, alerts leave again"),
    _row({P.handback}, facts.YieldAnswered, "", "its term is stored"),
    # this node's surroundings
    _row(ALL, facts.GateSampled, "too few points answer / enough", "+ / - isolated; back while acting: alerts judged anew"),
    _row(ACTING, facts.GateSampled, "frozen, two probes failed", "enough points: - frozen, go on; else isolated"),
    _row(PASSIVE, facts.WatchWindow, "closes / opens", "standby, nothing is judged / nothing seen before counts"),
    _row(ACTING | {P.handback}, facts.WatchWindow, "", "stored"),
    _row(ALL, facts.ProfileSet, "", "new settings; nothing seen before counts"),
    _row(ALL, facts.MirrorVerified, "", "- no_mirror"),
    _row(PASSIVE, facts.MirrorMissing, "", "+ no_mirror, mailed after 60 s"),
    _row({P.activating}, facts.MirrorMissing, "not loaded yet", "standby + no_mirror"),
    _row({P.active, P.recovering, P.handback}, facts.MirrorMissing, "", "stored: counts from standby on"),
    _row(ALL, facts.MirrorFailed, "primary answers", "logged, mailed after 60 s"),
    _row(ALL, facts.MirrorStaged, "", "alarm"),
    # carrying out
    _row(ALL, facts.EditsKept, "", "log and mail: where the edits are"),
    _row(ACTING, facts.WorkingReady, "of this term", "starts the monitors, unless frozen"),
    _row({P.activating}, facts.WorkingReady, "of this term, no monitors in it", "active"),
    _row({P.activating}, facts.FirstCheckStarted, "of this term", "active"),
    _row(RETURNING, facts.FirstCheckStarted, "of this term", "stored"),
    _row({P.recovering}, facts.StepDone, "P", "pre-copied"),
    _row({P.handback}, facts.StepDone, "the step under way", "the next step; after H6 standby"),
    _row(PASSIVE, facts.StepDone, "an owed step", "settled"),
    _row({P.activating, P.active}, facts.StepDone, "", "its term is stored"),
    _row({P.recovering}, facts.StepFailed, "P", "again after 5 s; the third is mailed"),
    _row({P.handback}, facts.StepFailed, "H2, or H5 refused", "active, same term; next try after stable_for"),
    _row({P.handback}, facts.StepFailed, "H5, answer lost", "asked again for 30 s, then standby"),
    _row({P.handback}, facts.StepFailed, "H6", "standby; tidying up is owed"),
    _row(PASSIVE, facts.StepFailed, "an owed step", "logged; asked again"),
    # operators
    _row(PASSIVE, facts.ActivateAsked, "no proof of life within activate_after, a mirror, no fault", "activating"),
    _row(
        PASSIVE,
        facts.SwitchoverAsked,
        "primary proven running, a mirror, no fault, not isolated",
        "asks it to yield; yielded: activating + hold",
    ),
    _row(ACTING, facts.StandbyAsked, "primary proven running or waiting", "handback"),
    _row(ACTING, facts.StandbyAsked, "not proven, forced", "standby + hold 4 h"),
    _row(ALL, facts.HoldSet, "at most 7 d; recovering: active", "+ hold"),
    _row(ALL, facts.HoldReleased, "hold", "- hold"),
    _row(ACTING, facts.FlapUnlocked, "flap_lock", "- flap_lock, takeovers so far forgotten"),
)

LISTED: frozenset[tuple[Position, type[facts.Fact]]] = frozenset((place, row.fact) for row in ROWS for place in row.where)
"""Every pair in which a fact may change something."""


def markdown() -> str:
    """The table for docs/failover.md."""
    lines = ["| position | fact | guard | to |", "|---|---|---|---|"]
    lines += [f"| {_places(row.where)} | {row.fact.__name__} | {row.guard} | {row.to} |" for row in ROWS]
    return "\n".join(lines) + "\n"


def _places(where: frozenset[Position]) -> str:
    for name, group in (("any", ALL), ("passive", PASSIVE), ("acting", ACTING), ("acting, handback", ACTING | {P.handback})):
        if where == group:
            return name
    return " ".join(place for place in Position if place in where)
