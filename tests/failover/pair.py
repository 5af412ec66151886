"""Both machines of a pair in virtual time, on a modelled link: what they ask for is carried out, one seed is one run.

The model is the world, not the product: processes that crash, stop or sleep, a link that loses, delays and cuts, executors that
answer. It keeps the truth the machines do not see: when each side was really able to start checks.
"""

import heapq
import itertools
import random

from msgspec.structs import replace

from sitescope_fo.failover import machine, primary
from sitescope_fo.failover.state import PrimaryJournal
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import PrimaryState
from tests.failover.desk import NAME, START_WALL, profile

FAILOVER = "failover-1"
POINTS = 4


class Node:
    """What both processes have in common."""

    def __init__(self, pair):
        self.pair = pair
        self.up = True
        self.asleep_until = 0.0
        self.life = 0
        self.running = False
        self.last_tick = 0.0
        self.started_at = 0.0

    @property
    def awake(self):
        return self.up and self.pair.mono >= self.asleep_until

    @property
    def awake_since(self):
        return max(self.asleep_until, self.started_at)

    def after(self, delay, fn):
        """Calls `fn` later, in this life only; a sleeping process does it when it wakes."""
        life = self.life

        def call():
            if life != self.life or not self.up:
                return
            if not self.awake:
                self.pair.at(self.asleep_until, call)
                return
            fn()

        self.pair.at(self.pair.mono + delay, call)

    def sleep(self, seconds):
        self.asleep_until = self.pair.mono + seconds
        self.after(seconds, lambda: self.give(facts.LoopGap(gap_s=seconds)))

    def crash(self):
        self.up, self.running, self.asleep_until = False, False, 0.0
        self.life += 1

    def tick(self):
        self.last_tick = self.pair.mono
        self.give(facts.Tick())
        self.arm()

    def arm(self):
        wake = min(self.wake(), self.pair.mono + 1.0)
        assert wake > self.pair.mono
        self.after(wake - self.pair.mono, self.tick)


