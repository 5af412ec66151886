"""What a node needs from outside, all in one value: the ports, and who this process is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from sitescope_fo.model.errors import Problem
from sitescope_fo.model.monitor_type import TypeBook
from sitescope_fo.model.ports import Checks, Clock, Mailer, PeerClient, PeerLook, Randomness, ReferencePoints, Secrets, Work
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.store.tree import without_pause


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a node needs from outside."""

    clock: Clock
    work: Work
    randomness: Randomness
    checks: Checks
    mailer: Mailer
    client: PeerClient
    references: ReferencePoints
    book: TypeBook
    secrets_for: Callable[[Path], Secrets]
    """Opens the secrets of the tree at a folder. Blocking."""
    disk_free: Callable[[], int]
    """Bytes free for the home. Quick."""
    keys: KeyRing
    look: PeerLook | None = None
    """None: there is no way to look at, as on the wire of a simulation."""
    book_signature: Callable[[], str] = str
    """Another text when what the book says may be another. Blocking."""
    breathe: Callable[[], None] = without_pause
    """Called often by long work in a worker: lets the loop have the processor."""
    renew_tls: Callable[[], bool] = lambda: False
    """Takes certificates/ over for new connections; False: TLS is off. Raises ConfigInvalid."""
    answered_with: Callable[[], Mapping[str, tuple[str, ...]]] = dict
    """Peer (node id) -> ids of the LW-SSO roots that it used last since the start, answering and asking."""
    plugin_problems: Callable[[], tuple[Problem, ...]] = tuple
    """Plug-ins that could not be used."""
    user: str = ""
    """The account the process runs under."""
    pid: int = 0
