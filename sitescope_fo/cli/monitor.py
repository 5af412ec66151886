"""`monitor`: what is checked, how often, and what counts as an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sitescope_fo.cli.choices import DURATION_OR_OFF_TEXT, DURATION_TEXT, F, edit_options, nothing_to_change, profile_option
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.monitor_sheet import monitor_lines, monitor_table, more_line
from sitescope_fo.cli.setting_values import convert_settings, find_type, parse_types
from sitescope_fo.model.command import MonitorAdd, MonitorEdit, MonitorEnable, MonitorRemove, MonitorRun
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.status import Status

_PAGE = 200
_PAGE_OF_NODE = 500
_STRETCHES = 60
_STATUSES = click.Choice([status.value for status in Status])
_SHOWN = click.Choice([*(status.value for status in Status), "waiting", "suspended", "acknowledged", "downtime", "unhandled"])


@click.group(
    cls=NodeGroup,
    example='sitescope-fo monitor add "Servers/Web" --type url --name "Home page" --frequency 1m --set url=https://shop.example/',
)
def monitor() -> None:
    """Manage monitors. PATH is that of the group with the monitor's name; on a failover it may start with `profile:`."""


def _table_options(*, adding: bool) -> Callable[[F], F]:
    """The keys of a monitor's table that `add` and `edit` share."""
    options = [
        click.option("--frequency", type=DURATION_TEXT, metavar="D", help="How often it runs. Default: that of its type."),
        click.option(
            "--error-frequency",
            type=DURATION_OR_OFF_TEXT,
            metavar="D",
            help="How often it runs while in error; off: no difference.",
        ),
        click.option("--timeout", type=DURATION_TEXT, metavar="D", help="How long one run may take."),
        click.option(
            "--set", "given", multiple=True, metavar="K=V", help="A setting of the type; repeat it for more, or for a list."
        ),
        click.option("--set-from", "from_files", multiple=True, metavar="K=FILE", help="A setting read from a file, - is stdin."),
        click.option("--error-if", multiple=True, metavar="EXPR", help="Error when this holds; repeat it: one is enough."),
        click.option("--warning-if", multiple=True, metavar="EXPR", help="Warning when this holds and no error does."),
        click.option("--good-if", multiple=True, metavar="EXPR", help="Good when this holds and nothing above does."),
        click.option("--schedule", metavar="S", help="Run only inside the windows, or at the moments, of this schedule."),
        click.option("--depends-on", metavar="MONITOR", help="Run only while this monitor is in the condition below."),
        click.option("--depends-condition", type=_STATUSES, help="The condition of --depends-on. Default: good."),
        click.option(
            "--verify-error/--no-verify-error", "verify_error", default=None, help="Run again at once before an error counts."
        ),
        click.option("--description", metavar="TEXT", help="What it is for."),
    ]
    if adding:
        options.append(click.option("--disabled", is_flag=True, help="Add it switched off."))

    def add_to(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add_to


_KEYS = (
    "frequency",
    "error_frequency",
    "error_if",
    "warning_if",
    "good_if",
    "schedule",
    "depends_on",
    "depends_condition",
    "verify_error",
    "description",
)


def _keys(fields: dict[str, Any]) -> dict[str, Any]:
    """The keys of the monitor's table that were given, lists as TOML has them."""
    given = {key: fields[key] for key in _KEYS if fields[key] is not None and fields[key] != ()}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}


def _texts(fields: dict[str, Any]) -> list[str]:
    timeout = [f"timeout={fields['timeout']}"] if fields["timeout"] else []
    return [*fields["given"], *timeout]


