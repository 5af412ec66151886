"""How mails say times, values and addresses."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sitescope_fo.model.config import MailSettings
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import Value

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
LONGEST_LINE = 500
LONGEST_SUBJECT = 200


def said_time(wall: float) -> str:
    """`2026-11-22 10:00:00 UTC`; "" for 0."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if wall else ""


def said_span(seconds: float) -> str:
    """A duration to the second, `1m12s`; below one second to the millisecond."""
    return format_duration(round(seconds) if seconds >= 1 else max(0.0, seconds))


def said_value(value: Value | None) -> str:
    """A value with at most four digits behind the point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else one_line(str(value))


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """`text` without line breaks and other control characters, cut at `longest` characters.

    Whatever a target answers ends up in mails: no line of it may become a header.
    """
    clean = _CONTROL.sub(" ", text).strip()
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def sender_of(settings: MailSettings, host: str) -> str:
    """Who the mail is from: the settings' sender, else an address at this node."""
    return settings.sender or f"sitescope-fo@{host or 'localhost'}"
