"""The truth about a pair that its machines do not see, and the rules that are held against it at every step.

| rule | promise |
|---|---|
| terms only grow, are durable before their first check, and are never used by both nodes | terms |
| a takeover from silence: no proof of life for all of activate_after, misses, gate, verified mirror, no own pause | R3 R4 R5 |
| no takeover from a primary that answers untrusted, unless the profile allows it | R6 |
| both start checks only while no word can pass, for the promised time afterwards, or under a declared overlap | R8 |
| who is fit takes over from a dead primary, and from a stuck one, in time; nobody is idle in calm weather | R1 R2 |
| automatic takeovers: three an hour, six a day, then a lock | R17 |
| every change of role states what was seen | R23 |
| every passing state, freeze and isolation ends in bounded time | liveness |
"""

import math
from collections import Counter
from itertools import pairwise

from sitescope_fo.failover import machine, timing
from sitescope_fo.failover.flap import AUTOMATIC, LIMITS
from sitescope_fo.failover.state import BLOCKING
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.status import ACTING, PASSIVE, Condition, Position, PrimaryState
from tests.failover.followed import followed_rows

HITS = Counter()
"""Over all pairs of this process: positions, moves, rows of the table, pairs, refusals, events, mails."""
SPENT = Counter()
"""Over all pairs of this process: simulated seconds of nodes, and pairs."""

C, P = Condition, Position
_PASSIVE = frozenset({C.no_mirror, C.unverifiable, C.isolated, C.fault, C.hold})
LEGAL = {
    **dict.fromkeys(PASSIVE, _PASSIVE),
    **dict.fromkeys(ACTING, frozenset({C.isolated, C.frozen, C.fault, C.hold, C.flap_lock})),
    P.handback: frozenset({C.isolated, C.fault, C.hold}),
}
"""Which conditions can hold in which position; the others are never seen, and the enumeration leaves them out."""
ORDERS = (
    facts.ActivateAsked,
    facts.SwitchoverAsked,
    facts.StandbyAsked,
    facts.HoldSet,
    facts.HoldReleased,
    facts.FlapUnlocked,
    facts.ProfileRemoved,
)
NOT_TAKEN_OVER = "a dead primary is not taken over (R1)"
WALL_IS_RIGHT_S = 400.0
LOOK_EVERY_S = 1.0
SLACK_S = 6.0
FAILOVER = "failover-1"


def valid(after):
    """What is true of every state, wherever it came from."""
    assert after.conditions <= LEGAL[after.position], (after.position, after.conditions)
    assert (C.hold in after.conditions) == (after.journal.hold is not None)
    assert (C.flap_lock in after.conditions) == (after.journal.flap_lock_wall > 0)
    if after.passive:
        assert not after.may_check
        assert not after.may_notify
    if after.position is P.recovering:
        assert after.journal.handback is not None
    if after.journal.drift:
        assert after.journal.handback is not None or after.acting or after.position is P.handback


