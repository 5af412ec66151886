"""What becomes of the mirror of a primary."""

from __future__ import annotations

from sitescope_fo.model.fact.root import ProfileFact


class MirrorVerified(ProfileFact, frozen=True, kw_only=True):
    """A mirror was verified and is current."""

    revision: str
    monitors: int
    wall: float
    full: bool = False
    scheduled: bool = False


class MirrorMissing(ProfileFact, frozen=True, kw_only=True):
    """There is no current mirror, or it is corrupt or cannot be loaded."""

    what: str


class MirrorFailed(ProfileFact, frozen=True, kw_only=True):
    """A mirroring attempt failed; the current mirror, if any, stays."""

    what: str
    where: str = ""
    hint: str = ""


class MirrorStaged(ProfileFact, frozen=True, kw_only=True):
    """A mirror that shrinks suddenly waits for a yes."""

    revision: str
    before: int
    after: int


class WorkingReady(ProfileFact, frozen=True, kw_only=True):
    """The working tree of this term is laid out and its monitors are loaded."""

    term: int
    monitors: int


class EditsKept(ProfileFact, frozen=True, kw_only=True):
    """Edits made while acting, which do not travel home, were kept as an archive."""

    archive: str
