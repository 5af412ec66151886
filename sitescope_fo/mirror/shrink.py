"""A mirror that suddenly loses monitors waits for a yes: somebody may have wiped the primary's groups.

The rule (failover design, "Mirror rules"): more than 20 % of the monitors gone, and at least 5. It becomes current when an
operator accepts it, or after it has stood unchanged for 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from sitescope_fo.mirror.generations import STAGING
from sitescope_fo.model.ports import Now
from sitescope_fo.store.files import REAL, Disk, remove_tree, write_atomic

SHRINK = "shrink.json"
LEAST_REMOVED = 5
SHARE_REMOVED = 0.2
WAIT_S = 24 * 3600.0

Named = tuple[str, str]
"""(id, path) of a monitor."""


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """The shrink that waits, noted in staging/shrink.json. See `Patience` for when it has waited long enough."""

    revision: str
    before: int
    after: int
    removed: tuple[str, ...]
    """Paths of the monitors that it would take away."""
    first_seen_wall: float
    until_wall: float
    remaining_s: float


def removed_monitors(before: Iterable[Named], after: Iterable[Named]) -> tuple[str, ...]:
    """Paths of the monitors that are gone: neither their id nor their path is there any more (a rename is no loss)."""
    ids, paths = set(), set()
    for uid, path in after:
        ids.add(uid)
        paths.add(path)
    return tuple(sorted(path for uid, path in before if uid not in ids and path not in paths))


def is_sudden_shrink(before: int, removed: int) -> bool:
    """Whether losing `removed` of `before` monitors at once needs a yes."""
    return removed >= LEAST_REMOVED and removed > SHARE_REMOVED * before


def read_staged(profile_dir: Path) -> Staged | None:
    """The shrink that waits, None when none does or its note cannot be read (it is then staged anew)."""
    try:
        return msgspec.json.decode((profile_dir / STAGING / SHRINK).read_bytes(), type=Staged)
    except (OSError, msgspec.MsgspecError):
        return None


def write_staged(profile_dir: Path, staged: Staged, disk: Disk = REAL) -> None:
    """Notes it, durable when it returns. Raises OSError."""
    write_atomic(profile_dir / STAGING / SHRINK, msgspec.json.encode(staged), disk=disk)


def forget_staged(profile_dir: Path, but: str = "") -> None:
    """Drops the note and the tree it speaks of, unless that tree is of the revision `but`. Raises OSError."""
    staged = read_staged(profile_dir)
    remove_tree(profile_dir / STAGING / SHRINK)
    if staged is not None and staged.revision != but:
        remove_tree(profile_dir / STAGING / staged.revision)


class Patience:
    """How long the staged shrink has still to wait, in one life of the process.

    Within a life only the boot-time clock counts, so that a step of the wall clock cannot accept a wiped tree. A restart takes
    the earlier of the noted remaining seconds and the noted wall end, as every duration that outlives the process.
    """

    def __init__(self) -> None:
        self._revision = ""
        self._ripe_mono = 0.0

    def look(self, staged: Staged, now: Now) -> Staged:
        """`staged` with its remaining seconds brought up to date; 0 when it is ripe."""
        if self._revision != staged.revision:
            self._revision = staged.revision
            remaining = min(staged.remaining_s, max(staged.until_wall - now.wall, 0.0))
            self._ripe_mono = now.mono + remaining
        return msgspec.structs.replace(staged, remaining_s=max(self._ripe_mono - now.mono, 0.0))

    def forget(self) -> None:
        """The shrink that waited is gone: were the same one to come again, it waits anew."""
        self._revision = ""