@monitor.command(
    "add",
    example='sitescope-fo monitor add "Servers/Web" --type url --name "Home page" --frequency 1m'
    ' --set url=https://shop.example/ --error-if "status != 200"',
)
@click.argument("group")
@click.option("--type", "type_name", required=True, metavar="T", help="ping, port, url, script, cpu, memory, disk …")
@click.option("--name", required=True, metavar="N", help="Its name in the group.")
@_table_options(adding=True)
@edit_options
@click.pass_obj
def add(call: Invocation, /, group: str, type_name: str, name: str, profile: str, force: bool, **fields: Any) -> None:  # noqa: ANN401
    """Add a monitor to GROUP.

    Thresholds are expressions over the values of its type, such as "round_trip_time > 2s"; without any, those of the type hold.
    """
    spec = find_type(parse_types(call.query("types")), type_name)
    table: dict[str, Any] = {"type": type_name, "name": name, **_keys(fields)}
    if settings := convert_settings([spec], _texts(fields), fields["from_files"]):
        table["settings"] = settings
    if fields["disabled"]:
        table["enabled"] = False
    call.run(MonitorAdd(group=group, table=table, profile=profile, force=force), f"Monitor {group}/{name} is added")


@monitor.command("list", example="sitescope-fo monitor list --status error --status warning --filter 'shop !test'")
@click.option(
    "--status",
    type=_SHOWN,
    multiple=True,
    metavar="STATUS",
    help="Only those in this status: good, warning, error, nodata, disabled, waiting, suspended, acknowledged, downtime, or"
    " unhandled (a problem that is neither of the two before). Repeat it for more.",
)
@click.option("--type", "types", multiple=True, metavar="T", help="Only those of this type; repeat it for more.")
@click.option("--group", metavar="PATH", help="Only those below this group.")
@click.option(
    "--filter", "words", metavar="TEXT", help="Only those with all these words in name, type, status or state; !WORD: without it."
)
@profile_option
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Leave out the first N.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help=f"Show at most N. Default: {_PAGE}, everything with --json or --all."
)
@click.option("--all", "everything", is_flag=True, help="Show everything.")
@click.pass_obj
def list_all(call: Invocation, /, offset: int, limit: int | None, *, everything: bool, **filters: Any) -> None:  # noqa: ANN401
    """List monitors with their last results, by path. The last line says when there are more."""
    asked = {
        "status": ",".join(filters["status"]),
        "type": ",".join(filters["types"]),
        "group": filters["group"],
        "filter": filters["words"],
        "profile": filters["profile"],
    }
    most = None if everything else limit or (None if call.json else _PAGE)
    rows, total = _fetch(call, asked, offset, most)
    call.emit(rows, lambda: monitor_table(typed(rows, list[MonitorRow]), call))
    if not call.json and (more := more_line(offset, len(rows), total)):
        call.footer(more)


def _fetch(call: Invocation, asked: dict[str, str | None], offset: int, most: int | None) -> tuple[list[Any], int]:
    """The rows asked for and how many there are in all; a node gives at most so many in one answer."""
    rows: list[Any] = []
    while True:
        size = _PAGE_OF_NODE if most is None else min(_PAGE_OF_NODE, most - len(rows))
        page = call.query("monitor_page", **asked, offset=offset + len(rows), limit=size)
        rows += page["rows"]
        if page["next"] is None or (most is not None and len(rows) >= most):
            return rows, page["total"]


@monitor.command("show", example='sitescope-fo monitor show "Servers/Web/Home page"')
@click.argument("path")
@click.pass_obj
def show(call: Invocation, path: str) -> None:
    """Show the monitor PATH: its status, last results, settings and thresholds."""
    answer = call.query("monitor", path=path)
    call.emit(answer, lambda: monitor_lines(answer, call))


@monitor.command("history", example='sitescope-fo monitor history "Servers/Web/Home page" --from 1d')
@click.argument("path")
@click.option("--from", "since", metavar="MOMENT", help="From when on: ISO, or so long ago, such as 6h. Default: 6h.")
@click.option("--to", "until", metavar="MOMENT", help="Until when. Default: now.")
@click.option(
    "--points", type=click.IntRange(1, 1000), metavar="N", help="Into how many stretches. Default: 60, with --json 200."
)
@click.option("--value", metavar="NAME", help="Which value. Default: the first one that has a unit.")
@click.pass_obj
def history(call: Invocation, path: str, since: str | None, until: str | None, points: int | None, value: str | None) -> None:
    """Show what the monitor PATH measured, its states, and when nobody or both nodes looked.

    Below it stand the mails that this node has sent about it.
    """
    from sitescope_fo.cli.past_sheet import history_lines
    from sitescope_fo.model.record import MonitorHistory

    stretches = points or (None if call.json else _STRETCHES)
    asked: dict[str, object] = {"path": path, "from": since, "to": until, "points": stretches, "value": value}
    answer = call.query("monitor_history", **asked)
    call.emit(answer, lambda: history_lines(typed(answer, MonitorHistory), call))


