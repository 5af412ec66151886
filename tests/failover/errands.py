"""Single words said to the failover in a chosen place: over the seeds of a run each word in each place, several times."""

from sitescope_fo.model import fact as facts
from sitescope_fo.model.status import ACTING, Position
from tests.failover.desk import NAME
from tests.failover.schemes import Schemes


class Errands(Schemes):
    """What a seed is sent to do before its storm begins."""

    # --- single words -------------------------------------------------------------------------------------------------

    def words(self):
        """What can be said to the failover anywhere: an errand is to say one of them in one place."""
        return [
            self.edits_kept, self.late, self.mirror_fails, self.mirror_shrinks, self.mirror_whole, self.torn_mirror,
            self.blink, self.hold, self.hold_and_release, self.standby, self.forced, self.unlock, self.stop_failover,
            self.nod, self.distrust, self.failover_disk, self.false_goodbye, self.late_step, self.late_failure,
            self.late_yield, self.activate, self.switch, self.edit, self.crash_failover, self.crash_primary,
            self.pause_primary, self.alone, self.torn_and_whole, self.disk_blip, self.nod_blind,
        ]  # fmt: skip

    def say(self, fact):
        self.pair.fault(f"{type(fact).__name__} in {self.pair.failover.state.position}")
        self.pair.failover.give(fact)

    def edits_kept(self):
        self.say(facts.EditsKept(profile=NAME, archive="history/edits.zip"))

    def mirror_fails(self):
        self.say(facts.MirrorFailed(profile=NAME, what="HTTP 500"))

    def mirror_shrinks(self):
        self.say(facts.MirrorStaged(profile=NAME, revision="r", before=100, after=3))

    def mirror_whole(self):
        """A newer mirror."""
        if self.pair.failover.mirror:
            self.pair.failover.mirror += "+"
            self.pair.failover.look_at_mirror()

    def torn_and_whole(self):
        """Torn, and whole again before anybody looked."""
        node = self.pair.failover
        if node.mirror and node.awake:
            self.say(facts.MirrorMissing(profile=NAME, what="torn"))
            node.look_at_mirror()
            self.pair.rules.since.clear()  # the wait begins anew, and no rule saw why: no time passed

    def blink(self):
        """The check schedule closes and opens again."""
        for is_open in (False, True):
            self.say(facts.WatchWindow(profile=NAME, open=is_open, until_wall=self.pair.failover.now.wall + 60))

    def hold(self):
        self.say(facts.HoldSet(profile=NAME, by="eve", reason="errand", for_s=self.rng.choice((5.0, 1000.0))))

    def hold_and_release(self):
        self.hold()
        self.later(0.02, lambda: self.say(facts.HoldReleased(profile=NAME, by="eve")))

    def standby(self):
        self.say(facts.StandbyAsked(profile=NAME, by="eve"))

    def forced(self):
        self.say(facts.StandbyAsked(profile=NAME, by="eve", force=True))

    def unlock(self):
        self.say(facts.FlapUnlocked(profile=NAME, by="eve"))

    def activate(self):
        """At once, and when the last proof of life is old enough."""
        for seconds in (0.0, 1.1 * self.timing.activate_after_s):
            self.later(seconds, lambda: self.say(facts.ActivateAsked(profile=NAME, by="eve")))

    def switch(self):
        self.say(facts.SwitchoverAsked(profile=NAME, by="eve", for_s=60.0))

    def nod(self):
        """A short sleep, longer than the pause limit."""
        self.pause(self.pair.failover, 2.5)

    def nod_blind(self):
        """It wakes, and neither the primary nor a reference point says a word."""
        seconds = self.timing.hard_timeout_s + 3 * self.timing.soft_timeout_s + 10.0
        self.set_for("reference points hang", self.pair.failover, seconds, gate_hangs=True)
        self.set_for("link cut", self.pair, seconds, cut=True)
        self.nod()

    def _told_term(self):
        state = self.pair.failover.state
        return state.term_to_give

    def late_step(self):
        """An answer of an older exchange: it tells a newer term."""
        owed = self.pair.failover.journal.handback
        identity, step = (
            (owed.id, owed.step) if owed is not None and self.rng.random() < 0.5 and owed.step == "H6" else ("old", "H5")
        )
        self.say(facts.StepDone(profile=NAME, handback=identity, step=step, term=self._told_term()))

    def late_failure(self):
        owed = self.pair.failover.journal.handback
        if owed is not None:
            self.say(facts.StepFailed(profile=NAME, handback=owed.id, step=owed.step, what="late", lost=True))

    def late_yield(self):
        """Also to a question that was taken back."""
        yielded = self.pair.failover.state.passive
        self.say(facts.YieldAnswered(profile=NAME, yielded=yielded, term=self._told_term(), detail="late"))

    def disk_blip(self):
        """The disk fails for a moment, with something to write; what is under way takes its time."""
        node = self.pair.failover
        self.set_for("nothing due", node, 6.0, quiet_monitors=True)
        self.set_for("steps slow", node, 6.0, broken_steps={"H2": "slow", "H5": "slow", "H6": "slow"})
        self.later(0.4, lambda: self.set_for("disk blip", node, 0.3, disk_broken=True))
        self.later(0.5, lambda: self.say(facts.HoldSet(profile=NAME, by="eve", reason="blip", for_s=1.0)))

    def errand(self, place, word):
        """Leads the failover to a place, and has a word said to it there. A lock is only there to be ended the third time."""
        if word == self.mirror_fails and place in {Position.suspect, Position.grace}:
            # While nothing answers that is no news; a primary that is only stuck still answers.
            self.later(0.0, lambda: setattr(self.pair.primary, "stalled_what", "disk full"))
            self.later(60.0, lambda: setattr(self.pair.primary, "stalled_what", ""))
            self.pair.ambush = (self.coming_to(place), lambda: self.later(0.0, word))
            self.pair.run(62.0 + self.timing.check_every_s)
        for _ in range(2 if word == self.unlock and place in ACTING else 0):
            self.road(place)
        if place is Position.handback and self.rng.random() < 0.6:
            self.set_for("step H2 slow", self.pair.failover, 3 * self.timing.activate_after_s + 30.0, broken_steps={"H2": "slow"})
        self.pair.ambush = (self.coming_to(place), lambda: self.later(0.0, word))
        self.road(place)

    def road(self, place):
        """The primary goes and comes back, and an operator makes sure that this does not take hours."""
        pair, t = self.pair, self.timing
        gone = t.activate_after_s + t.soft_timeout_s + t.misses * t.check_every_s + 2.0
        if place is Position.announced and pair.primary.awake:
            pair.primary.stop(gone)
            self.later(0.7 * gone, lambda: pair.primary.up or pair.primary.start())
        elif pair.primary.up:
            self.down(pair.primary, seconds=gone)
        pair.run(gone + 3.0)
        pair.failover.give(facts.StandbyAsked(profile=NAME, by="dan"))
        pair.run(10.0)