class Rules:
    """Sees every decision, every answer and all time that passes in one world."""

    def __init__(self, pair):
        self.pair = pair
        self.overlap_s = self.gap_s = 0.0
        self.overlapping_since = None
        self.fair_since = self.excused_until = 0.0
        self.takeovers = []
        self.moves = set()
        self.counted = []
        """When it took over by itself, since somebody ended a lock."""
        self.stepped = False
        """Takeovers are counted by the wall clock; when that stepped between two of them, nobody can say how many an hour had."""
        self.used = {"failover": set(), "primary": set()}
        self.alive = self.stalled = self.untrusted = -math.inf
        """When the newest probe was sent whose answer was a proof of life, admitted stalled work, could not be trusted."""
        self.goodbye_over = -math.inf
        self.entered = {"failover": pair.mono, "primary": pair.mono}
        self.since = {}
        self.look_at = 0.0

    def hit(self, what):
        HITS[what] += 1

    def broken(self, what):
        raise AssertionError(f"{what}{self.pair.timeline()}")

    # --- what really happened -----------------------------------------------------------------------------------------

    def answered(self, began, fact):
        """A reply that reached the failover within the hard time-out."""
        if isinstance(fact, facts.ProbeUnverifiable):
            self.untrusted = max(self.untrusted, began)
        elif fact.state is PrimaryState.running:
            if fact.stalled or fact.scheduler_age_s > timing.STALLED_S:
                self.stalled = max(self.stalled, began)
            else:
                self.alive = max(self.alive, began)

    def refused(self, error):
        if error is not None:
            self.hit(f"refused primary {error.code}")

    def excuse(self, seconds):
        """A step hangs: what waits for it may last until it is asked for again."""
        self.excused_until = max(self.excused_until, self.pair.mono + seconds)

    def check_started(self, node):
        """A node begins to check with its term."""
        me = self.pair.name(node)
        other = "primary" if me == "failover" else "failover"
        term = node.journal.term
        if not node.failing and node.durable.term != term:
            self.broken(f"{me} checks with term {term}; durable is {node.durable.term}")
        if term in self.used[other]:
            self.broken(f"term {term} is used by both nodes")
        theirs = max(self.used[other], default=0)
        if me == "primary" and term < theirs <= node.journal.highest_term_heard:
            self.broken(f"the primary checks with term {term}; it has heard of {theirs}, which the failover used")
        self.used[me].add(term)

    # --- every decision of the failover -------------------------------------------------------------------------------

    def failover(self, before, after, out, fact):
        kind = type(fact).__name__
        if before.journal is not after.journal and after.journal.term < before.journal.term:
            self.broken(f"the failover's term fell from {before.journal.term} to {after.journal.term}")
        if after is not before or out:
            HITS[f"pair {before.position} {kind}"] += 1
            if kind != "Tick" or after.position is not before.position or out:
                for row in followed_rows(before, fact, after, out):
                    HITS[f"row {row}"] += 1
        if isinstance(fact, ORDERS):
            error = machine.refusal(before, fact, self.pair.failover.now)
            HITS[f"refused {error.code}" if error else f"carried out {kind}"] += 1
        if isinstance(fact, facts.ProfileSet | facts.BootCheckHeard | facts.NodeStarted | facts.WatchWindow):
            self.since.clear()  # what was seen before is worth nothing: patience begins anew
        if isinstance(fact, facts.GoodbyeHeard):
            self.goodbye_over = self.pair.mono + min(fact.eta_s, timing.GOODBYE_LONGEST_S)
        forgets = isinstance(fact, facts.FlapUnlocked | facts.NodeStarted | facts.StandbyAsked)
        if forgets and not after.journal.takeovers:
            self.counted.clear()
        if after.conditions != before.conditions:
            self._conditions(before, after)
        if after.position is not before.position:
            self._moved(before, after, fact)
        for one in out:
            if isinstance(one, effects.StartMonitors) and not after.may_check:
                self.broken("monitors are started by a node that may not check")

    def _conditions(self, before, after):
        valid(after)
        for one in after.conditions - before.conditions:
            HITS[f"condition {one}"] += 1
        for one in before.conditions - after.conditions:
            HITS[f"condition over {one}"] += 1

    def _moved(self, before, after, fact):
        pair, journal = self.pair, after.journal
        valid(after)
        steps = [before.position]
        for one in journal.transitions[-4:]:
            if one.wall >= pair.failover.now.wall - 1e-6 and one.source is steps[-1]:
                steps.append(one.to)
                if not one.evidence or not one.why:
                    self.broken(f"{one.source} -> {one.to} states nothing that was seen")
        if steps[-1] is not after.position:
            steps = [before.position, after.position]
        for source, to in pairwise(steps):
            self.moves.add((source.value, to.value))
            HITS[f"move {source} -> {to}"] += 1
            pair.log(f"F {source} -> {to}: {journal.last_transition.why}")
        HITS.update(f"at {one}" for one in steps)
        self.entered["failover"] = pair.mono
        if P.activating in steps:
            self.since.pop(NOT_TAKEN_OVER, None)
        if P.activating in steps[1:]:
            self._takeover(before, after, fact)
        elif before.position is P.activating and after.passive and self.counted:
            self._given_up(before, after)

    def _given_up(self, before, after):
        """An activation that ends before its first check does not count as a takeover."""
        if len(after.journal.takeovers) < len(before.journal.takeovers):
            self.counted.pop()

    def _takeover(self, before, after, fact):
        pair, node, journal = self.pair, self.pair.failover, after.journal
        cause = journal.cause
        HITS[f"cause {cause}"] += 1
        self.takeovers.append((pair.mono, cause))
        if journal.term <= max(before.journal.term, before.journal.highest_term_heard):
            self.broken(f"term {journal.term} is not above every one known")
        if not node.mirror:
            self.broken("takeover without a mirror")
        if node.failing:
            self.broken("takeover with a term that is not durable")
        if cause not in AUTOMATIC:
            return
        if journal.hold is not None and not isinstance(fact, facts.HoldReleased):
            self.broken("automatic takeover under a hold")
        self._patience(after, cause)
        self.counted.append(pair.mono)
        self.stepped |= abs(node.step) > WALL_IS_RIGHT_S
        for most, seconds, said in LIMITS:
            if not self.stepped and sum(at > pair.mono - seconds * 0.999 for at in self.counted) > most:
                self.broken(f"more than {most} automatic takeovers in {said} (R17)")

    def _patience(self, after, cause):
        """R3 to R6: by what really happened, not by what the machine believes."""
        pair, node, t = self.pair, self.pair.failover, after.config.timing
        least = t.activate_after_s * (1 - 2e-4) - 0.01
        since = {
            "the last proof of life": self.alive,
            "this node's own start or pause": node.doubts_since if cause == "silent" else -math.inf,
        }
        if cause == "silent":
            since["the last untrusted answer"] = self.untrusted
            since["the last answer that it runs"] = self.stalled
        if cause == "goodbye":
            since.clear()
            if pair.mono < self.goodbye_over - 0.1:
                self.broken("takeover before the announced stop was over")
        if cause == "unverifiable":
            since.clear()
            least = after.config.takeover_when_unverifiable_s
            if not least:
                self.broken("takeover from an unverifiable primary that the profile does not allow (R6)")
        for what, at in since.items():
            if pair.mono - at < least:
                self.broken(f"{cause} takeover {pair.mono - at:.2f} s after {what}, not {t.activate_after_s:g} s")
        if cause == "silent" and not node.network and pair.mono - node.network_since > timing.GATE_FRESH_S + 1:
            self.broken("takeover by an isolated node (R5)")

    # --- every decision of the primary --------------------------------------------------------------------------------

    def primary(self, before, after, out, fact):
        if after.journal.term < before.journal.term:
            self.broken(f"the primary's term fell from {before.journal.term} to {after.journal.term}")
        if after is not before or out:
            HITS[f"primary pair {before.state} {type(fact).__name__}"] += 1
        if after.state is not before.state:
            self.moves.add((before.state.value, after.state.value))
            HITS[f"move {before.state} -> {after.state}"] += 1
            HITS[f"at {after.state}"] += 1
            self.pair.log(f"P {after.last_transition}")
            self.entered["primary"] = self.pair.mono
            if not after.evidence:
                self.broken(f"{after.last_transition} states nothing that was seen")
        for one in out:
            if isinstance(one, effects.StartOwnMonitors) and not after.may_check:
                self.broken("own monitors are started by a primary that may not check")

    # --- time ---------------------------------------------------------------------------------------------------------

    def pass_time(self, when):
        """Nothing happens until `when`: what it is like meanwhile, and whether it has been so for too long."""
        pair = self.pair
        span = when - pair.mono
        if span <= 0:
            return
        mine, theirs = pair.failover.may_start(), pair.primary.may_start()
        if mine and theirs:
            self.overlap_s += span
            if self.overlapping_since is None:
                self.overlapping_since = pair.mono
                pair.log("== both may start checks")
        else:
            if not mine and not theirs:
                self.gap_s += span
            if self.overlapping_since is not None:
                pair.log(f"== only one again, after {pair.mono - self.overlapping_since:.2f} s")
                self.overlapping_since = None
        if pair.mono >= self.look_at:
            self.look_at = pair.mono + LOOK_EVERY_S
            if mine and theirs:
                self._overlap()
            self._in_time(mine, theirs)

    def _overlap(self):
        """R8: both may start checks only while no message could pass, plus 4 x check_every + 5 s.

        A request that was lost on the way is only missed at its hard time-out. What the failover has written down and goes on
        telling (hold, lock, fault, a sick primary, a closed window, a failed hand-back) is declared.
        """
        pair = self.pair
        state = pair.failover.state
        declared = {C.hold, C.flap_lock, C.fault} & state.conditions
        sick = state.journal.cause == "degraded" or not state.live.window_open or pair.primary.stalled_what
        if state.live.retry_at < math.inf:
            self.excuse(0.0)  # a failed hand-back: the next try is after stable_for
        if pair.failover.gate_hangs:
            self.excuse(timing.GATE_EVERY_S)  # isolated as far as it can know, and that keeps it acting
        if pair.failover.broken_steps or pair.failover.disk_broken or pair.primary.disk_broken:
            self.excuse(0.0)
        if not pair.clear or declared or sick or FAILOVER not in pair.primary.listed:
            self.fair_since = max(self.fair_since, pair.mono)
            return
        starts = (self.overlapping_since, self.fair_since, self.excused_until)
        since = max(*starts, pair.primary.awake_since, pair.failover.awake_since)
        t = state.config.timing
        bound = 4 * t.check_every_s + 5.0 + t.hard_timeout_s + LOOK_EVERY_S
        if pair.mono - since > bound:
            self.broken(f"overlap of {pair.mono - since:.1f} s (R8)")

    def lasts(self, what, holds, bound_s):
        """Breaks when something has been so for longer than its bound."""
        if not holds:
            self.since.pop(what, None)
            return
        since = self.since.setdefault(what, self.pair.mono)
        if self.pair.mono - since > bound_s:
            self.broken(f"{what} for {self.pair.mono - since:.1f} s, at most {bound_s:.1f} s")

    def _in_time(self, mine, theirs):
        pair, node, primary = self.pair, self.pair.failover, self.pair.primary
        if not node.up:
            self.since.clear()
            return
        state = node.state
        t = state.config.timing
        whole = (
            node.awake
            and node.network
            and node.mirror
            and not node.pin
            and node.monitors
            and not (node.quiet_monitors or node.gate_hangs)
        )
        fit = whole and not node.disk_broken and not node.failing and state.live.window_open
        ready = fit and state.passive and not state.conditions & (BLOCKING | {C.unverifiable})
        dead = not primary.awake or pair.cut or pair.one_way
        patience = max(t.activate_after_s, timing.LATE_FOR_S) + t.soft_timeout_s + t.hard_timeout_s + SLACK_S
        goodbye = max(0.0, self.goodbye_over - pair.mono)
        if self.since.get(NOT_TAKEN_OVER, pair.mono) < primary.awake_since:
            del self.since[NOT_TAKEN_OVER]  # it lived for a moment between two looks, and may have been heard
        self.lasts(NOT_TAKEN_OVER, ready and dead and not goodbye, patience)
        stuck = primary.awake and primary.side.state is PrimaryState.running and primary.stalled_since is not None
        stuck = ready and stuck and pair.clear and node.passes_same_check
        self.lasts("a stuck primary is not taken over (R2)", stuck and not goodbye, 40.0 + patience)
        calm = fit and primary.awake and pair.clear and not (node.broken_steps or primary.disk_broken or state.journal.hold)
        calm = calm and not self._fail_alike()
        longest = patience + 60.0 + timing.yield_for(state.config) + primary.boot_check_s
        peers = FAILOVER in primary.listed
        self.lasts("nobody checks in calm weather", calm and peers and not mine and not theirs and not goodbye, longest)
        idle = whole and fit and state.may_check and not node.running and not state.live.overlap_hold
        self.lasts("acts without its monitors", idle, 2 * timing.STUCK_S + SLACK_S)
        if not node.awake:
            self.since.pop("frozen", None)
            self.since.pop("isolated with a network", None)
        else:
            frozen = timing.frozen_for(state.config) + SLACK_S
            self.lasts("frozen", C.frozen in state.conditions, frozen)
            self.lasts("isolated with a network", C.isolated in state.conditions and node.network and not node.gate_hangs, 12.0)
        self._position(node, state)

    def _fail_alike(self):
        """The primary admits what this node fails as well: no takeover, by design."""
        node = self.pair.failover
        admits = self.pair.primary.stalled_since is not None or bool(node.state.live.degraded_what)
        return admits and not node.passes_same_check

    def _position(self, node, state):
        limit = position_limit(state)
        inside = self.pair.mono - max(self.entered["failover"], node.awake_since, self.since.get("free", 0.0))
        blocked = state.conditions & (BLOCKING | {C.unverifiable, C.flap_lock}) or node.gate_hangs
        if blocked or not node.awake or self._fail_alike():
            self.since["free"] = self.pair.mono
        elif inside > limit:
            self.broken(f"{state.position} for {inside:.0f} s, at most {limit:.0f} s")
        primary = self.pair.primary
        waits = primary.awake and primary.side.state is PrimaryState.boot_check
        self.lasts(f"boot-check of life {primary.life}", waits, primary.boot_check_s + timing.BOOT_CHECK_PAUSE_S + SLACK_S)

    def done(self):
        """At the end of a world: what it cost and what it saw."""
        SPENT["pairs"] += 1
        SPENT["seconds"] += 2 * (self.pair.mono - 1000.0)


def position_limit(state):
    """Longest time in a position that nothing blocks."""
    t = state.config.timing
    match state.position:
        case P.suspect:
            return 2 * t.activate_after_s + t.misses * t.check_every_s + t.hard_timeout_s + 60
        case P.grace:
            # A pair that degrades is asked to yield, and who was blind or isolated begins to count again.
            return math.inf if state.live.answering else 2 * t.activate_after_s + t.hard_timeout_s + 60
        case P.announced:
            return timing.GOODBYE_LONGEST_S + 60
        case P.activating:
            return math.inf if not state.live.working_ready else 130
        case P.recovering:
            return max(1800, t.stable_for_s) + timing.PRECOPY_LONGEST_S + 60
        case P.handback:
            return 2 * timing.STEP_S + timing.LOST_S + t.hard_timeout_s + 30
        case _:
            return math.inf


__all__ = ["HITS", "LEGAL", "SPENT", "Rules", "valid"]
