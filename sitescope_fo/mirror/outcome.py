"""What became of one attempt to mirror."""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.mirror.record import Generation
from sitescope_fo.model.config import Tree
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.wire import SkippedFile

Place = Literal["flip", "keep", "drop"]
"""What may become of a verified generation now: current, kept beside the current one (*theirs*, while acting), or nothing."""


class Unchanged(msgspec.Struct, frozen=True, kw_only=True):
    """The current mirror is what the primary has. `full`: each of its files was hashed anew."""

    revision: str
    monitors: int
    full: bool
    skipped: tuple[SkippedFile, ...] = ()

    @property
    def summary(self) -> str:
        """One line for people."""
        how = "every file verified" if self.full else "by its revision"
        return f"unchanged ({how}): {self.monitors} monitors, revision {self.revision[:12]}"


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a mirror went, in seconds."""

    fetch_s: float = 0.0
    """Until every file was here and proven."""
    load_s: float = 0.0
    """Loading it dry."""
    commit_s: float = 0.0
    """Making it durable and current."""

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.fetch_s + self.load_s + self.commit_s

    def __str__(self) -> str:
        return f"{self.total_s:.2f} s (fetch {self.fetch_s:.2f}, load {self.load_s:.2f}, commit {self.commit_s:.2f})"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A new mirror was fetched, verified and loaded. `place` flip: it is current; keep: it lies beside the current one."""

    revision: str
    monitors: int
    bytes: int
    """Content fetched for it."""
    files: int
    """Files fetched for it."""
    skipped: tuple[SkippedFile, ...]
    retargeted: tuple[str, ...]
    tree: Tree
    generation: Generation
    place: Place = "flip"
    took: Took = Took()

    @property
    def summary(self) -> str:
        """One line for people."""
        where = "" if self.place == "flip" else "; kept beside the current mirror while this node acts"
        return (
            f"mirrored {self.monitors} monitors, revision {self.revision[:12]},"
            f" {self.files} files ({self.bytes} bytes) fetched in {self.took}{where}"
        )


class StagedShrink(msgspec.Struct, frozen=True, kw_only=True):
    """A verified mirror with far fewer monitors waits for a yes; the current one stays."""

    revision: str
    before: int
    after: int
    removed: tuple[str, ...]
    remaining_s: float

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"staged, not current: {len(self.removed)} of {self.before} monitors would go;"
            f" accept it with `mirror NAME --accept`, or it becomes current in {format_duration(round(self.remaining_s))}"
        )


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A verified mirror was thrown away: the primary fell silent meanwhile, and a takeover uses what was current before."""

    revision: str

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"revision {self.revision[:12]} was dropped: the primary is silent, the current mirror stays"


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """It did not work; the current mirror, if any, stays."""

    code: str
    what: str
    where: str = ""
    hint: str = ""
    revision: str = ""
    """The primary's revision that could not be used, when it got that far."""

    @property
    def summary(self) -> str:
        """One line for people."""
        place = f" ({self.where})" if self.where else ""
        return f"failed: {self.what}{place}" + (f". {self.hint}" if self.hint else "")


PullOutcome = Unchanged | Verified | StagedShrink | Dropped | Failed
