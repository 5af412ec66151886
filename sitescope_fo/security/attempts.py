"""How often somebody may try to log in: after a few failures each further one makes the next attempt wait longer.

An attempt counts as failed from its start until it succeeded, so that many at once gain nothing. Both the address and the user
are counted: guessing one password from many places, and many users from one. A user waits half a minute at most, because anybody
can make a user wait; an address waits up to 15 minutes.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

import msgspec

from sitescope_fo.model.errors import Refused
from sitescope_fo.model.ports import Clock

FREE = {"user": 5, "from": 10}
LONGEST_S = {"user": 30.0, "from": 900.0}
FORGOTTEN_S = 3600.0
KEPT = 10_000

Key = tuple[str, str]


class LoginLimited(Refused):
    """Too many attempts; `wait_s` until the next one is looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "Too many attempts to log in failed", where="login", hint=f"Try again in {wait_s:.0f} s", code="login_limited"
        )
        self.wait_s = wait_s


class _Failures(msgspec.Struct, frozen=True):
    count: int
    last: float


class Attempts:
    """The failures of a node's listener. Not thread-safe: lives on the engine loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()

    def begin(self, user: str, address: str) -> None:
        """Counts an attempt. Raises LoginLimited, which counts nothing."""
        keys = _keys(user, address)
        wait_s = max(self._wait_s(key) for key in keys)
        if wait_s > 0:
            raise LoginLimited(wait_s)
        now = self._clock.mono()
        for key in keys:
            self._failures[key] = _Failures(self._count(key) + 1, now)
            self._failures.move_to_end(key)
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, user: str, address: str) -> None:
        """The attempt was good: the user starts anew; the address only takes this one back."""
        of_user, of_address = _keys(user, address)
        self._failures.pop(of_user, None)
        known = self._failures.get(of_address)
        if known is not None:
            self._failures[of_address] = _Failures(max(0, known.count - 1), known.last)

    def _count(self, key: Key) -> int:
        known = self._failures.get(key)
        return known.count if known is not None and self._clock.mono() - known.last < FORGOTTEN_S else 0

    def _wait_s(self, key: Key) -> float:
        over = self._count(key) - FREE[key[0]]
        if over < 0:
            return 0.0
        delay_s: float = min(2.0 ** min(over, 30), LONGEST_S[key[0]])
        return self._failures[key].last + delay_s - self._clock.mono()


def _keys(user: str, address: str) -> tuple[Key, Key]:
    return ("user", user[:256]), ("from", network_of(address))


def network_of(address: str) -> str:
    """What one machine can change of its address does not count: an IPv6 address counts as its /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
