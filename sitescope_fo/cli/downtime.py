"""`downtime`: planned work, in which nobody is mailed."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.choices import Duration
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import DOWNTIME_LONGEST_S, DowntimeAdd, DowntimeEnd
from sitescope_fo.model.moment import clock_time
from sitescope_fo.model.snapshot import DowntimeRow

_COLUMNS = [
    Column(title="ID"),
    Column(title="STATE"),
    Column(title="SCOPE", flexible=True),
    Column(title="MONITORS", right=True),
    Column(title="FROM"),
    Column(title="UNTIL"),
    Column(title="BY", flexible=True),
    Column(title="REASON", flexible=True),
]
_FROM_HELP = "When it begins, such as 2026-11-22T22:00; UTC unless it names a zone. Default: now."


@click.group(cls=NodeGroup, example='sitescope-fo downtime add "Servers/Web" --reason "new disks" --for 2h')
def downtime() -> None:
    """Plan work. In a downtime checks run and are recorded, and no alert is sent.

    SCOPE is a group, the path of a monitor, or / for everything; on a failover it may start with `profile:`.
    """


@downtime.command("add", example='sitescope-fo downtime add "Servers/Web" --reason "new disks" --from 2026-11-22T22:00 --for 2h')
@click.argument("scope")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands beside the monitors.")
@click.option("--from", "start", default="", metavar="T", help=_FROM_HELP)
@click.option(
    "--for", "for_s", type=Duration(longest_s=DOWNTIME_LONGEST_S), required=True, metavar="D", help="How long, at most 365d."
)
@click.pass_obj
def add(call: Invocation, scope: str, reason: str, start: str, for_s: float) -> None:
    """Plan a downtime of SCOPE.

    A problem that outlives it is told as if it had just begun.
    """
    call.run(DowntimeAdd(scope=scope, reason=reason, start=start, for_s=for_s), f"The downtime of {scope} is planned")


@downtime.command("list", example="sitescope-fo downtime list")
@click.option("--profile", default="", metavar="NAME", help="Only those of this profile.")
@click.option("--all", "over", is_flag=True, help="Also those of the last 30 days that are over.")
@click.pass_obj
def list_all(call: Invocation, profile: str, over: bool) -> None:
    """List the downtimes that run or come."""
    answer: list[dict[str, Any]] = call.query("downtimes", profile=profile, all="yes" if over else "")
    rows = typed(answer, list[DowntimeRow])
    nothing = ["No downtimes. Plan one with: sitescope-fo downtime add SCOPE --reason R --for D"]
    call.emit(answer, lambda: call.rows(_COLUMNS, [_row(row, call.now()) for row in rows]) if rows else nothing)


def _row(row: DowntimeRow, now: float) -> list[str]:
    scope = f"{row.profile}:{row.scope}" if row.profile else row.scope
    times = [clock_time(row.start, now), clock_time(row.until, now)]
    return [row.id, row.state, scope, str(row.monitors), *times, row.by, row.reason]


@downtime.command("end", example="sitescope-fo downtime end 3f2a9c1d")
@click.argument("downtime_id", metavar="ID")
@click.pass_obj
def end(call: Invocation, downtime_id: str) -> None:
    """End the downtime ID now, or cancel one to come."""
    call.run(DowntimeEnd(id=downtime_id), f"The downtime {downtime_id} is over")
