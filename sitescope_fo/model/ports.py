"""What the engine needs from outside, as protocols: clocks, blocking work, randomness, checks, mail, peers, reference points.

In life `sitescope_fo.node.ports` implements them; in simulations the tests do, in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from sitescope_fo.model.config import MailSettings
    from sitescope_fo.model.monitor import CheckResult, Monitor

T = TypeVar("T")


class Now(msgspec.Struct, frozen=True):
    """One instant on both clocks: `mono` for decisions (seconds, boot-time clock), `wall` for records (POSIX seconds, UTC)."""

    mono: float
    wall: float


class Clock(Protocol):
    """The boot-time clock (runs through suspends) and the wall clock."""

    def mono(self) -> float:
        """Seconds on the boot-time clock; never goes back."""
        ...

    def wall(self) -> float:
        """POSIX seconds; may step."""
        ...

    def now(self) -> Now:
        """Both at once."""
        ...

    def local(self, wall: float) -> datetime:
        """`wall` as an aware time in the node's zone, for calendar schedules."""
        ...


class Work(Protocol):
    """Blocking or CPU-heavy work off the engine loop."""

    async def run_blocking(self, fn: Callable[..., T], *args: object, lane: str = "") -> T:
        """`fn(*args)` in a worker.

        Calls with the same non-empty `lane` run one at a time, in order. Cancellation waits for the call to end.
        """
        ...


class Randomness(Protocol):
    """Random values; seeded in simulations."""

    def fraction(self) -> float:
        """A float in [0, 1)."""
        ...

    def token(self, size: int) -> str:
        """`size` random bytes as lower-case hex."""
        ...

    def uid(self, wall: float) -> str:
        """A new UUID, version 7 (time-ordered), for the given wall clock."""
        ...


class Checks(Protocol):
    """Runs one check. Never raises for what the target does: that is a result with `failure` set."""

    async def run(self, monitor: Monitor, *, home: Path) -> CheckResult:
        """One run, bounded by `monitor.timeout_s`. `home` is the tree whose scripts/ it may use."""
        ...


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to one recipient, rendered."""

    message_id: str
    sender: str
    to: str
    subject: str
    body: str
    wall: float
    headers: tuple[tuple[str, str], ...] = ()


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """How one mail server took the greeting: `server` is its place; `trouble` "" when it would take mail."""

    server: str
    trouble: str = ""
    hint: str = ""


class Mailer(Protocol):
    """Delivers one message."""

    async def send(self, settings: MailSettings, message: Message) -> str:
        """The server's name that took it. Tries the servers in order.

        Raises MailRefused (permanent, 5xx) or MailDeferred (anything that may work later), see `notify/errors.py`.
        """
        ...

    async def greet(self, settings: MailSettings) -> tuple[Greeting, ...]:
        """Speaks to each server as far as EHLO, TLS and login, and sends nothing."""
        ...


class PeerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a peer is and who it must be ("" = not known yet)."""

    host: str
    port: int
    tls: bool = False
    node_id: str = ""


class PeerReply(msgspec.Struct, frozen=True, kw_only=True):
    """A verified reply: body bytes, status, headers we use, and the skew measured from it (peer's clock - mine, seconds)."""

    status: int
    body: bytes
    etag: str = ""
    skew_s: float = 0.0
    peer_id: str = ""


class PeerClient(Protocol):
    """Signed requests to another node. One method; the typed calls stand in `model/wire.py`'s table of routes."""

    async def request(
        self,
        peer: PeerAddress,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        timeout_s: float,
        etag: str = "",
    ) -> PeerReply:
        """One exchange, verified both ways.

        Raises Unreachable (code timeout, refused, unresolved, reset, unreachable, foreign) when no node of ours answered, and
        Unverifiable (lwsso_token_wrong, lwsso_clock_skew, lwsso_replayed, lwsso_expired, tls_name, tls_expired, tls_untrusted,
        wire_version) when one did that cannot be trusted; other errors of the peer (Refused, Conflict, …) as they are.
        """
        ...


class TlsSight(msgspec.Struct, frozen=True, kw_only=True):
    """What a TLS handshake showed. `untrusted`: why this node does not believe the certificate, "" when it does."""

    version: str
    names: tuple[str, ...]
    not_after: float
    fingerprint: str
    untrusted: str = ""
    remedy: str = ""


class PeerLook(Protocol):
    """The way to a peer, step by step, for people who look for what is wrong with it. Each raises Unreachable."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a name (`unresolved`)."""
        ...

    async def connect(self, address: str, port: int, timeout_s: float) -> float:
        """Seconds that a TCP connection took (`timeout`, `refused`)."""
        ...

    async def handshake(self, address: str, port: int, host: str, timeout_s: float) -> TlsSight:
        """What the TLS of whoever answers there shows to who asks for `host` (`timeout`, `no_tls`)."""
        ...


class ReferencePoints(Protocol):
    """Is it me? Things that answer when this node's network works."""

    async def sample(self, targets: tuple[str, ...], primary_host: str) -> tuple[int, int]:
        """(points asked, points that answered) among the default gateway, DNS, mail server and the `host[:port]` targets given.

        The primary itself is never one. (0, 0): none known.
        """
        ...

    def is_own_address(self, host: str) -> bool:
        """Whether `host` is an address of this machine."""
        ...


class Secrets(Protocol):
    """Opens and seals the secrets of configuration."""

    def seal(self, plain: str) -> str:
        """A sealed text that only nodes with the configuration key can open."""
        ...

    def open(self, sealed: str) -> str:
        """The plain text. Raises ConfigInvalid (`secret_unreadable`) when no known key opens it."""
        ...


Environment = Mapping[str, str]
