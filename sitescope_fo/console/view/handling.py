"""What people do about a monitor: acknowledge, plan a downtime, run, switch. Forms, commands, and why one is not possible now."""

from __future__ import annotations

from collections.abc import Mapping

from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.said import Wording, value_text
from sitescope_fo.console.view.tree import PROBLEMS
from sitescope_fo.model.command import ACK_LONGEST_S, DOWNTIME_LONGEST_S, Ack, DowntimeAdd
from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.snapshot import MonitorRow, StatusReport
from sitescope_fo.model.width import clean

LEAST_S = 1.0


def target(row: MonitorRow) -> str:
    """How a command names the monitor, whatever trees this node has."""
    return f"{row.profile}:{row.path}" if row.profile else row.path


def refusal(verb: str, row: MonitorRow | None, status: StatusReport | None) -> str:
    """Why `acknowledge`, `run`, `downtime` or `enable` is not possible now; "" when it may be: the node has the last word."""
    if row is None:
        return "There is no monitor under the cursor"
    match verb:
        case "acknowledge" if not row.acknowledged and row.status not in PROBLEMS and not row.suspended:
            return f"There is nothing to acknowledge: it is {row.status}. For planned work there is a downtime"
        case "run" if row.suspended:
            other = "primary" if row.profile else "failover"
            return f"This node does not run it now: run it on the {other}"
        case "run" if not row.enabled:
            return "It is switched off: switch it on first"
        case "enable" if row.profile and _passive(row.profile, status):
            return "Here it is in standby, and its configuration is the primary's: switch it there, it is mirrored within seconds"
    return ""


def _passive(name: str, status: StatusReport | None) -> bool:
    profiles = status.profiles if status is not None else ()
    return any(profile.name == name and not profile.may_check for profile in profiles)


# --- acknowledgements -------------------------------------------------------------------------------------------------


def ack_form(row: MonitorRow) -> Form:
    """Who looks after it, and until when."""
    return Form(
        title=f"Acknowledge {clean(row.name)}",
        note=f"{clean(row.path)}: {row.status}, {clean(row.state_string)}",
        verb="Acknowledge",
        fields=(
            Field(
                name="comment",
                label="Comment",
                needed=True,
                help="What is done about it, for whoever is on call.",
            ),
            Field(
                name="for",
                label="At most for",
                kind="duration",
                least=LEAST_S,
                most=ACK_LONGEST_S,
                help="A duration like 4h; empty: until it is good again.",
            ),
        ),
    )


def ack_of(row: MonitorRow, values: Mapping[str, str]) -> Ack:
    """What the form asks the node for. Raises Usage."""
    most = values["for"].strip()
    return Ack(path=target(row), comment=values["comment"].strip(), for_s=parse_duration(most) if most else None)


def ack_text(row: MonitorRow, wording: Wording, now: float) -> str:
    """What is taken back."""
    ack = row.ack
    if ack is None:
        return f"{clean(row.path)} is acknowledged."
    end = wording.moment(ack.until, now) if ack.until else "it is good"
    said = f"{clean(ack.by)} acknowledged it {wording.moment(ack.at, now)}, until {end}:\n{clean(ack.comment)}"
    return f"{clean(row.path)}\n{said}\n\nTaken back, it counts as a problem that nobody looks after."


# --- downtimes --------------------------------------------------------------------------------------------------------


def scopes(row: MonitorRow) -> tuple[str, ...]:
    """What a downtime may cover: the monitor, its group, the groups above."""
    prefix = f"{row.profile}:" if row.profile else ""
    parts = row.path.split("/")
    return tuple(f"{prefix}{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1))


def downtime_form(row: MonitorRow | None = None) -> Form:
    """For the monitor or a group above it; without one, for any scope."""
    return Form(
        title="Plan a downtime",
        note="No alert goes out for what it covers, and its problems do not count as unhandled. Checks go on.",
        verb="Plan",
        fields=(
            _scope_field(row),
            Field(name="reason", label="Reason", needed=True, help="What is done, for whoever is on call."),
            Field(
                name="for",
                label="For",
                kind="duration",
                value="1h",
                needed=True,
                least=LEAST_S,
                most=DOWNTIME_LONGEST_S,
                help="How long: 30m, 2h, 1d.",
            ),
            Field(
                name="from",
                label="From",
                check=_moment,
                help="Empty: now. Else like 2026-11-22T22:00 (UTC) or 2026-11-22T22:00+01:00.",
            ),
        ),
    )


def _scope_field(row: MonitorRow | None) -> Field:
    if row is None:
        where = "A group, the path of a monitor, or / for everything; on a failover it may start with profile:"
        return Field(name="scope", label="Covers", needed=True, help=where)
    choices = scopes(row)
    where = "The monitor, or a group with everything below it."
    return Field(name="scope", label="Covers", kind="choice", value=choices[0], choices=choices, help=where)


def _moment(text: str) -> None:
    if wall_of(text) is None:
        raise Usage(f"'{text}' is no moment", hint="Write it like 2026-11-22T22:00", code="bad_moment")


def downtime_of(values: Mapping[str, str]) -> DowntimeAdd:
    """What the form asks the node for. Raises Usage."""
    return DowntimeAdd(
        scope=values["scope"].strip(),
        reason=values["reason"].strip(),
        start=values["from"].strip(),
        for_s=parse_duration(values["for"]),
    )


def downtime_text(row: MonitorRow, wording: Wording, now: float) -> str:
    """What is ended."""
    down = row.downtime
    if down is None:
        return ""
    span = f"{wording.moment(down.start, now)} to {wording.moment(down.until, now)}"
    after = "Ended, alerts go out again for everything that it covers."
    return f"{clean(row.path)} is in a downtime {span}, planned by {clean(down.by)}:\n{clean(down.reason)}\n\n{after}"


def run_text(row: MonitorRow) -> str:
    """The result of a run, as a sentence."""
    parts = (row.status, value_text(row.value) if row.value is not None else "", clean(row.state_string))
    return f"{clean(row.name)}: {', '.join(part for part in parts if part)}"
