"""Plays a plan as the runner does, without a loop, and keeps book of every start."""

from collections import defaultdict

from sitescope_fo.engine.plan import NOOP


class Player:
    """`takes(key)` is how long a check runs; `verdict(key, at)` whether it is in error then, None = nothing."""

    def __init__(self, plan, now=0.0, *, takes=lambda key: 0.0, verdict=lambda key, at: None):
        self.plan, self.now, self.takes, self.verdict = plan, now, takes, verdict
        self.running = {}
        self.starts = []
        self.busiest = 0

    def until(self, end):
        """Plays on until `end`."""
        while True:
            following = max(self.now, min([self.plan.next_due(), *(at for at, _ in self.running.values())]))
            if following > end:
                self.now = end
                return self
            self.now = following
            self._look()

    def away(self, seconds):
        """The whole process is stopped for so long."""
        self.now += seconds
        self._look()
        return self

    def _look(self):
        for key, (at, begun) in list(self.running.items()):
            if at <= self.now:
                del self.running[key]
                self.plan.finished(key, self.now)
                in_error = self.verdict(key, begun)
                if in_error is not None:
                    self.plan.judged(key, in_error=in_error, started=begun, now=self.now)
        for key in self.plan.pop_due(self.now, len(self.running)):
            assert key not in self.running, "one monitor never runs twice at once"
            if key != NOOP:
                self.starts.append((self.now, key))
            self.running[key] = (self.now + (self.takes(key) if key != NOOP else 0.0), self.now)
            self.busiest = max(self.busiest, len(self.running))

    def times(self):
        """When each monitor was started."""
        found = defaultdict(list)
        for at, key in self.starts:
            found[key].append(at)
        return found
