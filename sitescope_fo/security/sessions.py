"""Who is logged in. Kept in memory only, so a restart of the node ends every session."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from sitescope_fo.model.ports import Clock, Randomness
from sitescope_fo.security.accounts import token_hash

IDLE_S = 30 * 60.0
LONGEST_S = 12 * 3600.0
AT_ONCE = 1_000
A_USER = 20
_TOKEN_BYTES = 32


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One login. `credential` is the password record it was opened with: with another one the session is over."""

    user: str
    credential: str
    ends: float
    """On the boot-time clock."""

    def __repr__(self) -> str:
        return f"Session(user={self.user!r})"


class Sessions:
    """All sessions by the hash of their token, least recently used first. Not thread-safe: lives on the engine loop."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness
        self._open: OrderedDict[str, tuple[Session, float]] = OrderedDict()

    def open(self, user: str, credential: str) -> str:
        """A new session; gives its token. When there are too many, the one that was idle longest ends, first of this user."""
        own = [key for key, (session, _) in self._open.items() if session.user == user]
        for key in own[: max(0, len(own) - A_USER + 1)]:
            del self._open[key]
        while len(self._open) >= AT_ONCE:
            self._open.popitem(last=False)
        token = self._randomness.token(_TOKEN_BYTES)
        now = self._clock.mono()
        self._open[token_hash(token)] = (Session(user=user, credential=credential, ends=now + LONGEST_S), now)
        return token

    def use(self, token: str) -> Session | None:
        """The session of a token, which counts as used now; None when there is none, it was idle too long, or it is over."""
        key, now = token_hash(token), self._clock.mono()
        session, used = self._open.get(key, (None, 0.0))
        if session is None:
            return None
        if now >= session.ends or now - used >= IDLE_S:
            del self._open[key]
            return None
        self._open[key] = (session, now)
        self._open.move_to_end(key)
        return session

    def close(self, token: str) -> None:
        """Ends a session, if there is one."""
        self._open.pop(token_hash(token), None)
