"""What decisions ask the outside to do. Values only; executors in `node` carry them out and report back in facts.

The writer makes the new state durable before it releases the effects of the same decision.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The root."""


class LogEvent(Effect, frozen=True, kw_only=True):
    """One line of high_availability.log."""

    event: str
    what: str
    level: Literal["INFO", "WARNING", "ERROR"] = "INFO"
    profile: str = ""
    term: int = 0
    where: str = ""
    hint: str = ""


class RoleMail(Effect, frozen=True, kw_only=True):
    """A mail to the people who run the pair. It becomes an outbox item in the same transaction as the decision.

    `event` names the template; `key` collapses repeats: an unsent item with the same key is replaced.
    """

    event: str
    subject: str
    text: str
    profile: str = ""
    term: int = 0
    key: str = ""


class ProfileEffect(Effect, frozen=True, kw_only=True):
    """Something to do for one profile."""

    profile: str


class ProbeNow(ProfileEffect, frozen=True, kw_only=True):
    """Send a probe at once, beside the regular ones."""


class SampleGate(ProfileEffect, frozen=True, kw_only=True):
    """Ask the reference points."""


class PinWorking(ProfileEffect, frozen=True, kw_only=True):
    """Pin the current mirror as merge base, keep a history zip, lay out the working tree and load it (answer: WorkingReady)."""

    term: int
    resume: bool = False
    """True after a restart while acting: the working tree with its edits is kept."""


class StartMonitors(ProfileEffect, frozen=True, kw_only=True):
    """Run the working tree's monitors; `ramp` starts them in ascending frequency, shortest first."""

    term: int
    ramp: bool = True


class SuspendMonitors(ProfileEffect, frozen=True, kw_only=True):
    """Start no more of the profile's monitors."""


class AskYield(ProfileEffect, frozen=True, kw_only=True):
    """Ask the primary to stop starting checks (answer: YieldAnswered)."""

    term: int
    why: str
    timeout_s: float


class RunStep(ProfileEffect, frozen=True, kw_only=True):
    """Carry out one hand-back step (answer: StepDone or StepFailed)."""

    handback: str
    step: str
    term: int


class RefreshMirror(ProfileEffect, frozen=True, kw_only=True):
    """Mirror now."""

    why: str


class RejudgeAlerts(ProfileEffect, frozen=True, kw_only=True):
    """Drop the queued alert mails of the profile and judge each monitor's state now against what was last notified."""


class AskFailovers(Effect, frozen=True, kw_only=True):
    """Primary: ask every listed failover at once whether it acts, again until it answers or the time is over.

    Answers: BootCheckAnswered, BootCheckFailed.
    """

    timeout_s: float


class StartOwnMonitors(Effect, frozen=True, kw_only=True):
    """Primary: run the own tree's monitors."""

    term: int


class StopOwnMonitors(Effect, frozen=True, kw_only=True):
    """Primary: start no more of the own tree's monitors."""


class SendGoodbye(Effect, frozen=True, kw_only=True):
    """Primary: tell every failover that it stops."""

    eta_s: float
    why: str
