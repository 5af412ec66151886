"""One seed: legal settings, a random part of all faults, random orders, at decision level. Then all is healed, and it must heal.

Which faults a seed knows is drawn first (a swarm), so that rare mixtures come up: a fault that is always there hides others.
"""

import random

from sitescope_fo.model import fact as facts
from sitescope_fo.model.config import PRESETS, Timing, timing_problems
from sitescope_fo.model.status import Position
from tests.failover.desk import NAME
from tests.failover.errands import Errands
from tests.failover.pair import FAILOVER, Pair
from tests.failover.rules import SPENT

DAY_S = 86400.0
SLOW_EVERY = 5
"""One seed in so many is a long world, the others are short ones full of faults."""
ERRANDS = 6
TRIPS = [(step, how) for step in ("P", "H2", "H5", "H6") for how in ("fails", "hangs", "lost", "slow")]
QUICK = ("fast", "lan", "custom", "custom")
SLOW = ("classic", "classic", "slow", "slow", "slow")
"""Probes cost time: most hours belong to profiles that are watched every 15 s or less often, most storms to the others."""


def legal_timing(rng, *, slow):
    """Any timing that the rules allow, often just so."""
    while True:
        every = rng.choice((15.0, 30.0, 60.0, 120.0, 300.0) if slow else (0.3, 0.7, 1.0, 2.0, 4.0, 7.0))
        soft = rng.choice((0.1, 0.4, 0.9, 1.5)) * min(every, 12.0)
        misses = rng.randint(1, 6)
        least = misses * every + soft
        after = least * rng.choice((1.0, 1.0, 1.3, 2.0, 4.0))
        hard = min(rng.choice((soft, 2 * soft, 4 * soft, after - every)), 60.0)
        timing = Timing(
            check_every_s=every, soft_timeout_s=soft, hard_timeout_s=hard, misses=misses, activate_after_s=after,
            stable_for_s=rng.choice((1.0, 10.0, 30.0, 60.0, 300.0)), mirror_every_s=14400.0,
        )  # fmt: skip
        if not timing_problems(timing):
            return timing


