"""Both machines of a pair in virtual time, on a modelled link: what they ask for is carried out, one seed is one run.

The model is the world, not the product: processes that crash, stop or sleep, a link that loses, delays, doubles and cuts, clocks
that drift and step, disks that fail, executors that answer. It jumps from one deadline to the next, so quiet hours cost little.
`rules.py` keeps the truth that the machines do not see, and says at once when something happened that never may.
"""

import heapq
import itertools
import math
import random

from tests.failover.nodes import FAILOVER, POINTS, SKEW_S, FailoverNode
from tests.failover.primary_node import PrimaryNode
from tests.failover.rules import Rules

__all__ = ["FAILOVER", "POINTS", "Pair"]
CALM = (0.001, 0.02)


class Pair:
    """The world. `run(seconds)` lets it go on; faults are methods and attributes."""

    def __init__(self, seed=0, preset="lan", *, slowest_tick_s=math.inf, **changes):
        self.seed = seed
        self.rng = random.Random(seed)
        self.slowest_tick_s = slowest_tick_s
        self.mono = 1000.0
        self.order = itertools.count()
        self.heap = []
        self.lines = []
        self.faults = []
        self.mails = []
        self.cut = False
        self.one_way = ""
        self.no_calls = False
        """The primary cannot open connections to the failover; its answers pass."""
        self.loss = 0.0
        self.double = 0.0
        self.delay = CALM
        self.slow_answers = (0.0, 0.0)
        self.ambush = None
        """A plot against a decision: (matches(node, before, after), how); see `fate`."""
        self.failover = FailoverNode(self, preset, **changes)
        self.timing = self.failover.config.timing
        self.primary = PrimaryNode(self)
        self.rules = Rules(self)

    def log(self, line):
        self.lines.append(f"{self.mono:10.2f}  {line}")

    def fault(self, what):
        """Writes a fault down, for whoever has to find out."""
        self.faults.append(f"{self.mono:10.2f}  {what}")
        self.log(f"-- {what}")

    def at(self, when, fn):
        heapq.heappush(self.heap, (when, next(self.order), fn))

    def start(self):
        self.failover.start()
        self.primary.start()
        return self

    def run(self, seconds):
        end = self.mono + seconds
        heap, rules = self.heap, self.rules
        while heap and heap[0][0] <= end:
            when, _, fn = heapq.heappop(heap)
            if when > self.mono:
                rules.pass_time(when)
                self.mono = when
            fn()
        rules.pass_time(end)
        self.mono = end
        return self

    # --- what the tests ask -------------------------------------------------------------------------------------------

    @property
    def now(self):
        """The failover's clock, as a machine on its own has it."""
        return self.failover.now

    @property
    def takeovers(self):
        return self.rules.takeovers

    @property
    def moves(self):
        return self.rules.moves

    @property
    def overlapping_since(self):
        return self.rules.overlapping_since

    overlap_s = property(lambda self: self.rules.overlap_s, lambda self, value: setattr(self.rules, "overlap_s", value))
    gap_s = property(lambda self: self.rules.gap_s, lambda self, value: setattr(self.rules, "gap_s", value))

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
        head = ["", f"seed {self.seed}, {self.timing}", "faults:", *self.faults[-60:], "timeline:"]
        return "\n".join([*head, *self.lines[-80:]])

    # --- faults -------------------------------------------------------------------------------------------------------

    def fair(self):
        """The link works from now on."""
        self.cut, self.loss, self.double, self.delay, self.one_way = False, 0.0, 0.0, CALM, ""
        self.slow_answers, self.no_calls = (0.0, 0.0), False
        self.primary.distrust = ""
        self.isolate(False)
        self.rules.fair_since = self.mono

    def isolate(self, alone=True):  # reads like the order it is
        """The failover's own network is gone, or back."""
        if self.failover.network == alone:
            self.failover.network = not alone
            self.failover.network_since = self.mono

    def crash(self, node, how):
        """A process dies at this very step."""
        self.fault(f"{self.name(node)} dies {how}")
        node.crash()
        self.rules.hit(f"dies {how}")
        pause = self.rng.choice((0.2, 2.0, 30.0, 200.0))
        self.at(self.mono + pause, lambda: node.up or node.start())

    def fate(self, node, before, after):
        """What happens to a process in the middle of a decision: "" nothing, "before" and "after" its commit it dies.

        A function is called when the effects have left.
        """
        plot = self.ambush
        if plot is None or not plot[0](node, before, after):
            return ""
        self.ambush = None
        return plot[1]

    def name(self, node):
        return "failover" if node is self.failover else "primary"

    # --- the link -----------------------------------------------------------------------------------------------------

    @property
    def skewed(self):
        return abs(self.failover.now.wall - self.primary.now.wall) > SKEW_S

    @property
    def distrusted(self):
        """Why no request between the two is believed, "" when they trust each other."""
        return self.primary.distrust or ("lwsso_clock_skew" if self.skewed else "")

    @property
    def clear(self):
        """Whether everything that is sent arrives, soon and trusted."""
        bad = (
            self.cut
            or self.loss
            or self.no_calls
            or self.one_way
            or self.delay[1] > 0.1
            or self.slow_answers[1] > 0.1
            or self.distrusted
        )
        return not bad and self.failover.network

    def to_primary(self, make, reply, refused, untrusted=None):
        self._send(self.failover, self.primary, make, reply, refused, untrusted)

    def to_failover(self, make, reply, refused, untrusted=None):
        if not self.no_calls:
            self._send(self.primary, self.failover, make, reply, refused, untrusted)

    def _lost(self, target):
        if self.cut or not self.failover.network or (self.loss and self.rng.random() < self.loss):
            return True
        return self.one_way == self.name(target)

    def _send(self, source, target, make, reply, refused, untrusted):
        low, high = self.delay
        if self._lost(target):
            return  # the sender's time-out tells

        def back(fn, *said, extra=0.0):
            if not self._lost(source):
                source.after(extra + self.rng.uniform(low, high) / 2, lambda: fn(*said))

        def arrive():
            if not target.up:
                foreign = target is self.primary and target.foreign
                back(*((refused, "foreign") if foreign else (refused,)))
            elif self.mono < target.asleep_until:
                self.at(target.asleep_until, arrive)
            elif word := self.distrusted:
                if untrusted is not None:
                    back(untrusted, word)
            else:
                life = target.life
                answer = make(target)
                if target.life != life:
                    return  # it died over this very request
                slow = self.rng.uniform(*self.slow_answers) if self.slow_answers[1] and target is self.primary else 0.0
                back(reply, answer, extra=slow)

        self.at(self.mono + self.rng.uniform(low, high) / 2, arrive)
        if self.double and self.rng.random() < self.double:
            self.at(self.mono + self.rng.uniform(low, 10 * high), arrive)

    # --- what was said ------------------------------------------------------------------------------------------------

    def mailed(self, node, mail):
        self.mails.append((self.mono, mail))
        self.rules.hit(f"mail {mail.event.partition(':')[0]}")

    def logged(self, node, event):
        side = "F" if node is self.failover else "P"
        self.log(f"{side} {event.event}: {event.what}")
        self.rules.hit(f"event {event.event}")
