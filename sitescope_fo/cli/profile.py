"""`profile`: failover profiles, one for each protected primary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sitescope_fo.cli.check import LiveRows, end_with_verdict, rows_of
from sitescope_fo.cli.choices import DURATION, F, nothing_to_change, yes_option
from sitescope_fo.cli.config import pairs
from sitescope_fo.cli.consent import ask_consent
from sitescope_fo.cli.invocation import Invocation, raise_unless_done, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.profile_sheet import profile_lines, profile_table
from sitescope_fo.model.command import (
    ProfileAdd,
    ProfileDefaults,
    ProfileEdit,
    ProfileRebind,
    ProfileRemove,
    ProfileTest,
)

_TIMING = (
    ("--check-every", "check_every_s", "How often the primary is asked for its health."),
    ("--soft-timeout", "soft_timeout_s", "After this an unanswered probe is a miss."),
    ("--hard-timeout", "hard_timeout_s", "Until then a late answer still counts as life."),
    ("--activate-after", "activate_after_s", "Take over this long after the last proof of life."),
    ("--stable-for", "stable_for_s", "How long the primary must be well before monitoring goes back to it."),
    ("--mirror-every", "mirror_every_s", "How often the mirror is verified in full; changes travel at once."),
)


@click.group(cls=NodeGroup, example="sitescope-fo profile add prod --primary-host primary.example --port 8080")
def profile() -> None:
    """Manage failover profiles: which primary this node protects, and how."""


def _shared_options(*, editing: bool) -> Callable[[F], F]:
    """The options that add and edit have in common; when editing, what is not given stays."""
    either = None if editing else False
    stays = "" if editing else " Default: that of the preset."
    options = [
        click.option("--port", "primary_port", type=click.IntRange(1, 65535), metavar="N", help="The primary's port."),
        click.option("--tls/--no-tls", "tls", default=either, help="Whether the primary serves TLS."),
        click.option(
            "--preset", type=click.Choice(["classic", "lan", "fast"]), help="Timing: takes over after 3 min, 15 s or 5 s."
        ),
        *(click.option(flag, name, type=DURATION, metavar="D", help=text + stays) for flag, name, text in _TIMING),
        click.option("--misses", type=click.IntRange(1, 100), metavar="N", help=f"Misses before the grace time starts.{stays}"),
        click.option(
            "--merge-back/--no-merge-back", "merge_back", default=either, help="Merge edits made meanwhile back into the primary."
        ),
        click.option("--backups", type=click.IntRange(1, 1000), metavar="N", help="How many mirror snapshots are kept as zip."),
        click.option(
            "--disable-apm/--enable-apm", "disable_apm", default=either, help="Whether the APM integration stays silent here."
        ),
        click.option(
            "--self-targets",
            type=click.Choice(["retarget", "keep", "skip"]),
            help="Monitors that watch the primary itself: watch this node, keep the target, or skip them.",
        ),
        click.option("--check-schedule", metavar="S", help="Watch the primary only within this schedule."),
        click.option("--mirror-schedule", metavar="S", help="Mirror at the times of this schedule."),
        click.option("--notify", multiple=True, metavar="ADDR", help="Who gets mail on role changes; repeat it for more."),
    ]

    def add_to(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add_to


def _given(ctx: click.Context, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that were given on the command line."""
    said = click.core.ParameterSource.COMMANDLINE
    return {name: value for name, value in fields.items() if ctx.get_parameter_source(name) is said}


@profile.command(
    "add",
    example="sitescope-fo profile add prod --primary-host primary.example --port 8080 --preset lan --notify ops@example.org",
)
@click.argument("name")
@click.option("--primary-host", required=True, metavar="H", help="The primary's host name, as in its certificate under TLS.")
@_shared_options(editing=False)
@click.option("--offline", "without_primary", is_flag=True, help="Add it although the primary cannot be reached now.")
@click.pass_context
def add(ctx: click.Context, /, name: str, **fields: Any) -> None:  # noqa: ANN401  # options by name, as ProfileAdd takes them
    """Add a profile NAME that protects a primary.

    The primary is contacted and its node id bound to the profile, unless --offline. Defaults: take over 3 min after the last
    proof of life, mirror every 4 h, 2 backups, merge back off.
    """
    call = ctx.ensure_object(Invocation)
    call.run(ProfileAdd(name=name, **_given(ctx, fields)), f"Profile {name} is added")