class Swarm(Errands):
    """A pair with settings and faults of one seed. `run` goes through storm, healing and calm; the rules always hold."""

    def __init__(self, seed):
        self.rng = rng = random.Random(f"swarm {seed}")
        self.slow = seed % SLOW_EVERY == 0
        kind = rng.choice(SLOW if self.slow else QUICK)
        preset = kind if kind in PRESETS else "classic"
        changes = {}
        if kind not in PRESETS:
            changes["timing"] = legal_timing(rng, slow=kind == "slow")
        changes["takeover_when_unverifiable_s"] = rng.choice((0.0, 0.0, 0.0, 20.0, 600.0))
        self.pair = pair = Pair(seed, preset, slowest_tick_s=rng.choice((float("inf"), float("inf"), 0.5)), **changes)
        self.timing = pair.timing
        if pair.slowest_tick_s < 1 and self.slow:
            pair.slowest_tick_s = 10.0
        pair.primary.boot_check_s = rng.choice((10.0, 10.0, 10.0, 3.0, 30.0, 0.0))
        for node in (pair.primary, pair.failover):
            node.boot = rng.uniform(-900.0, 1e6)
            node.drift = rng.choice((0.0, rng.uniform(-1e-4, 1e-4)))
            node.step = rng.uniform(-5.0, 5.0)
        self.restless = rng.random() < 0.7
        """There is always a plot."""
        self.patient = self.slow and seed % (6 * SLOW_EVERY) == 0
        """Nobody ends a flap lock in the end: it has to end by itself."""
        share = rng.choice((0.2, 0.4, 0.7))
        known = [one for one in self.schemes() if rng.random() < share]
        if self.patient:
            known += [self.crash_loop] * 20
        self.errands = self._errands(seed)
        self.known = known or [self.there_and_back]
        self.pace_s = rng.choice((0.5, 2.0, 8.0, 20.0) if self.slow else (0.5, 2.0, 4.0)) * self.timing.activate_after_s
        self.ended = False
        self.right = {}
        pair.log(f"-- {kind} {self.timing}; knows {', '.join(one.__name__ for one in known)}")

    def _errands(self, seed):
        """(place, word) pairs that this seed tries to bring together: over the seeds all of them in turn."""
        if self.slow:
            return []
        pairs = [(place, word) for place in Position for word in self.words()]
        random.Random("errands").shuffle(pairs)
        first = (seed - seed // SLOW_EVERY - 1) * ERRANDS
        return [pairs[(first + n) % len(pairs)] for n in range(ERRANDS)]

    def run(self):
        try:
            self._run()
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{error!r}{self.pair.timeline()}") from error
        finally:
            self.pair.rules.done()
        return self.pair

    def _run(self):
        pair, rng, began = self.pair, self.rng, self.pair.mono
        if rng.random() < 0.1:
            self.unlisted()
        if rng.random() < 0.1:
            self.primary_starts_late()
        else:
            pair.start()
        pair.run(rng.choice((0.0, 5.0, 60.0, 3 * self.timing.activate_after_s)))
        calls = rng.randint(6, 40)
        longest = pair.mono + (DAY_S / 4 if self.slow else 1500.0)
        if not self.slow and pair.rng.random() < 0.7:
            self.trip(*TRIPS[pair.seed % len(TRIPS)])
            longer = 720.0 if TRIPS[pair.seed % len(TRIPS)] == ("P", "hangs") else rng.choice((20.0, 120.0))
            pair.run(3 * self.timing.activate_after_s + self.timing.stable_for_s + longer)
        for place, word in self.errands:
            self.errand(place, word)
        if self.restless:
            self.ambush()
        while calls and pair.mono < longest:
            calls -= 1
            rng.choice(self.known)()
            pair.run(min(rng.expovariate(1 / self.pace_s), 8 * self.pace_s))
            if rng.random() < 0.05:
                pair.run(4 * self.timing.activate_after_s)
        SPENT["stormy"] += 2 * (pair.mono - began)
        self.heal()
        self.settle()
        pair.run(rng.uniform(0.5, 1.5) * DAY_S if self.slow else 60.0)
        assert pair.settled, f"not well in calm weather{pair.timeline()}"

    def settle(self):
        """Well within a bound, and then without a word: no overlap, no gap, no takeover."""
        pair, t = self.pair, self.pair.failover.config.timing
        healed = pair.mono
        bound = max(1800.0, t.stable_for_s) + 2 * t.activate_after_s + 4 * t.check_every_s + 900.0 + 120.0
        if self.patient:
            bound += 26 * 3600.0
        while not pair.settled and pair.mono < healed + bound:
            pair.run(5.0)
        assert pair.settled, f"not settled {bound:.0f} s after all was healed{pair.timeline()}"
        takeovers = len(pair.takeovers)
        pair.run(2.0)
        pair.overlap_s = pair.gap_s = 0.0
        pair.run(120.0 + 2 * t.activate_after_s)
        quiet = (pair.overlap_s, pair.gap_s, len(pair.takeovers) - takeovers)
        assert pair.settled, f"not settled any more{pair.timeline()}"
        assert quiet == (0.0, 0.0, 0), f"overlap, gap, takeovers {quiet} after the pair was well{pair.timeline()}"

    def heal(self):
        """Everything works again, and nobody forbids anything."""
        pair, failover, primary = self.pair, self.pair.failover, self.pair.primary
        pair.fault("heal")
        self.ended = True
        pair.ambush = None
        pair.fair()
        for node in (failover, primary):
            node.disk_broken, node.step = False, 0.0
        failover.step = primary.step = 0.0
        self.sync_walls()
        failover.broken_steps, failover.pin, failover.mirror = {}, "", "rev"
        failover.monitors, failover.quiet_monitors, failover.passes_same_check = 9, False, True
        failover.gate_hangs = False
        primary.foreign, primary.listed = False, (FAILOVER,)
        primary.stalled_since, primary.stalled_what = None, ""
        for node in (failover, primary):
            if not node.up:
                node.start()
        pair.run(max(65.0, failover.asleep_until - pair.mono + 1, primary.asleep_until - pair.mono + 1))
        for node in (failover, primary):
            if not node.up:
                node.start()
        primary.list_peers()
        failover.give(facts.WatchWindow(profile=NAME, open=True))
        failover.look_at_mirror()
        failover.give(facts.HoldReleased(profile=NAME, by="ann"))
        if not self.patient:
            failover.give(facts.FlapUnlocked(profile=NAME, by="ann"))
        pair.run(5.0)
        for _ in range(20):
            if failover.state.journal.cause != "degraded" or not failover.state.acting:
                break
            failover.give(facts.StandbyAsked(profile=NAME, by="ann"))
            pair.run(30.0)

    def sync_walls(self):
        """Both wall clocks are set right."""
        pair = self.pair
        for node in (pair.failover, pair.primary):
            node.step = -node.drift * pair.mono
