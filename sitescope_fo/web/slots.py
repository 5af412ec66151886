"""How many requests of one caller run at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sitescope_fo.model.errors import Refused


class Slots:
    """So many requests at once for each caller."""

    def __init__(self, at_once: int, kind: str) -> None:
        """`kind`: whose requests they are, in the words of the refusal."""
        self._at_once = at_once
        self._kind = kind
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """A slot for one request of `caller`. Raises Refused (`busy`)."""
        if self._running[caller] >= self._at_once:
            raise Refused(f"{self._at_once} requests of this {self._kind} are running", hint="Wait for one to end", code="busy")
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
