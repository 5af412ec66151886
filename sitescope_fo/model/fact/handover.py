"""What happens on the way to monitoring and back."""

from __future__ import annotations

from sitescope_fo.model.fact.root import ProfileFact


class YieldAnswered(ProfileFact, frozen=True, kw_only=True):
    """The primary's answer to a yield request; `yielded` False also when it refused or did not answer in time."""

    yielded: bool
    term: int
    detail: str = ""


class FirstCheckStarted(ProfileFact, frozen=True, kw_only=True):
    """The first check of a mirrored monitor in this term was started."""

    term: int
    path: str


class StepDone(ProfileFact, frozen=True, kw_only=True):
    """A hand-back step ended well."""

    handback: str
    step: str
    term: int = 0
    detail: str = ""


class StepFailed(ProfileFact, frozen=True, kw_only=True):
    """A hand-back step was refused, failed, or its answer was lost (`lost` True: it may have been carried out)."""

    handback: str
    step: str
    what: str
    lost: bool = False
