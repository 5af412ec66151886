"""One machine on a desk: facts go in at chosen times, state and effects can be looked at."""

import math

from msgspec.structs import replace

from sitescope_fo.failover import machine
from sitescope_fo.failover.state import Journal
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.config import PRESETS, Profile
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Position, PrimaryState

START_WALL = 1_790_000_000.0
START_MONO = 1000.0
NAME = "prod"


def profile(preset="lan", **changes):
    return Profile(
        **{
            "id": "0198-prod",
            "name": NAME,
            "primary_host": "db1.example",
            "primary_port": 8443,
            "node_id": "primary-1",
            "preset": preset,
            "timing": PRESETS[preset],
            **changes,
        }
    )


class Desk:
    """A profile's machine in virtual time. `seen` holds all effects since the last `clear`."""

    def __init__(self, preset="lan", journal=None, mirrored=True, started=True, **changes):
        config = profile(preset, **changes)
        self.mono = START_MONO
        self.wall_offset = START_WALL - START_MONO
        self.state = machine.initial(config) if journal is None else machine.restored(config, journal)
        self.seen, self._served = [], 0
        if started:
            self.give(facts.NodeStarted(boot_id="f-1"))
        if mirrored:
            self.mirrored()
        self.clear()

    # --- time and facts ---------------------------------------------------------------------------------------------

    @property
    def now(self):
        return Now(self.mono, self.mono + self.wall_offset)

    def give(self, *given):
        for fact in given:
            self.state, out = machine.decide(self.state, fact, self.now)
            self.seen.extend(out)
        return self

    def wait(self, seconds):
        """Lets time pass, waking at every deadline."""
        end = self.mono + seconds
        while (wake := machine.next_wake(self.state, self.now)) <= end:
            assert wake > self.mono
            self.mono = wake
            self.give(facts.Tick())
        self.mono = end
        return self.give(facts.Tick())

    def clear(self):
        self.seen, self._served = [], 0
        return self

    # --- common facts -----------------------------------------------------------------------------------------------

    def mirrored(self, revision="rev-1", monitors=12):
        return self.give(facts.MirrorVerified(profile=NAME, revision=revision, monitors=monitors, wall=self.now.wall))

    def answer(self, ago=0.0, **changes):
        return self.give(
            facts.ProbeAnswered(
                **{
                    "profile": NAME,
                    "sent_mono": self.mono - ago,
                    "round_trip_s": ago,
                    "node_id": "primary-1",
                    "boot_id": "p-1",
                    "state": PrimaryState.running,
                    "term": self.state.live.primary_term or 1,
                    "scheduler_age_s": 0.4,
                    **changes,
                }
            )
        )

    def miss(self, ago=0.0, kind="refused", detail="connection refused"):
        return self.give(facts.ProbeMissed(profile=NAME, sent_mono=self.mono - ago, kind=kind, detail=detail))

    def unverifiable(self, code="lwsso_token_wrong"):
        return self.give(facts.ProbeUnverifiable(profile=NAME, sent_mono=self.mono, code=code, detail="wrong key"))

    def gate(self, answered=3, asked=3, **changes):
        return self.give(facts.GateSampled(profile=NAME, asked=asked, answered=answered, **changes))

    # --- common stretches -------------------------------------------------------------------------------------------

    def probe(self, seconds, how, *, points=3):
        """Probes at the machine's own rhythm for `seconds`, with `points` of 3 reference points that answer samples."""
        end = self.mono + seconds
        while self.mono < end:
            how()
            self.serve(points)
            self.wait(min(self.state.probe_every_s, end - self.mono))
            self.serve(points)
        return self

    def serve(self, points=3):
        """Answers the newest request for a sample, once."""
        if any(isinstance(e, effects.SampleGate) for e in self.seen[self._served :]):
            self._served = len(self.seen)
            self.gate(points)
        return self

    def silent(self, seconds, **changes):
        return self.probe(seconds, self.miss, **changes)

    def healthy(self, seconds, **changes):
        return self.probe(seconds, lambda: self.answer(**changes))

    def until(self, position, how=None, limit=600.0):
        """Probes `how` (silence) until the position is reached."""
        end = self.mono + limit
        while self.position != position:
            assert self.mono < end, f"still {self.state.shown} after {limit} s"
            (how or self.miss)()
            self.serve()
            if self.position != position:
                self.wait(self.state.probe_every_s)
                self.serve()
        return self

    def activating(self):
        """Takes over from a primary that fell silent."""
        self.answer()
        return self.until("activating")

    def active(self, cause="silent"):
        if cause == "silent":
            self.activating()
        self.working()
        self.first_check()
        assert self.position == "active"
        return self

    def working(self, monitors=12):
        return self.give(facts.WorkingReady(profile=NAME, term=self.term, monitors=monitors))

    def first_check(self, path="Web/Home"):
        return self.give(facts.FirstCheckStarted(profile=NAME, term=self.term, path=path))

    def waits(self, **changes):
        """The primary is back in a new life and waits."""
        return self.answer(**{"state": PrimaryState.yielded, "boot_id": "p-2", **changes})

    def recovering(self, **changes):
        self.active()
        self.wait(1.0)
        self.waits(**changes)
        assert self.position == "recovering"
        return self

    def handback(self):
        self.recovering()
        self.done("P")
        self.until("handback", self.waits)
        return self

    def done(self, step, **changes):
        owed = self.state.journal.handback
        return self.give(facts.StepDone(profile=NAME, handback=owed.id, step=step, **changes))

    def failed(self, step, **changes):
        owed = self.state.journal.handback
        return self.give(facts.StepFailed(profile=NAME, handback=owed.id, step=step, **{"what": "refused by peer", **changes}))

    # --- looking ----------------------------------------------------------------------------------------------------

    @property
    def position(self):
        return self.state.position.value

    @property
    def conditions(self):
        return {one.value for one in self.state.conditions}

    @property
    def term(self):
        return self.state.journal.term

    def of(self, kind):
        return [one for one in self.seen if isinstance(one, kind)]

    def mails(self, event=None):
        return [one for one in self.of(effects.RoleMail) if event in {None, one.event}]

    def steps(self):
        return [one.step for one in self.of(effects.RunStep)]

    def moves(self):
        return [(one.source.value, one.to.value) for one in self.state.journal.transitions]

    def restart(self, **changes):
        """The process ends and starts again on the same journal."""
        journal = self.state.journal
        again = Desk(journal=journal, mirrored=False, started=False)
        again.state = replace(again.state, config=self.state.config)
        again.mono, again.wall_offset = self.mono, self.wall_offset
        again.give(facts.NodeStarted(boot_id="f-2", **changes))
        return again


def journal(position="standby", **changes):
    return Journal(position=Position(position), **changes)


__all__ = ["NAME", "Desk", "effects", "facts", "journal", "math", "profile", "replace"]