class FailoverNode(Node):
    def __init__(self, pair, preset, **changes):
        super().__init__(pair)
        self.config = profile(preset, **changes)
        self.state = machine.initial(self.config)
        self.network = True
        self.first_check_at = None
        self.pinned = 0

    def wake(self):
        return machine.next_wake(self.state, self.pair.now)

    def start(self):
        self.up, self.running, self.pinned = True, False, 0
        self.state = machine.restored(self.config, self.state.journal)
        self.life += 1
        self.started_at = self.pair.mono
        self.give(facts.NodeStarted(boot_id=f"f-{self.life}"))
        self.give(facts.MirrorVerified(profile=NAME, revision="rev", monitors=9, wall=self.pair.now.wall))
        self.probe_loop()
        self.arm()

    def give(self, fact):
        if not self.awake:
            return
        before = self.state
        self.state, out = machine.decide(before, fact, self.pair.now)
        self.pair.check_failover(before, self.state, out, fact)
        for one in out:
            self.carry_out(one)

    def may_start(self):
        return self.awake and self.running and self.state.may_check

    def probe_loop(self):
        self.probe()
        self.after(self.state.probe_every_s, self.probe_loop)

    def probe(self):
        timing, sent, answered = self.config.timing, self.pair.mono, []

        def reply(fact):
            took = self.pair.mono - sent
            if took <= timing.hard_timeout_s:
                answered.append(took)
                self.give(replace(fact, round_trip_s=took, late=took > timing.soft_timeout_s))

        def soft():
            if not answered:
                self.give(facts.ProbeMissed(profile=NAME, sent_mono=sent, kind="timeout"))

        def refused():
            if self.pair.mono - sent < timing.soft_timeout_s:
                answered.append(0)
                self.give(facts.ProbeMissed(profile=NAME, sent_mono=sent, kind="refused"))

        self.after(timing.soft_timeout_s, soft)
        self.pair.to_primary(lambda node: node.health(sent), reply, refused)

    def request(self, make, done, lost):
        """A request with the hard time-out: an answer, a refusal, or nothing."""
        over = []

        def reply(answer):
            if not over:
                over.append(1)
                done(answer)

        def silence():
            if not over:
                over.append(1)
                lost()

        self.after(self.config.timing.hard_timeout_s, silence)
        self.pair.to_primary(make, reply, silence)

    def carry_out(self, one):
        match one:
            case effects.ProbeNow():
                self.after(0.0, self.probe)
            case effects.SampleGate():
                answered = POINTS if self.network else 0
                sampled = facts.GateSampled(profile=NAME, asked=POINTS, answered=answered)
                self.after(0.1 if self.network else 0.9, lambda: self.give(sampled))
            case effects.PinWorking():
                self.pinned = one.term
                self.after(0.1, lambda: self.give(facts.WorkingReady(profile=NAME, term=one.term, monitors=9)))
            case effects.StartMonitors():
                assert self.pinned == one.term or self.state.live.working_ready
                self.running = True
                self.after(0.02, self.first_check)
            case effects.SuspendMonitors():
                self.running = False
            case effects.AskYield():
                asked = facts.YieldAsked(peer=FAILOVER, profile=NAME, term=one.term, yield_for_s=self.yield_for, why=one.why)
                self.request(lambda node: node.yield_asked(asked), self.give, self.no_yield)
            case effects.RunStep():
                self.run_step(one)
            case effects.RoleMail():
                self.pair.mails.append((self.pair.mono, one))
            case effects.LogEvent():
                self.pair.log(f"F {one.event}: {one.what}")

    @property
    def yield_for(self):
        return machine.boot_check_reply(self.state, self.pair.now)[2]

    def no_yield(self):
        self.give(facts.YieldAnswered(profile=NAME, yielded=False, term=0, detail="no answer"))

    def first_check(self):
        if self.may_start():
            if self.first_check_at is None:
                self.first_check_at = self.pair.mono
            self.give(facts.FirstCheckStarted(profile=NAME, term=self.state.journal.term, path="Web/Home"))

    def run_step(self, one):
        def done(term):
            if one.step == "H6":
                self.give(facts.MirrorVerified(profile=NAME, revision="rev", monitors=9, wall=self.pair.now.wall))
            self.give(facts.StepDone(profile=NAME, handback=one.handback, step=one.step, term=term))

        def lost():
            failed = facts.StepFailed(profile=NAME, handback=one.handback, step=one.step, what="no answer", lost=True)
            self.give(failed)

        def outcome(answer):
            if isinstance(answer, str):
                self.give(facts.StepFailed(profile=NAME, handback=one.handback, step=one.step, what=answer))
            else:
                done(answer)

        if one.step == "H5":
            asked = facts.RunAsked(peer=FAILOVER, profile=NAME, handback=one.handback, term=one.term)
            self.request(lambda node: node.run_asked(asked), outcome, lost)
        else:
            self.request(lambda node: 0, outcome, lost)


