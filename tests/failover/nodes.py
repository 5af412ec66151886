"""The two processes of a pair at decision level: the pure machines, what they ask for, and a disk between deciding and doing.

A decision is durable before its effects leave, as `engine.writer` does it: a process that dies in between has the one, both or
neither, and a disk that fails is told as `StoreFailed` while memory goes on.
"""

import math

from msgspec.structs import replace

from sitescope_fo.failover import machine, timing
from sitescope_fo.failover.state import Journal
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.ports import Now
from tests.failover.desk import NAME, START_WALL, profile

FAILOVER = "failover-1"
POINTS = 4
SKEW_S = 30.0
GAP_S = 1.5
LEAST_S = 1e-6
MOST_IN_FLIGHT = 16


class Node:
    """What both processes have in common: a clock, a life, sleep, a disk."""

    def __init__(self, pair):
        self.pair = pair
        self.up = True
        self.asleep_until = self.awake_since = self.doubts_since = 0.0
        self.gap = 0.0
        self.life = 0
        self.running = False
        self.armed = math.inf
        self.boot = self.drift = self.step = 0.0
        self.disk_broken = self.failing = False
        self.retry_at = 0.0
        self.durable = None
        self.late_words = []
        """Answers that came after their time-out: a scheme may deliver them."""

    # --- its clocks -------------------------------------------------------------------------------------------------

    @property
    def now(self):
        """Its boot-time clock, with drift and since its own boot, and its wall clock, which may be stepped."""
        world = self.pair.mono
        return Now(self.boot + world * (1 + self.drift), START_WALL + world * (1 + self.drift) + self.step)

    def world_time(self, mono):
        """When its own boot-time clock shows `mono`."""
        return (mono - self.boot) / (1 + self.drift)

    # --- its life ---------------------------------------------------------------------------------------------------

    @property
    def awake(self):
        return self.up and self.pair.mono >= self.asleep_until

    def after(self, delay, fn):
        """Calls `fn` later, in this life only; a sleeping process does it when it wakes."""
        life = self.life

        def call():
            if life != self.life or not self.up:
                return
            if self.pair.mono < self.asleep_until:
                self.pair.at(self.asleep_until, call)
                return
            fn()

        self.pair.at(self.pair.mono + delay, call)

    def sleep(self, seconds):
        """SIGSTOP or suspend. Whoever wakes learns of it before it decides anything else."""
        self.asleep_until = self.pair.mono + seconds
        self.gap = seconds
        self.after(seconds, self.woken)

    def woken(self):
        self.awake_since = self.pair.mono
        if self.gap > timing.PAUSE_LIMIT_S:
            self.doubts_since = self.pair.mono
        self.give(facts.Tick())

    def crash(self, *, power=False):
        """kill -9, or the power goes: then its clock begins anew at the next start."""
        self.up, self.running, self.asleep_until, self.gap = False, False, 0.0, 0.0
        self.life += 1
        self.armed = math.inf
        if power:
            self.boot = 20.0 - self.pair.mono * (1 + self.drift)

    def rise(self):
        """The process is there again."""
        self.up, self.running, self.failing, self.gap = True, False, False, 0.0
        self.late_words = []
        self.armed = math.inf
        self.life += 1
        self.awake_since = self.doubts_since = self.pair.mono

    # --- deciding ---------------------------------------------------------------------------------------------------

    def give(self, *given):
        """Decides facts: as the writer, after a pause first of all that pause, durable before the effects leave."""
        if not self.awake:
            return
        mono = self.now.mono
        if self.gap > GAP_S:
            given = (facts.LoopGap(gap_s=self.gap), *given)
        self.gap = 0.0
        if self.failing and mono >= self.retry_at:
            if self.disk_broken:
                self.retry_at = mono + 1.0
            else:
                self.failing, self.durable = False, self.journal
                given = (facts.StoreRecovered(), *given)
        before = self.value
        after, out, seen = self.all_decided(before, given)
        fate = self.pair.fate(self, before, after)
        if fate == "before":
            self.pair.crash(self, "before its decision was durable")
            return
        if not self.failing and self.journal_of(after) != self.durable:
            if self.disk_broken:
                self.failing, self.retry_at = True, mono + 1.0
                first = [one for one in given if isinstance(one, facts.NodeStarted)]
                rest = [one for one in given if one not in first]
                after, out, seen = self.all_decided(before, (*first, facts.StoreFailed(why="EIO"), *rest))
            else:
                self.durable = self.journal_of(after)
        self.value = after
        for one in seen:
            self.judge(*one)
        if fate == "after":
            self.pair.crash(self, "before its effects left")
            return
        life = self.life
        for one in out:
            self.carry_out(one)
            if life != self.life:
                return
        self.arm()
        if fate:
            fate()

    def all_decided(self, value, given):
        out, seen = [], []
        now = self.now
        for fact in given:
            before = value
            value, some = self.decide(before, fact, now)
            seen.append((before, value, some, fact))
            out.extend(some)
        return value, out, seen

    def arm(self):
        """Wakes at the next deadline, or after the longest time the writer sleeps."""
        at = min(self.world_time(self.wake()), self.pair.mono + self.pair.slowest_tick_s)
        if self.failing:
            at = min(at, self.world_time(self.retry_at))
        at = max(at, self.pair.mono + LEAST_S)
        if at < self.armed:
            self.armed = at
            self.after(at - self.pair.mono, lambda: self.tick(at))

    def tick(self, at):
        if at == self.armed:
            self.armed = math.inf
            self.give(facts.Tick())


