"""`setup`: makes the home of a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sitescope_fo.cli.choices import yes_option
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.model.config import DEFAULT_PORT, DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Refused, Usage
from sitescope_fo.model.status import Role

if TYPE_CHECKING:
    from sitescope_fo.node.setup import SetupReport


@click.command(cls=NodeCommand, example="sitescope-fo setup --role primary --home /opt/SiteScope --port 8080 --yes")
@click.option("--role", type=click.Choice(["primary", "failover"]), default=None, help="What the node is to be.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=None, metavar="N", help="Where it listens. Default: 8080, 8443 with TLS."
)
@click.option("--tls", is_flag=True, help="Serve TLS; both nodes of a pair do, or neither.")
@click.option("--host", default="", metavar="NAME", help="The name under which peers reach it. Default: the system's.")
@click.option("--force", is_flag=True, help="Keep an existing home as a backup beside the new one.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@yes_option
@click.pass_obj
def setup(
    call: Invocation, role: str | None, port: int | None, tls: bool, host: str, force: bool, dry_run: bool, yes: bool
) -> None:
    """Make the home of a primary or a failover.

    The home is a folder with the exact name SiteScope. A busy port and an existing home are refused.
    """
    asked = call.interactive
    if call.read_only and not dry_run:
        raise Refused("Nothing is changed with --read-only", where="setup", hint="Use --dry-run", code="read_only")
    if role is None:
        if not asked:
            raise Usage("The role is missing", where="setup", hint="Add --role primary or --role failover", code="role_missing")
        role = click.prompt("Role", type=click.Choice(["primary", "failover"]), err=True)
    at = port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    if not (yes or dry_run):
        if not asked:
            raise Usage(
                "Setup needs a confirmation",
                where=str(call.root),
                hint="Add --yes, or look first with --dry-run",
                code="confirmation_needed",
            )
        call.note(f"A {role} in {call.root}, port {at}{' with TLS' if tls else ''}.")
        if not click.confirm("Make it?", err=True):
            raise Refused("Not confirmed, nothing was changed", where="setup", hint="Run it again", code="not_confirmed")
    from sitescope_fo.node.setup import run_setup

    report = run_setup(call.root, role=Role(role), port=at, tls=tls, host=host, force=force, dry_run=dry_run)
    call.emit(report, lambda: _next_steps(report))


def _next_steps(report: SetupReport) -> Iterator[str]:
    if report.dry_run:
        yield f"A {report.role} can be made in {report.home}; nothing was changed."
        return
    yield f"The {report.role} is ready in {report.home}, port {report.port}. Next:"
    if report.backup:
        yield f"  (what was there is kept in {report.backup})"
    for step in report.next_steps:
        yield f"  {step}"