@profile.command("edit", example="sitescope-fo profile edit prod --activate-after 1m --merge-back")
@click.argument("name")
@click.option("--primary-host", metavar="H", help="The primary's new host name.")
@_shared_options(editing=True)
@click.pass_context
def edit(ctx: click.Context, /, name: str, **fields: Any) -> None:  # noqa: ANN401  # options by name, as ProfileEdit takes them
    """Change the profile NAME; what is not given stays.

    On a primary, --merge-back and --no-merge-back may be switched from there.
    """
    call = ctx.ensure_object(Invocation)
    changes = _given(ctx, fields)
    if not changes:
        raise nothing_to_change(f"profile edit {name}")
    call.run(ProfileEdit(name=name, changes=changes), f"Profile {name} is changed")


@profile.command("list", example="sitescope-fo profile list")
@click.pass_obj
def list_all(call: Invocation) -> None:
    """List the profiles with their states."""
    profiles = call.query("profiles")
    call.emit(profiles, lambda: profile_table(profiles, call))


@profile.command("show", example="sitescope-fo profile show prod")
@click.argument("name")
@click.pass_obj
def show(call: Invocation, name: str) -> None:
    """Show every setting of the profile NAME with its defaults spelled out, and where it stands."""
    answer = call.query("profile", name=name)
    call.emit(answer, lambda: profile_lines(answer, call))


@profile.command("timeline", example="sitescope-fo profile timeline prod")
@click.argument("name", default="", required=False)
@click.option("--limit", type=click.IntRange(1, 200), metavar="N", help="The last N changes. Default: 50.")
@click.pass_obj
def timeline(call: Invocation, name: str, limit: int | None) -> None:
    """Show the changes of role of the profile NAME with their evidence, newest last; at most 200 are kept.

    On a primary, which needs no NAME: the changes of its own state.
    """
    from sitescope_fo.cli.past_sheet import timeline_lines
    from sitescope_fo.model.record import TimelineStep

    answer = call.query("timeline", name=name, limit=limit)
    call.emit(answer, lambda: timeline_lines(typed(answer, list[TimelineStep]), call))


@profile.command("remove", example="sitescope-fo profile remove prod --yes")
@click.argument("name")
@yes_option
@click.pass_obj
def remove(call: Invocation, name: str, yes: bool) -> None:
    """Remove the profile NAME; refused while it acts. Its mirror and history stay on disk.

    On a terminal it asks first.
    """
    if call.interactive:
        ask_consent(call, "remove", name, yes=yes, consequence="its primary is then no longer protected")
    call.run(ProfileRemove(name=name), f"Profile {name} is removed")


@profile.command("rebind", example="sitescope-fo profile rebind prod --yes")
@click.argument("name")
@yes_option
@click.pass_obj
def rebind(call: Invocation, name: str, yes: bool) -> None:
    """Forget which node the profile NAME is bound to, after the primary was rebuilt.

    The next node that answers at its address with the right passphrase is bound.
    """
    ask_consent(call, "rebind", name, yes=yes, consequence="whichever node answers next at its address is then protected")
    call.run(ProfileRebind(name=name), f"Profile {name} binds to the next primary that proves itself")


@profile.command("test", example="sitescope-fo profile test prod --mail ops@example.org")
@click.argument("name")
@click.option("--mail", default="", metavar="ADDR", help="Also send a test message there.")
@click.pass_obj
def test(call: Invocation, name: str, mail: str) -> None:
    """Test the pair of the profile NAME: reachability, identity, clocks, versions, mirror; from either node.

    Looked at are name, port, TLS and certificate, LW-SSO, clocks, versions, the way back, the mirror, this node's disk and its
    mail server. Each row has its evidence and remedy and is printed as it comes. Exit code 1 when one is bad.
    """
    live = LiveRows(call)
    reply = call.try_submit(ProfileTest(name=name, mail=mail), None if call.json else live.progress)
    rows = rows_of(reply.result)
    if not rows:
        raise_unless_done(reply)
        call.done(reply)
        return
    if call.json:
        call.dump(reply.result)
    else:
        live.end(rows)
    end_with_verdict(rows, 1)
    raise_unless_done(reply)


@profile.command("defaults", example="sitescope-fo profile defaults --notify ops@example.org")
@click.option("--notify", multiple=True, metavar="ADDR", help="Who gets mail on role changes by default; repeat it for more.")
@click.option("--clear", is_flag=True, help="Nobody by default.")
@click.pass_obj
def defaults(call: Invocation, notify: tuple[str, ...], clear: bool) -> None:
    """Show or set the Default Settings: who is told of role changes when a profile names nobody."""
    if notify or clear:
        call.run(ProfileDefaults(notify=notify), "The default recipients are set")
        return
    answer = call.query("defaults")
    call.emit(answer, lambda: pairs(answer, call))
