"""`alert`: who is told, on what, and how often."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.choices import F, edit_options, nothing_to_change, profile_option
from sitescope_fo.cli.config import value_text
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import AlertAdd, AlertEdit, AlertRemove, AlertTest
from sitescope_fo.model.monitor import When
from sitescope_fo.model.when import format_when, parse_when

_ON = click.Choice(["good", "warning", "error", "nodata"])
_WHEN_HELP = '"always after N", "once after N" or "first after X then every Y" results in a row.'
_COLUMNS = [
    Column(title="SCOPE", flexible=True),
    Column(title="ALERT", flexible=True),
    Column(title="ON", state=True),
    Column(title="WHEN"),
    Column(title="TO", flexible=True),
    Column(title="ENABLED"),
    Column(title="PROFILE"),
]


def _name_option(function: F) -> F:
    return click.option("--name", required=True, metavar="N", help="The name of the alert.")(function)


@click.group(cls=NodeGroup, example='sitescope-fo alert add "Servers/Web" --name "mail ops" --on error --to ops@example.org')
def alert() -> None:
    """Manage alerts. SCOPE is a group, the path of a monitor, or / for the whole node."""


@alert.command(
    "add",
    example='sitescope-fo alert add "Servers/Web" --name "mail ops" --on error --when "once after 1" --to ops@example.org',
)
@click.argument("scope")
@_name_option
@click.option("--on", type=_ON, default="error", show_default=True, help="The status that raises it.")
@click.option("--when", default="once after 1", show_default=True, metavar="RULE", help=_WHEN_HELP)
@click.option(
    "--to", multiple=True, metavar="ADDR", help="Who gets the mail; repeat it for more. Default: the node's recipients."
)
@edit_options
@click.pass_obj
def add(call: Invocation, scope: str, name: str, on: str, when: str, to: tuple[str, ...], profile: str, force: bool) -> None:
    """Add an alert to SCOPE."""
    parse_when(when, where="--when")
    call.run(AlertAdd(scope=scope, name=name, on=on, when=when, to=to, profile=profile, force=force), f"Alert {name} is added")


@alert.command("list", example="sitescope-fo alert list")
@profile_option
@click.pass_obj
def list_all(call: Invocation, profile: str) -> None:
    """List all alerts."""
    alerts = call.query("alerts", profile=profile)
    call.emit(
        alerts,
        lambda: (
            call.rows(_COLUMNS, map(_row, alerts))
            if alerts
            else ["No alerts. Add one with: sitescope-fo alert add SCOPE --name N"]
        ),
    )


def _row(one: dict[str, Any]) -> list[str]:
    texts = [value_text(one.get(key)) for key in ("to", "enabled", "profile")]
    return [one.get("scope") or "/", str(one.get("name", "")), str(one.get("on", "")), _rule(one.get("when")), *texts]


def _rule(when: Any) -> str:  # noqa: ANN401  # words, or the table of a group file
    return format_when(typed(when, When)) if isinstance(when, dict) else str(when or "")


@alert.command("edit", example='sitescope-fo alert edit "Servers/Web" --name "mail ops" --when "always after 3"')
@click.argument("scope")
@_name_option
@click.option("--new-name", default="", metavar="N", help="Rename it.")
@click.option("--on", type=_ON, default=None, help="The status that raises it.")
@click.option("--when", default="", metavar="RULE", help=_WHEN_HELP)
@click.option("--to", multiple=True, metavar="ADDR", help="The new recipients; repeat it for more.")
@click.option("--enable/--disable", "enabled", default=None, help="Switch it on or off.")
@edit_options
@click.pass_obj
def edit(
    call: Invocation,
    scope: str,
    name: str,
    new_name: str,
    on: str | None,
    when: str,
    to: tuple[str, ...],
    enabled: bool | None,
    profile: str,
    force: bool,
) -> None:
    """Change an alert of SCOPE; what is not given stays."""
    if not (new_name or on or when or to or enabled is not None):
        raise nothing_to_change(f"alert edit {scope}")
    if when:
        parse_when(when, where="--when")
    body = AlertEdit(
        scope=scope,
        name=name,
        new_name=new_name,
        on=on or "",
        when=when,
        to=to,
        enabled=enabled,
        profile=profile,
        force=force,
    )
    call.run(body, f"Alert {name} is changed")


@alert.command("remove", example='sitescope-fo alert remove "Servers/Web" --name "mail ops"')
@click.argument("scope")
@_name_option
@edit_options
@click.pass_obj
def remove(call: Invocation, scope: str, name: str, profile: str, force: bool) -> None:
    """Remove an alert from SCOPE."""
    call.run(AlertRemove(scope=scope, name=name, profile=profile, force=force), f"Alert {name} is removed")


@alert.command("test", example='sitescope-fo alert test "Servers/Web" --name "mail ops"')
@click.argument("scope")
@_name_option
@click.pass_obj
def test(call: Invocation, scope: str, name: str) -> None:
    """Send a test of an alert of SCOPE to its recipients, now."""
    call.run(AlertTest(scope=scope, name=name), f"A test of {name} was sent")
