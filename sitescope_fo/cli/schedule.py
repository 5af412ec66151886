"""`schedule`: range and absolute schedules, which monitors and profiles follow."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.choices import F, edit_options, nothing_to_change, profile_option
from sitescope_fo.cli.config import pairs, value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import ScheduleAdd, ScheduleEdit, ScheduleRemove
from sitescope_fo.model.errors import Usage

_COLUMNS = [
    Column(title="SCHEDULE", flexible=True),
    Column(title="KIND"),
    Column(title="TIMES", flexible=True),
    Column(title="OPEN"),
    Column(title="NEXT ON"),
    Column(title="NEXT OFF"),
    Column(title="USED BY", flexible=True),
    Column(title="PROFILE"),
]


@click.group(cls=NodeGroup, example='sitescope-fo schedule add "business hours" --window "mon-fri 08:00-18:00"')
def schedule() -> None:
    """Manage schedules: a range says when something may happen, an absolute one at which moments it does."""


def _times(function: F) -> F:
    ranges = click.option(
        "--window", "windows", multiple=True, metavar="W", help='A range such as "mon-fri 08:00-18:00"; repeat it for more.'
    )
    moments = click.option(
        "--moment", "moments", multiple=True, metavar="M", help='An absolute moment such as "mon-sun 06:00"; repeat it for more.'
    )
    return ranges(moments(function))


@schedule.command("list", example="sitescope-fo schedule list")
@profile_option
@click.pass_obj
def list_all(call: Invocation, profile: str) -> None:
    """List all schedules: their times, who follows them, when they open and close next."""
    rows = call.query("schedules", profile=profile)
    none = ['No schedules. Add one with: sitescope-fo schedule add NAME --window "mon-fri 08:00-18:00"']
    call.emit(rows, lambda: call.rows(_COLUMNS, map(_row, rows)) if rows else none)


def _row(one: dict[str, Any]) -> list[str]:
    times = [*one.get("windows", ()), *one.get("moments", ())]
    cells = [one.get("kind"), times, one.get("open"), one.get("next_on"), one.get("next_off"), one.get("used_by")]
    return [str(one.get("name", "")), *map(value_text, cells), value_text(one.get("profile"))]


@schedule.command("show", example='sitescope-fo schedule show "business hours"')
@click.argument("name")
@profile_option
@click.pass_obj
def show(call: Invocation, name: str, profile: str) -> None:
    """Show the schedule NAME."""
    found = [one for one in call.query("schedules", profile=profile) if str(one.get("name", "")).casefold() == name.casefold()]
    if not found:
        raise Usage(
            f"There is no schedule '{name}'", where="schedules", hint="List them: sitescope-fo schedule list", code="not_found"
        )
    call.emit(found[0], lambda: pairs(found[0], call))


@schedule.command("add", example='sitescope-fo schedule add "business hours" --window "mon-fri 08:00-18:00"')
@click.argument("name")
@_times
@edit_options
@click.pass_obj
def add(call: Invocation, name: str, windows: tuple[str, ...], moments: tuple[str, ...], profile: str, force: bool) -> None:
    """Add a schedule: a range by --window, or an absolute one by --moment.

    A window that ends before it starts goes on after midnight. The times are those of the node's own time zone.
    """
    if bool(windows) == bool(moments):
        raise Usage(
            "A schedule has windows or moments",
            where=f"schedule add {name}",
            hint="Give --window or --moment",
            code="bad_schedule",
        )
    call.run(ScheduleAdd(name=name, windows=windows, moments=moments, profile=profile, force=force), f"Schedule {name} is added")


@schedule.command("edit", example='sitescope-fo schedule edit "business hours" --window "mon-sat 08:00-20:00"')
@click.argument("name")
@click.option("--new-name", default="", metavar="N", help="Rename it; one in use keeps its name.")
@_times
@edit_options
@click.pass_obj
def edit(
    call: Invocation,
    name: str,
    new_name: str,
    windows: tuple[str, ...],
    moments: tuple[str, ...],
    profile: str,
    force: bool,
) -> None:
    """Change the schedule NAME; the times given replace all it had."""
    if not (new_name or windows or moments):
        raise nothing_to_change(f"schedule edit {name}")
    body = ScheduleEdit(name=name, new_name=new_name, windows=windows, moments=moments, profile=profile, force=force)
    call.run(body, f"Schedule {name} is changed")


@schedule.command("remove", example='sitescope-fo schedule remove "business hours"')
@click.argument("name")
@edit_options
@click.pass_obj
def remove(call: Invocation, name: str, profile: str, force: bool) -> None:
    """Remove the schedule NAME; refused while a monitor or a profile uses it."""
    call.run(ScheduleRemove(name=name, profile=profile, force=force), f"Schedule {name} is removed")