@monitor.command("edit", example='sitescope-fo monitor edit "Servers/Web/Home page" --frequency 30s --set timeout=5s')
@click.argument("path")
@click.option("--name", metavar="N", help="Rename it.")
@_table_options(adding=False)
@click.option("--unset", multiple=True, metavar="KEY", help="Drop a key, or settings.KEY, so that its default holds again.")
@edit_options
@click.pass_obj
def edit(
    call: Invocation,
    /,
    path: str,
    name: str | None,
    unset: tuple[str, ...],
    profile: str,
    force: bool,
    **fields: Any,  # noqa: ANN401  # options by name
) -> None:
    """Change the monitor PATH; what is not given stays. Thresholds that are given replace all of their kind."""
    changes = _keys(fields) | ({"name": name} if name else {})
    texts = _texts(fields)
    settings = _typed_settings(call, path, profile, texts, fields["from_files"]) if texts or fields["from_files"] else {}
    if not (changes or settings or unset):
        raise nothing_to_change(f"monitor edit {path}")
    body = MonitorEdit(path=path, changes=changes, settings=settings, unset=unset, profile=profile, force=force)
    call.run(body, f"Monitor {path} is changed")


def _typed_settings(call: Invocation, path: str, profile: str, texts: list[str], from_files: tuple[str, ...]) -> dict[str, Any]:
    """Settings by the monitor's type; on a stopped node, which cannot look it up, by all types that know the setting."""
    types = parse_types(call.query("types"))
    try:
        full = f"{profile}:{path}" if profile and ":" not in path else path
        of_type = [find_type(types, call.query("monitor", path=full)["type"])]
    except SiteScopeError as error:
        if error.code != "not_running":
            raise
        of_type = list(types.values())
    return dict(convert_settings(of_type, texts, from_files))


@monitor.command("remove", example='sitescope-fo monitor remove "Servers/Web/Home page"')
@click.argument("path")
@edit_options
@click.pass_obj
def remove(call: Invocation, path: str, profile: str, force: bool) -> None:
    """Remove the monitor PATH; its recorded results stay."""
    call.run(MonitorRemove(path=path, profile=profile, force=force), f"Monitor {path} is removed")


@monitor.command("enable", example='sitescope-fo monitor enable "Servers/Web/Home page"')
@click.argument("path")
@edit_options
@click.pass_obj
def enable(call: Invocation, path: str, profile: str, force: bool) -> None:
    """Switch the monitor PATH on."""
    call.run(MonitorEnable(path=path, enabled=True, profile=profile, force=force), f"Monitor {path} is enabled")


@monitor.command("disable", example='sitescope-fo monitor disable "Servers/Web/Home page"')
@click.argument("path")
@edit_options
@click.pass_obj
def disable(call: Invocation, path: str, profile: str, force: bool) -> None:
    """Switch the monitor PATH off."""
    call.run(MonitorEnable(path=path, enabled=False, profile=profile, force=force), f"Monitor {path} is disabled")


@monitor.command("run", example='sitescope-fo monitor run "Servers/Web/Home page"')
@click.argument("path")
@click.pass_obj
def run(call: Invocation, path: str) -> None:
    """Run the monitor PATH now and show its result, which is recorded like any other."""
    call.run(MonitorRun(path=path), f"Monitor {path} ran")


@monitor.command("types", example="sitescope-fo monitor types")
@click.pass_obj
def list_types(call: Invocation) -> None:
    """List the monitor types with their settings and values."""
    answer = call.query("types")

    def lines() -> list[str]:
        shown = []
        for spec in parse_types(answer).values():
            shown.append(f"{spec.name}: {spec.help}")
            shown.extend(f"    --set {s.name}=…  {s.kind}{', required' if s.required else ''}: {s.help}" for s in spec.settings)
            shown.append(f"    values: {', '.join(value.name for value in spec.values)}")
        return shown

    call.emit(answer, lines)
