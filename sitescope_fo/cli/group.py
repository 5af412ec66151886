"""`group`: groups of monitors."""

from __future__ import annotations

import click

from sitescope_fo.cli.choices import edit_options, profile_option
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import GroupAdd, GroupRemove

_COLUMNS = [
    Column(title="GROUP", flexible=True),
    Column(title="MONITORS", right=True),
    Column(title="DEPENDS ON", flexible=True),
    Column(title="PROFILE"),
]


@click.group(cls=NodeGroup, example='sitescope-fo group add "Servers/Web"')
def group() -> None:
    """Manage groups of monitors."""


@group.command("add", example='sitescope-fo group add "Servers/Web" --depends-on "Network/Gateway ping"')
@click.argument("path")
@click.option("--description", default="", metavar="TEXT", help="What the group is for.")
@click.option("--depends-on", default="", metavar="MONITOR", help="Its monitors run only while this monitor is good.")
@edit_options
@click.pass_obj
def add(call: Invocation, path: str, description: str, depends_on: str, profile: str, force: bool) -> None:
    """Add the group PATH, and its parents where they are missing."""
    body = GroupAdd(path=path, description=description, depends_on=depends_on, profile=profile, force=force)
    call.run(body, f"Group {path} is added")


@group.command("list", example="sitescope-fo group list")
@profile_option
@click.pass_obj
def list_all(call: Invocation, profile: str) -> None:
    """List the groups with the number of their monitors."""
    groups = call.query("groups", profile=profile)
    rows = [
        [str(one.get("path", "")), str(one.get("monitors", "")), str(one.get("depends_on") or ""), str(one.get("profile") or "")]
        for one in groups
    ]
    call.emit(groups, lambda: call.rows(_COLUMNS, rows) if rows else ["No groups. Add one with: sitescope-fo group add PATH"])


@group.command("remove", example='sitescope-fo group remove "Servers/Web" --recursive')
@click.argument("path")
@click.option("--recursive", is_flag=True, help="Also its monitors and sub-groups.")
@edit_options
@click.pass_obj
def remove(call: Invocation, path: str, recursive: bool, profile: str, force: bool) -> None:
    """Remove the group PATH; with monitors or sub-groups in it only with --recursive."""
    call.run(GroupRemove(path=path, recursive=recursive, profile=profile, force=force), f"Group {path} is removed")