class PrimaryNode(Node):
    def __init__(self, pair):
        super().__init__(pair)
        self.side = None
        self.journal = PrimaryJournal()
        self.stalled_since = None
        self.boot_check_s = 10.0
        self.pause_limit = primary.pause_limit(pair.timing.activate_after_s)

    def wake(self):
        return primary.next_wake(self.side, self.pair.now)

    def start(self):
        self.up, self.running, self.stalled_since = True, False, None
        self.life += 1
        self.started_at = self.pair.mono
        self.side = primary.restored(self.journal, f"p-{self.life}", self.boot_check_s, self.pair.now)
        self.give(facts.PeersListed(node_ids=(FAILOVER,), pause_limit_s=self.pause_limit))
        self.give(facts.NodeStarted(boot_id=f"p-{self.life}"))
        self.arm()

    def give(self, fact):
        if not self.awake:
            return
        before = self.side
        self.side, out = primary.decide(before, fact, self.pair.now)
        self.journal = self.side.journal
        self.pair.check_primary(before, self.side, out)
        for one in out:
            self.carry_out(one)

    def may_start(self):
        fresh = self.pair.mono - self.last_tick <= self.pause_limit
        return self.awake and self.running and self.side.may_check and self.stalled_since is None and fresh

    def stop(self, eta_s):
        self.give(facts.StopAsked(why="maintenance", eta_s=eta_s))
        self.after(0.5, self.crash)

    def heard(self):
        self.give(facts.PeerHeard(peer=FAILOVER, term=0))

    def health(self, sent):
        self.heard()
        age = self.pair.mono - self.stalled_since if self.stalled_since is not None else 0.3
        return facts.ProbeAnswered(
            profile=NAME,
            sent_mono=sent,
            round_trip_s=0.0,
            node_id="primary-1",
            boot_id=self.side.boot_id,
            state=self.side.state,
            term=self.side.journal.term,
            scheduler_age_s=age,
        )

    def yield_asked(self, asked):
        refused = primary.refusal(self.side, asked, self.pair.now)
        self.give(asked)
        yielded = refused is None and self.side.state is PrimaryState.yielded
        detail = refused.what if refused else "yielded"
        return facts.YieldAnswered(profile=NAME, yielded=yielded, term=self.side.journal.term, detail=detail)

    def run_asked(self, asked):
        refused = primary.refusal(self.side, asked, self.pair.now)
        self.give(asked)
        return refused.what if refused else self.side.journal.term

    def carry_out(self, one):
        match one:
            case effects.StartOwnMonitors():
                self.running = True
            case effects.StopOwnMonitors():
                self.running = False
            case effects.AskFailovers():
                self.ask(one.timeout_s)
            case effects.SendGoodbye():
                heard = facts.GoodbyeHeard(profile=NAME, boot_id=self.side.boot_id, eta_s=one.eta_s, why=one.why)
                self.pair.to_failover(lambda node: node.give(heard), lambda _: None, lambda: None)
            case effects.RoleMail():
                self.pair.mails.append((self.pair.mono, one))
            case effects.LogEvent():
                self.pair.log(f"P {one.event}: {one.what}")

    def ask(self, timeout_s):
        asked, over = facts.BootCheckHeard(profile=NAME, boot_id=self.side.boot_id, term=self.side.journal.term), []

        def answer(node):
            node.give(asked)
            return machine.boot_check_reply(node.state, self.pair.now)

        def reply(value):
            if not over:
                over.append(1)
                active, term, yield_for_s = value
                self.give(facts.BootCheckAnswered(peer=FAILOVER, active=active, term=term, yield_for_s=yield_for_s, profile=NAME))

        def again():
            if self.pair.mono < end and not over:
                self.give(facts.BootCheckFailed(peer=FAILOVER, what="no answer"))
                self.after(1.0, send)

        def send():
            self.pair.to_failover(answer, reply, again)

        end = self.pair.mono + timeout_s
        send()
        self.after(timeout_s, lambda: over or self.give(facts.BootCheckFailed(peer=FAILOVER, what="no answer")))


