"""Bad weather for a pair: random faults and orders, then everything heals. One seed is one run."""

import random

from sitescope_fo.model import fact as facts
from tests.failover.desk import NAME
from tests.failover.pair import Pair

PRESETS = ("fast", "lan", "classic")
CALM = (0.001, 0.02)


class Weather:
    def __init__(self, seed, preset=""):
        self.rng = random.Random(f"weather {seed}")
        self.pair = Pair(seed, preset or PRESETS[seed % 3]).start().run(30)

    def storm(self, orders=0.2):
        for _ in range(self.rng.randint(2, 9)):
            if self.rng.random() < orders and self.pair.failover.awake:
                self.order()
            else:
                self.fault()
            self.pair.run(self.rng.choice((3, 20, 60, 200)))
        return self

    def fault(self):
        pair, rng = self.pair, self.rng
        kinds = ["calm", "calm", "crash_p", "crash_f", "crash_both", "sleep_p", "sleep_f", "cut", "loss", "slow"]
        kinds += ["stall", "stop", "alone", "one_way"]
        kind = rng.choice(kinds)
        pair.log(f"-- {kind}")
        pair.fair()
        match kind:
            case "crash_p" if pair.primary.up:
                pair.primary.crash()
            case "crash_f" if pair.failover.up:
                pair.failover.crash()
            case "crash_both":
                pair.primary.crash()
                pair.failover.crash()
            case "sleep_p" if pair.primary.awake:
                pair.primary.sleep(rng.uniform(1, 60))
            case "sleep_f" if pair.failover.awake:
                pair.failover.sleep(rng.uniform(1, 60))
            case "cut":
                pair.cut = True
            case "loss":
                pair.loss = rng.uniform(0.05, 0.6)
            case "slow":
                pair.delay = (0.1, rng.uniform(0.5, 12))
            case "stall" if pair.primary.up:
                pair.primary.stalled_since = pair.mono
            case "stop" if pair.primary.awake:
                pair.primary.stop(rng.choice((0, 30)))
            case "alone":
                pair.failover.network = False
            case "one_way":
                pair.one_way = rng.choice(("primary", "failover"))
        if kind == "calm" or rng.random() < 0.5:
            self.raise_up()

    def order(self):
        back = (
            facts.StandbyAsked(profile=NAME, by="ann"),
            facts.StandbyAsked(profile=NAME, by="ann", force=True),
        )
        acts = self.pair.failover.state.acting and self.rng.random() < 0.5
        fact = self.rng.choice(
            back
            if acts
            else (
                facts.HoldSet(profile=NAME, by="ann", reason="storm", for_s=self.rng.choice((60.0, 600.0))),
                facts.HoldReleased(profile=NAME, by="ann"),
                facts.ActivateAsked(profile=NAME, by="ann"),
                *back,
                facts.SwitchoverAsked(profile=NAME, by="ann", for_s=120.0),
                facts.FlapUnlocked(profile=NAME, by="ann"),
                facts.StoreFailed(why="EIO"),
                facts.StoreRecovered(),
                facts.MirrorMissing(profile=NAME, what="torn"),
                facts.WatchWindow(profile=NAME, open=False),
                facts.WatchWindow(profile=NAME, open=True),
                facts.ProbeUnverifiable(profile=NAME, sent_mono=self.pair.mono, code="tls_expired"),
            )
        )
        self.pair.log(f"-- {type(fact).__name__}")
        self.pair.failover.give(fact)
        if self.pair.failover.state.position == "handback" and self.rng.random() < 0.5:
            self.pair.cut = True

    def raise_up(self):
        pair = self.pair
        pair.primary.stalled_since = None
        for node in (pair.failover, pair.primary):
            if not node.up:
                node.start()

    def heal(self):
        """Everything works again, and nobody forbids anything."""
        pair = self.pair
        pair.log("-- heal")
        pair.fair()
        self.raise_up()
        pair.run(65)  # whoever slept is awake
        pair.failover.give(facts.StoreRecovered())
        pair.failover.give(facts.WatchWindow(profile=NAME, open=True))
        pair.failover.give(facts.MirrorVerified(profile=NAME, revision="rev", monitors=9, wall=pair.now.wall))
        pair.failover.give(facts.HoldReleased(profile=NAME, by="ann"))
        pair.failover.give(facts.FlapUnlocked(profile=NAME, by="ann"))
        pair.run(5)
        if pair.failover.state.journal.cause == "degraded":
            pair.failover.give(facts.StandbyAsked(profile=NAME, by="ann"))
        return self
