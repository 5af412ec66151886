"""The forms of a failover profile: New and Edit with Advanced Settings, hold, switchover, Default Settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitescope_fo.console.view.form import Field, Form, changed, words_of
from sitescope_fo.console.view.mail_form import mail_fields
from sitescope_fo.model.command import HOLD_DEFAULT_S, HOLD_LONGEST_S, ProfileAdd
from sitescope_fo.model.config import PRESETS, SelfTargets
from sitescope_fo.model.duration import format_duration, parse_duration
from sitescope_fo.model.errors import Usage

_TIMING = (
    ("check_every", "Ask every", "How often the primary is asked for its health."),
    ("soft_timeout", "Soft time-out", "After this an unanswered probe is a miss."),
    ("hard_timeout", "Hard time-out", "Until then a late answer still counts as life."),
    ("activate_after", "Take over after", "Counted from the last proof of life."),
    ("stable_for", "Stable for", "How long the primary must be well before monitoring goes back to it."),
    ("mirror_every", "Mirror every", "How often the mirror is verified in full; changes travel at once."),
)
_BOOLS = frozenset({"tls", "merge_back", "disable_apm"})


def profile_form(current: Mapping[str, Any] | None = None) -> Form:
    """New when `current` is None, else Edit of that answer of the `profile` query."""
    now = current or {}
    new = current is None
    preset = str(now.get("preset", "classic"))
    fields = [
        Field(
            name="name",
            label="Profile",
            value=str(now.get("name", "")),
            needed=True,
            locked=not new,
            help="A short name for this pair.",
        ),
        Field(
            name="primary_host",
            label="Primary host",
            value=str(now.get("primary_host", "")),
            needed=True,
            help="The primary's host name, exactly as in its certificate under TLS.",
        ),
        Field(
            name="primary_port",
            label="Port",
            kind="number",
            value=str(now.get("primary_port", "") or ""),
            least=1,
            most=65535,
            help="Empty: 8080, or 8443 with TLS.",
        ),
        Field(name="tls", label="TLS", kind="bool", value=_yes(now.get("tls")), help="Both nodes serve TLS, or neither does."),
        Field(
            name="preset",
            label="Preset",
            kind="choice",
            choices=tuple(PRESETS),
            value=preset if preset in PRESETS else "classic",
            help="Takes over after: " + ", ".join(f"{name} {format_duration(t.activate_after_s)}" for name, t in PRESETS.items()),
        ),
        Field(
            name="notify",
            label="Tell",
            kind="list",
            value=", ".join(now.get("notify", ())),
            help="Who gets mail on role changes, parted by commas; empty: the default recipients.",
        ),
        *(
            Field(
                name=f"{name}_s",
                label=label,
                kind="duration",
                value=str(now.get(name, "")),
                help=f"{text} {'Empty: as in the preset.' if new else ''}",
                section="Timing",
            )
            for name, label, text in _TIMING
        ),
        Field(
            name="misses",
            label="Misses",
            kind="number",
            value=str(now.get("misses", "")),
            least=1,
            most=100,
            help="Misses in a row before the grace time starts.",
            section="Timing",
        ),
        *_advanced(now),
    ]
    if new:
        fields.append(
            Field(
                name="without_primary",
                label="Offline",
                kind="bool",
                value="no",
                help="Add it although the primary cannot be reached now.",
                section="Advanced Settings",
            )
        )
    return Form(
        title="New profile" if new else f"Edit profile {now.get('name', '')}",
        fields=tuple(fields),
        note="The primary is contacted and bound to the profile; both nodes need the same LW-SSO passphrase." if new else "",
        verb="Add" if new else "Save",
    )


def _advanced(now: Mapping[str, Any]) -> list[Field]:
    section = "Advanced Settings"
    return [
        Field(
            name="merge_back",
            label="Merge back",
            kind="bool",
            value=_yes(now.get("merge_back")),
            help="Edits made here while it acts go back into the primary; off: they are overwritten by the next mirror.",
            section=section,
        ),
        Field(
            name="backups",
            label="Backups",
            kind="number",
            value=str(now.get("backups", 2)),
            least=1,
            most=1000,
            help="How many mirror states are kept as zip.",
            section=section,
        ),
        Field(
            name="disable_apm",
            label="Disable APM",
            kind="bool",
            value=_yes(now.get("disable_apm")),
            help="The APM integration stays silent on this node.",
            section=section,
        ),
        Field(
            name="self_targets",
            label="Self targets",
            kind="choice",
            choices=tuple(choice.value for choice in SelfTargets),
            value=str(now.get("self_targets", "retarget")),
            help="Monitors that watch the primary itself: watch this node, keep the target, or skip them.",
            section=section,
        ),
        Field(
            name="check_schedule",
            label="Check schedule",
            value=str(now.get("check_schedule", "")),
            help="Watch the primary only within this schedule; empty: always.",
            section=section,
        ),
        Field(
            name="mirror_schedule",
            label="Mirror schedule",
            value=str(now.get("mirror_schedule", "")),
            help="Mirror at the times of this schedule; empty: by 'Mirror every'.",
            section=section,
        ),
    ]


def _yes(value: object) -> str:
    return "yes" if value else "no"


def typed_values(values: Mapping[str, str]) -> dict[str, Any]:
    """Fields as `ProfileAdd` takes them; empty ones are left out. Raises Usage."""
    found: dict[str, Any] = {}
    for name, text in values.items():
        value = text.strip()
        if name == "notify":
            found[name] = words_of(value)
        elif name in _BOOLS or name == "without_primary":
            found[name] = value == "yes"
        elif not value and name not in {"check_schedule", "mirror_schedule"}:
            continue
        elif name.endswith("_s"):
            found[name] = parse_duration(value, where=name)
        elif name in {"primary_port", "misses", "backups"}:
            found[name] = _whole(name, value)
        else:
            found[name] = value
    return found


def _whole(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise Usage(f"'{value}' is no whole number", where=name, hint="Give digits only", code="bad_number")
    return int(value)


def profile_add(values: Mapping[str, str]) -> ProfileAdd:
    """The command of a New form. Raises Usage."""
    return ProfileAdd(**typed_values(values))


def profile_changes(form: Form, values: Mapping[str, str]) -> dict[str, Any]:
    """What an Edit form changes. A new preset brings its own times: those that were not typed anew are left to it."""
    return typed_values(changed(form, values))


def hold_form(name: str) -> Form:
    """How long, and why."""
    return Form(
        title=f"Hold {name}",
        verb="Hold",
        note="Until the hold ends no automatic role change happens: no takeover when the primary dies, no hand-back.",
        fields=(
            Field(
                name="for",
                label="For",
                kind="duration",
                value="1h",
                needed=True,
                least=1,
                most=HOLD_LONGEST_S,
                help="30m, 1h, 4h and so on, at most 7d.",
            ),
            Field(name="reason", label="Why", needed=True, help="It stands in status, log and mail."),
        ),
    )


def switchover_form(name: str, situation: str) -> Form:
    """For how long, armed by typing the profile's name."""
    return Form(
        title=f"Switchover of {name}",
        verb="Switch over",
        note=f"{situation}\nThe primary stops monitoring and this node goes on, without a gap and without an overlap.",
        fields=(
            Field(
                name="for",
                label="For",
                kind="duration",
                value=format_duration(HOLD_DEFAULT_S),
                needed=True,
                least=1,
                most=HOLD_LONGEST_S,
                help="Monitoring goes back by itself then; Release does it earlier.",
            ),
            Field(name="word", label=f"Type {name}", needed=True, check=_same(name), help="Arms the button."),
        ),
    )


def _same(name: str) -> Any:  # noqa: ANN401  # a check
    def check(value: str) -> None:
        if value != name:
            raise Usage(f"Type {name}", code="not_confirmed")

    return check


def defaults_form(notify: tuple[str, ...], mail: Mapping[str, Any]) -> Form:
    """Default Settings: recipients of role mails, and the mail server."""
    tell = Field(
        name="notify",
        label="Tell",
        kind="list",
        value=", ".join(notify),
        help="Who gets role mails of profiles that name nobody.",
    )
    return Form(title="Default Settings", fields=(tell, *mail_fields(mail, "Mail")))
