"""How many checks each host has under way, and which monitors wait until one of them has ended. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from sitescope_fo.engine.entry import Entry


class Waiting(NamedTuple):
    """Monitors that are due and wait for a host that has as many checks under way as it may have."""

    host: str
    running: int
    waiting: int


class HostRoom:
    """Room for `most` checks at each host; the host "" has room for any number."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._running: Counter[str] = Counter()
        self._lines: dict[str, deque[Entry]] = {}

    def full(self, host: str) -> bool:
        """Whether a check of this host has to wait."""
        return bool(host) and self._running[host] >= self.most

    def enter(self, host: str) -> None:
        """A check of the host starts."""
        self._running[host] += 1

    def leave(self, host: str) -> None:
        """A check of the host has ended."""
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]

    def wait(self, entry: Entry) -> None:
        """Puts a monitor at the end of its host's line."""
        self._lines.setdefault(entry.host, deque()).append(entry)

    def has_line(self, host: str) -> bool:
        """Whether anything waits for the host, perhaps what no longer counts."""
        return host in self._lines

    def next(self, host: str, counts: Callable[[Entry], bool]) -> Entry | None:
        """Takes the first that waits for the host; those that do not count any more are dropped."""
        line = self._lines.get(host)
        while line:
            entry = line.popleft()
            if counts(entry):
                return entry
        self._lines.pop(host, None)
        return None

    def crowded(self, most: int, counts: Callable[[Entry], bool]) -> list[Waiting]:
        """The hosts for which most monitors wait."""
        lines = [Waiting(host, self._running[host], sum(map(counts, line))) for host, line in self._lines.items()]
        return sorted((line for line in lines if line.waiting), key=lambda line: -line.waiting)[:most]