class Pair:
    """The world. `run(seconds)` lets it go on; faults are methods and attributes."""

    def __init__(self, seed=0, preset="lan", **changes):
        self.rng = random.Random(seed)
        self.mono = 1000.0
        self.order = itertools.count()
        self.heap = []
        self.lines = []
        self.mails = []
        self.cut = False
        self.one_way = ""
        self.loss = 0.0
        self.delay = (0.001, 0.02)
        self.overlap_s = self.gap_s = 0.0
        self.overlapping_since = None
        self.fair_since = self.excused_until = 0.0
        self.takeovers = []
        self.moves = set()
        self.failover = FailoverNode(self, preset, **changes)
        self.timing = self.failover.config.timing
        self.primary = PrimaryNode(self)

    @property
    def now(self):
        return Now(self.mono, START_WALL + self.mono)

    def log(self, line):
        self.lines.append(f"{self.mono:10.2f}  {line}")

    def at(self, when, fn):
        heapq.heappush(self.heap, (when, next(self.order), fn))

    def start(self):
        self.failover.start()
        self.primary.start()
        return self

    def run(self, seconds):
        end = self.mono + seconds
        while self.heap and self.heap[0][0] <= end:
            when, _, fn = heapq.heappop(self.heap)
            self._account(when)
            fn()
        self._account(end)
        return self

    def _account(self, when):
        span = when - self.mono
        if span > 0:
            both = self.primary.may_start() and self.failover.may_start()
            self.overlap_s += span * both
            self.gap_s += span * (not self.primary.may_start() and not self.failover.may_start())
            if both and self.overlapping_since is not None:
                self._bounded()
            if both and self.overlapping_since is None:
                self.overlapping_since = self.mono
                self.log("== both may start checks")
            elif not both and self.overlapping_since is not None:
                self.log(f"== only one again, after {self.mono - self.overlapping_since:.2f} s")
                self.overlapping_since = None
        self.mono = max(self.mono, when)

    def fair(self):
        """The link works from now on."""
        self.cut, self.loss, self.delay, self.one_way, self.failover.network = False, 0.0, (0.001, 0.02), "", True
        self.fair_since = self.mono

    def _bounded(self):
        """R8: both may start checks only while no message could pass, plus 4 x check_every + 5 s.

        A request that was lost on the way is only missed at its hard time-out.
        """
        link = not (self.cut or self.loss or self.one_way or self.delay[1] > 0.1) and self.failover.network
        state = self.failover.state
        known = {"hold", "flap_lock", "fault"} & set(state.conditions)
        sick = state.journal.cause == "degraded" or not state.live.window_open
        if state.live.retry_at < float("inf"):
            self.excused_until = self.mono  # a failed hand-back: the next try is after stable_for
        if not link or known or sick:
            return
        starts = (self.overlapping_since, self.fair_since, self.excused_until)
        since = max(*starts, self.primary.awake_since, self.failover.awake_since)
        bound = 4 * self.timing.check_every_s + 5.0 + self.timing.hard_timeout_s
        assert self.mono - since <= bound, f"overlap of {self.mono - since:.1f} s{self.timeline()}"

    # --- the link ---------------------------------------------------------------------------------------------------

    def to_primary(self, make, reply, refused):
        self._send(self.failover, self.primary, make, reply, refused)

    def to_failover(self, make, reply, refused):
        self._send(self.primary, self.failover, make, reply, refused)

    def _lost(self, target):
        side = "primary" if target is self.primary else "failover"
        return self.cut or not self.failover.network or self.one_way == side or self.rng.random() < self.loss

    def _send(self, source, target, make, reply, refused):
        low, high = self.delay
        if self._lost(target):
            return  # the sender's time-out tells

        def arrive():
            if not target.up:
                source.after(0.001, refused)
            elif not target.awake:
                self.at(target.asleep_until, arrive)
            elif not self._lost(source):
                answer = make(target)
                source.after(self.rng.uniform(low, high) / 2, lambda: reply(answer))
            else:
                make(target)

        self.at(self.mono + self.rng.uniform(low, high) / 2, arrive)

    # --- what must always hold --------------------------------------------------------------------------------------

    def check_failover(self, before, after, out, fact):
        assert after.journal.term >= before.journal.term, self.timeline()
        if after.position != before.position:
            self.moves.add((before.position.value, after.position.value))
            self.log(f"F {before.position} -> {after.position}: {after.journal.last_transition.why}")
            assert after.journal.last_transition.evidence, self.timeline()
        if after.position == "activating" and before.position != "activating":
            assert after.journal.term > max(before.journal.term, before.journal.highest_term_heard), self.timeline()
            self.takeovers.append((self.mono, after.journal.cause))
        for one in out:
            if isinstance(one, effects.StartMonitors):
                assert after.may_check, self.timeline()

    def check_primary(self, before, after, out):
        assert after.journal.term >= before.journal.term, self.timeline()
        if after.state != before.state:
            self.moves.add((before.state.value, after.state.value))
            self.log(f"P {after.last_transition}")
        for one in out:
            if isinstance(one, effects.StartOwnMonitors):
                assert after.may_check, self.timeline()

    @property
    def settled(self):
        """The pair as it should be: the primary runs, the failover stands by, nothing is owed."""
        return (
            self.primary.up
            and self.failover.up
            and self.primary.may_start()
            and not self.failover.may_start()
            and self.failover.state.position == "standby"
            and not self.failover.state.conditions
        )

    def timeline(self):
        return "\n".join(["", *self.lines[-60:]])
