"""What can happen to a pair at decision level: faults that begin and end, orders, and plots against a single decision."""

from msgspec.structs import replace

from sitescope_fo.model import fact as facts
from sitescope_fo.model.status import Position, PrimaryState
from tests.failover.desk import NAME
from tests.failover.pair import CALM, FAILOVER

PLACES = [*Position, *Position, PrimaryState.boot_check, PrimaryState.running, PrimaryState.yielded, PrimaryState.stopping]


class Schemes:
    """Each method without an argument is one scheme; its end is on the world's list. The swarm has `rng`, `pair`, `timing`."""

    def schemes(self):
        """All of them, in a fixed order."""
        return [
            self.crash_primary, self.crash_failover, self.crash_both, self.crash_loop, self.pause_primary, self.pause_failover,
            self.suspend_both, self.cut, self.one_way, self.loss, self.double, self.slow_link, self.slow_primary, self.stuck,
            self.admits, self.stop_primary, self.stop_failover, self.alone, self.late, self.distrust, self.foreign,
            self.failover_disk, self.primary_disk, self.step_wall, self.torn_mirror, self.mirror_news, self.pin, self.steps,
            self.window, self.edit, self.unlisted, self.empty, self.ambush, self.ambush, self.order, self.order, self.order,
            self.lose_state, self.second_failover, self.no_calls, self.gate_hangs, self.late_word, self.old_request,
            self.false_goodbye, self.clear_up, self.trip, self.trip, self.order_while, self.stop_under_order, self.impatient,
            self.there_and_back, self.there_and_back, self.activate_at_start,
        ]  # fmt: skip

    # --- tools --------------------------------------------------------------------------------------------------------

    def span(self):
        """How long something lasts, on the scale of the profile."""
        rng = self.rng
        return rng.choice((0.3, 1.0, 1.7, 6.0)) * self.timing.activate_after_s * rng.uniform(0.5, 1.5) + rng.choice(
            (0.0, 5.0, 40.0)
        )

    def later(self, seconds, fn):
        """`fn` after a while, unless all was healed before."""

        def call():
            if not self.ended:
                fn()

        self.pair.at(self.pair.mono + seconds, call)

    def lasts(self, what, begin, end, seconds=0.0):
        seconds = seconds or self.span()
        self.pair.fault(f"{what} for {seconds:.1f} s")
        begin()
        self.later(seconds, lambda: (self.pair.log(f"-- {what} is over"), end()))

    def set_for(self, what, thing, seconds=0.0, **values):
        """Sets attributes of a thing for a while."""
        for name in values:
            self.right.setdefault((id(thing), name), getattr(thing, name))
        right = {name: self.right[id(thing), name] for name in values}

        def put(these):
            for name, value in these.items():
                setattr(thing, name, value)

        self.lasts(what, lambda: put(values), lambda: put(right), seconds)

    def down(self, node, *, seconds=0.0, **how):
        """A process ends and starts again later."""
        pair = self.pair
        if not node.up:
            return
        seconds = seconds or self.span()
        pair.fault(f"{pair.name(node)} crashes for {seconds:.1f} s {how or ''}")
        node.crash(**how)
        self.later(seconds, lambda: node.up or node.start())

    # --- lives --------------------------------------------------------------------------------------------------------

    def crash_primary(self):
        self.down(self.pair.primary, power=self.rng.random() < 0.3)

    def crash_failover(self):
        self.down(self.pair.failover, power=self.rng.random() < 0.3)

    def crash_both(self):
        self.down(self.pair.primary)
        self.down(self.pair.failover)

    def crash_loop(self):
        """A primary that dies again and again, sometimes just after it began to monitor."""
        rng = self.rng
        gaps = [rng.choice((0.5, 12.0, 45.0, self.timing.stable_for_s + 20.0)) for _ in range(rng.randint(3, 9))]
        at = 0.0
        self.pair.fault(f"the primary crashes {len(gaps)} times")
        for gap in gaps:
            self.later(
                at, lambda: self.down(self.pair.primary, seconds=self.rng.choice((0.1, 3.0, 1.2 * self.timing.activate_after_s)))
            )
            at += gap + self.rng.choice((0.5, 4.0, 1.5 * self.timing.activate_after_s))

    def primary_starts_late(self):
        self.pair.failover.start()
        self.pair.primary.up = False
        self.later(self.span(), lambda: self.pair.primary.up or self.pair.primary.start())

    def pause(self, node, seconds):
        if node.awake:
            self.pair.fault(f"{self.pair.name(node)} stopped for {seconds:.1f} s")
            node.sleep(seconds)

    def pause_primary(self):
        self.pause(self.pair.primary, self.rng.choice((0.5, 2.5, 10.0, self.span())))

    def pause_failover(self):
        self.pause(self.pair.failover, self.rng.choice((0.5, 1.8, 2.5, 10.0, self.span())))

    def suspend_both(self):
        seconds = self.rng.choice((5.0, 60.0, 4000.0))
        self.pause(self.pair.primary, seconds)
        self.pause(self.pair.failover, seconds + self.rng.uniform(-0.5, 3.0))

    def stop_primary(self):
        if self.pair.primary.awake:
            eta = self.rng.choice((0.0, 5.0, 30.0, 90.0))
            self.pair.fault(f"the primary is stopped, eta {eta:g} s")
            self.pair.primary.stop(eta)
            self.later(
                self.rng.choice((1.0, 0.5 * eta + 1.0, eta + 20.0, self.span())),
                lambda: self.pair.primary.up or self.pair.primary.start(),
            )

    def stop_failover(self):
        node = self.pair.failover
        if node.awake:
            self.pair.fault("the failover is stopped")
            node.give(facts.StopAsked(why="maintenance", eta_s=30.0))
            self.down(node)

    def lose_state(self):
        """The state file is unreadable at the next start."""
        node = self.rng.choice((self.pair.primary, self.pair.failover))
        if node.up and self.rng.random() < 0.4:
            self.pair.fault(f"{self.pair.name(node)} loses its state")
            node.crash()
            self.later(self.rng.choice((1.0, 60.0)), lambda: node.up or node.start(state_lost=True))

    # --- the link -----------------------------------------------------------------------------------------------------

    def cut(self):
        self.set_for("link cut", self.pair, cut=True)

    def one_way(self):
        self.set_for("link cut one way", self.pair, one_way=self.rng.choice(("primary", "failover")))

    def loss(self):
        self.set_for("loss", self.pair, loss=self.rng.uniform(0.05, 0.6))

    def double(self):
        self.set_for("messages doubled", self.pair, double=self.rng.uniform(0.1, 0.9))

    def slow_link(self):
        self.set_for("slow link", self.pair, delay=(CALM[0], self.rng.choice((0.5, 1.5, 2.5)) * self.timing.hard_timeout_s))

    def slow_primary(self):
        soft, hard = self.timing.soft_timeout_s, self.timing.hard_timeout_s
        self.set_for("slow primary", self.pair, slow_answers=self.rng.choice(((soft, hard), (0.0, 2 * soft), (0.0, 2 * hard))))

    def distrust(self):
        self.set_for(
            "distrust", self.pair.primary, distrust=self.rng.choice(("tls_expired", "lwsso_token_wrong", "wire_version"))
        )

    def no_calls(self):
        self.set_for("primary cannot call", self.pair, no_calls=True)

    def clear_up(self):
        """All is well with the link, sooner than thought."""
        self.pair.fault("link fair")
        self.pair.fair()

    def late_word(self):
        """An answer that was given up comes after all."""
        for node in (self.pair.failover, self.pair.primary):
            if node.awake and node.late_words:
                self.pair.fault("a late answer")
                node.late_words.pop(self.rng.randrange(len(node.late_words)))()

    def old_request(self):
        """A request for a term that has passed: refused."""
        asked, primary = self.pair.failover.asked, self.pair.primary
        running = primary.awake and primary.side.state in {PrimaryState.running, PrimaryState.boot_check}
        if running and asked is not None and asked.term <= primary.journal.term:
            primary.yield_asked(asked)

    def false_goodbye(self):
        """It says that it stops, and goes on."""
        primary = self.pair.primary
        if primary.awake:
            self.pair.failover.give(facts.GoodbyeHeard(profile=NAME, boot_id=primary.side.boot_id, eta_s=20.0, why="not so"))

    def alone(self):
        self.lasts("failover isolated", lambda: self.pair.isolate(True), lambda: self.pair.isolate(False))

    # --- the primary --------------------------------------------------------------------------------------------------

    def stuck(self):
        """Its scheduler hangs; a restart helps."""
        primary = self.pair.primary
        if primary.up and primary.stalled_since is None:
            life = primary.life

            def over():
                if primary.life == life:
                    primary.stalled_since = None

            self.lasts("primary's scheduler stuck", lambda: setattr(primary, "stalled_since", self.pair.mono), over)

    def admits(self):
        """Its disk is full or its outbox stuck; perhaps this node suffers from the same."""
        same = self.rng.random() < 0.7
        seconds = self.span() + 40.0
        self.set_for("primary's disk full", self.pair.primary, seconds, stalled_what="disk full")
        self.set_for("failover's own disk full", self.pair.failover, seconds, passes_same_check=same)

    def foreign(self):
        """It dies and something else answers at its address."""
        self.set_for("foreign service", self.pair.primary, foreign=True)
        self.down(self.pair.primary)

    def primary_disk(self):
        self.set_for("primary's disk fails", self.pair.primary, disk_broken=True)

    def unlisted(self):
        """The primary does not know of its failover for a while."""
        primary = self.pair.primary

        def listed(peers):
            primary.listed = peers
            if primary.awake and primary.side is not None:
                primary.list_peers()

        self.lasts("failover not listed", lambda: listed(()), lambda: listed((FAILOVER,)))

    def second_failover(self):
        """Somebody else asks the primary to yield."""
        primary = self.pair.primary
        if primary.awake and primary.side.state is PrimaryState.yielded:
            primary.listed = (FAILOVER, "failover-2")
            primary.list_peers()
            asked = facts.YieldAsked(peer="failover-2", profile="other", term=99, yield_for_s=60.0, why="stray")
            primary.yield_asked(asked)
            primary.listed = (FAILOVER,)
            primary.list_peers()

    # --- the failover -------------------------------------------------------------------------------------------------

    def failover_disk(self):
        self.set_for("failover's disk fails", self.pair.failover, disk_broken=True)

    def late(self):
        self.pair.fault("failover's loop late")
        self.pair.failover.give(facts.LoopLate(late_s=self.rng.choice((0.3, 1.1, 1.9))))

    def torn_mirror(self):
        node = self.pair.failover

        def mirror(revision):
            node.mirror = revision
            if node.awake:
                node.look_at_mirror()
            else:
                node.after(0.0, node.look_at_mirror)  # the keeper finds it on waking

        self.lasts("mirror torn", lambda: mirror(""), lambda: mirror("rev"))

    def mirror_news(self):
        node, rng = self.pair.failover, self.rng
        node.give(
            rng.choice(
                (
                    facts.MirrorFailed(profile=NAME, what="HTTP 500"),
                    facts.MirrorStaged(profile=NAME, revision="r", before=100, after=3),
                    facts.EditsKept(profile=NAME, archive="history/edits.zip"),
                )
            )
        )
        self.later(self.span(), lambda: node.mirror and node.look_at_mirror())

    def pin(self):
        self.set_for("working tree", self.pair.failover, pin=self.rng.choice(("breaks", "hangs")))

    def empty(self):
        """No monitors, or none that is due."""
        which = self.rng.choice(({"monitors": 0}, {"quiet_monitors": True}))
        self.set_for("nothing to check", self.pair.failover, **which)

    def steps(self):
        step, how = self.rng.choice(("P", "H2", "H5", "H5", "H6")), self.rng.choice(("fails", "hangs", "lost"))
        self.set_for(f"step {step} {how}", self.pair.failover, broken_steps={step: how})

    def window(self):
        node = self.pair.failover

        def window(is_open):
            node.give(facts.WatchWindow(profile=NAME, open=is_open, until_wall=node.now.wall + 60))

        self.lasts("not watched", lambda: window(False), lambda: window(True))

    def edit(self):
        """The profile is edited: other figures, still legal."""
        node = self.pair.failover
        if node.awake:
            t = self.timing
            longer = replace(t, activate_after_s=t.activate_after_s * self.rng.choice((1.0, 1.5)), misses=max(1, t.misses - 1))
            self.pair.fault("profile edited")
            node.edit(replace(node.config, timing=longer))

    def step_wall(self):
        """A wall clock steps."""
        node = self.rng.choice((self.pair.primary, self.pair.failover))
        seconds = self.rng.choice((-20.0, 20.0, 300.0, -300.0, 86400.0, -86400.0))
        self.set_for(f"{self.pair.name(node)}'s wall clock steps by {seconds:g} s", node, step=node.step + seconds)

    def gate_hangs(self):
        self.set_for("reference points hang", self.pair.failover, gate_hangs=True)

    def there_and_back(self):
        """The primary is gone long enough, then comes back: with a plot on the way."""
        self.ambush()
        self.down(
            self.pair.primary, seconds=self.rng.uniform(1.1, 2.0) * self.timing.activate_after_s + self.timing.soft_timeout_s + 5
        )

    def trip(self, step="", how=""):
        """A way back on which one step does not go."""
        step = step or self.rng.choice(("P", "H2", "H5", "H5", "H6"))
        how = how or self.rng.choice(("fails", "hangs", "lost", "slow"))
        seconds = 800.0 if (step, how) == ("P", "hangs") else self.rng.choice((20.0, 100.0))
        gone = 1.3 * self.timing.activate_after_s + self.timing.soft_timeout_s + 5
        self.set_for(
            f"step {step} {how}", self.pair.failover, gone + self.timing.stable_for_s + seconds, broken_steps={step: how}
        )
        self.down(self.pair.primary, seconds=gone)

    # --- people -------------------------------------------------------------------------------------------------------

    def order(self):
        node, rng = self.pair.failover, self.rng
        if not node.awake:
            return
        fact = rng.choice(
            (
                facts.HoldSet(profile=NAME, by="ann", reason="storm", for_s=rng.choice((0.0, 60.0, 1000.0, 1e9))),
                facts.HoldReleased(profile=NAME, by="ann"),
                facts.ActivateAsked(profile=NAME, by="ann"),
                facts.StandbyAsked(profile=NAME, by="ann"),
                facts.StandbyAsked(profile=NAME, by="ann", force=True),
                facts.SwitchoverAsked(profile=NAME, by="ann", for_s=rng.choice((120.0, 900.0, 1e9))),
                facts.FlapUnlocked(profile=NAME, by="ann"),
            )
        )
        self.pair.fault(f"{type(fact).__name__} {'force' if getattr(fact, 'force', False) else ''}")
        node.give(fact)
        if not node.state.passive:
            node.give(facts.ProfileRemoved(profile=NAME))

    def order_while(self):
        """An order that this node is not fit for."""
        node = self.pair.failover
        self.rng.choice((self.torn_mirror, self.failover_disk, self.alone))()

        def orders():
            for fact in (
                facts.HoldSet(profile=NAME, by="bob", reason="disk", for_s=30.0),
                facts.HoldReleased(profile=NAME, by="bob"),
                facts.SwitchoverAsked(profile=NAME, by="bob", for_s=60.0),
                facts.ActivateAsked(profile=NAME, by="bob"),
            ):
                node.give(fact)

        for seconds in (3.0, 15.0):
            self.later(seconds, orders)

    def impatient(self):
        """The same order twice at once."""
        for _ in range(2):
            self.pair.failover.give(facts.SwitchoverAsked(profile=NAME, by="ann", for_s=100.0))

    def stop_under_order(self):
        """The primary stops just when it is asked to yield."""
        self.pair.failover.give(facts.SwitchoverAsked(profile=NAME, by="ann", for_s=100.0))
        self.stop_primary()

    def activate_at_start(self):
        """The node has just started and saw nothing yet."""
        node = self.pair.failover
        if node.up:
            node.crash()
            node.start()
            node.give(facts.ActivateAsked(profile=NAME, by="eve"))

    # --- plots against a decision -------------------------------------------------------------------------------------

    def ambush(self):
        """Waits until a node comes to some place, then strikes: at once, soon, or in the middle of that very decision."""
        rng, pair = self.rng, self.pair
        delay = rng.choice((0.0, 0.0, 0.01, 0.3, 2.0))
        place = rng.choice(PLACES)
        scheme = rng.choice([one for one in self.schemes() if one.__name__ not in {"ambush", "there_and_back", "trip"}])
        how = rng.choice(("before", "after", "scheme", "scheme", "scheme", "scheme"))

        def strike():
            self.later(delay, scheme)
            if self.restless:
                self.ambush()

        pair.ambush = (self.coming_to(place), strike if how == "scheme" else how)

    def coming_to(self, place):
        """Whether a decision brings a node to some place."""

        def there(node, before, after):
            if node is self.pair.primary:
                return before.state is not place and after.state is place
            return before.position is not place and after.position is place

        return there