class FailoverNode(Node):
    def __init__(self, pair, preset, **changes):
        super().__init__(pair)
        self.config = profile(preset, **changes)
        self.state = machine.initial(self.config)
        self.durable = self.state.journal
        self.network = True
        self.network_since = 0.0
        self.mirror = "rev"
        self.monitors = 9
        self.quiet_monitors = False
        self.pin = ""
        self.broken_steps = {}
        self.passes_same_check = True
        self.first_check_at = None
        self.pinned = 0
        self.gate_hangs = False
        self.asked = None
        self.beat = 0
        self.in_flight = 0
        self.results_term = 0

    @property
    def value(self):
        return self.state

    @value.setter
    def value(self, state):
        self.state = state

    @property
    def journal(self):
        return self.state.journal

    @staticmethod
    def journal_of(state):
        return state.journal

    @staticmethod
    def decide(state, fact, now):
        return machine.decide(state, fact, now)

    def judge(self, before, after, out, fact):
        self.pair.rules.failover(before, after, out, fact)

    def wake(self):
        return machine.next_wake(self.state, self.now)

    def start(self, *, state_lost=False):
        self.rise()
        self.pinned, self.in_flight = 0, 0
        if state_lost:
            self.durable = Journal()
        self.state = machine.restored(self.config, self.durable)
        seen = self.results_term if state_lost else 0
        self.give(facts.NodeStarted(boot_id=f"f-{self.life}", state_readable=not state_lost, highest_term_seen=seen))
        self.look_at_mirror()
        self.probe_loop()

    def look_at_mirror(self):
        """The keeper tells what is on disk."""
        if self.mirror:
            self.give(facts.MirrorVerified(profile=NAME, revision=self.mirror, monitors=self.monitors, wall=self.now.wall))
        else:
            self.give(facts.MirrorMissing(profile=NAME, what="torn"))

    def edit(self, config):
        """An operator edits the profile."""
        self.config = config
        self.give(facts.ProfileSet(profile=NAME, config=config))

    def may_start(self):
        return self.awake and not self.gap and self.running and self.state.may_check

    # --- probes -----------------------------------------------------------------------------------------------------

    def probe_loop(self):
        """A probe now, and the rhythm from here on."""
        self.beat += 1
        beat = self.beat

        def again():
            if beat == self.beat:
                self.probe_loop()

        self.after(self.state.probe_every_s, again)
        if self.state.live.window_open and self.in_flight < MOST_IN_FLIGHT:
            self.probe()

    def probe(self):
        times, pair, rules = self.config.timing, self.pair, self.pair.rules
        sent, began, words = self.now.mono, pair.mono, []
        self.in_flight += 1

        def over():
            if "over" not in words:
                words.append("over")
                self.in_flight -= 1

        def reply(fact):
            took = pair.mono - began
            if took > times.hard_timeout_s or "over" in words:
                return
            over()
            rules.answered(began, fact)
            if isinstance(fact, facts.ProbeAnswered):
                fact = replace(
                    fact, sent_mono=sent, round_trip_s=took, late=took > times.soft_timeout_s,
                    same_check_passes_here=self.passes_same_check,
                )  # fmt: skip
            else:
                fact = replace(fact, sent_mono=sent)
            self.give(fact)

        def soft():
            if "over" not in words:
                self.give(facts.ProbeMissed(profile=NAME, sent_mono=sent, kind="timeout"))

        def refused(kind="refused"):
            if "over" not in words:
                over()
                if pair.mono - began < times.soft_timeout_s:
                    self.give(facts.ProbeMissed(profile=NAME, sent_mono=sent, kind=kind))

        self.after(times.soft_timeout_s, soft)
        self.after(times.hard_timeout_s, over)
        untrusted = facts.ProbeUnverifiable(profile=NAME, sent_mono=sent, code="")
        pair.to_primary(
            lambda node: node.health(sent), reply, refused, untrusted=lambda code: reply(replace(untrusted, code=code))
        )

    def request(self, make, done, lost):
        """A request with the hard time-out: an answer, a refusal, or nothing."""
        over = []

        def reply(answer):
            if over:
                self.late_words.append(lambda: done(answer))
            else:
                over.append(1)
                done(answer)

        def silence(*_):
            if not over:
                over.append(1)
                lost()

        self.after(self.config.timing.hard_timeout_s, silence)
        self.pair.to_primary(make, reply, silence, untrusted=silence)

    # --- effects ----------------------------------------------------------------------------------------------------

    def carry_out(self, one):
        match one:
            case effects.ProbeNow():
                self.after(0.0, self.probe_loop)
            case effects.SampleGate():
                answered = POINTS if self.network else 0
                sampled = facts.GateSampled(profile=NAME, asked=POINTS, answered=answered)
                if not self.gate_hangs:
                    self.after(0.1 if self.network else 0.9, lambda: self.give(sampled))
            case effects.PinWorking():
                self.after(0.1, lambda: self.lay_out(one))
            case effects.StartMonitors():
                assert self.pinned == one.term or self.state.live.working_ready
                self.running = True
                self.after(0.02, self.first_check)
            case effects.SuspendMonitors():
                self.running = False
            case effects.AskYield():
                asked = facts.YieldAsked(peer=FAILOVER, profile=NAME, term=one.term, yield_for_s=self.yield_for, why=one.why)
                self.asked = asked
                self.after(
                    self.pair.rng.choice((0.0, 0.005)),
                    lambda: self.request(lambda node: node.yield_asked(asked), self.give, self.no_yield),
                )
            case effects.RunStep():
                self.run_step(one)
            case effects.RoleMail():
                self.pair.mailed(self, one)
            case effects.LogEvent():
                self.pair.logged(self, one)

    def lay_out(self, one):
        """The working tree of a term: there, broken, or never ready."""
        if self.pin == "breaks":
            self.give(facts.MirrorMissing(profile=NAME, what="the working tree cannot be loaded"))
        elif self.pin != "hangs":
            self.pinned = one.term
            self.give(facts.WorkingReady(profile=NAME, term=one.term, monitors=self.monitors))

    @property
    def yield_for(self):
        return machine.boot_check_reply(self.state, self.now)[2]

    def no_yield(self):
        self.give(facts.YieldAnswered(profile=NAME, yielded=False, term=0, detail="no answer"))

    def first_check(self):
        if self.may_start() and not self.quiet_monitors:
            if self.first_check_at is None:
                self.first_check_at = self.pair.mono
            self.pair.rules.check_started(self)
            self.results_term = max(self.results_term, self.state.journal.term)
            self.give(facts.FirstCheckStarted(profile=NAME, term=self.state.journal.term, path="Web/Home"))

    def run_step(self, one):
        how = self.broken_steps.get(one.step, "")

        def failed(what, *, lost=False):
            self.pair.rules.excuse(timing.PRECOPY_RETRY_S + self.config.timing.hard_timeout_s)
            self.give(facts.StepFailed(profile=NAME, handback=one.handback, step=one.step, what=what, lost=lost))

        def done(term):
            if one.step == "H6" and self.mirror:
                self.look_at_mirror()
            self.give(facts.StepDone(profile=NAME, handback=one.handback, step=one.step, term=term))

        def outcome(answer):
            if isinstance(answer, str):
                failed(answer)
            else:
                done(answer)

        def lost():
            failed("no answer", lost=True)

        if how == "fails":
            self.after(0.05, lambda: failed("refused by peer"))
        elif how == "hangs":
            self.pair.rules.excuse(timing.STEP_S)
        elif how == "slow":
            self.after(self.pair.rng.uniform(1.0, 12.0), lambda: done(one.term))
        elif one.step == "H5":
            asked = facts.RunAsked(peer=FAILOVER, profile=NAME, handback=one.handback, term=one.term)

            def heard(answer):
                if how != "lost":
                    outcome(answer)
                    return
                self.late_words.append(lambda: outcome(answer))
                lost()

            self.request(lambda node: node.run_asked(asked), heard, lost)
        else:
            self.request(lambda node: 0, outcome, lost)
