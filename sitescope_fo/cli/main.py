"""The entry point: global options, dispatch, and what becomes of errors. Imports nothing that a command may not need."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click

from sitescope_fo.cli.failure import INTERRUPTED, PIPE_CLOSED, crashed, from_click, tell
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import LazyGroup
from sitescope_fo.model.errors import SiteScopeError, Usage

PROGRAM = "sitescope-fo"
_COMPLETION = "_SITESCOPE_FO_COMPLETE"

COMMANDS = {
    name: f"sitescope_fo.cli.{module}:{attribute}"
    for name, module, attribute in (
        ("setup", "setup", "setup"),
        ("status", "status", "status"),
        ("check", "check", "check"),
        ("config", "config", "config"),
        ("profile", "profile", "profile"),
        ("peer", "peer", "peer"),
        ("mirror", "role", "mirror"),
        ("activate", "role", "activate"),
        ("standby", "role", "standby"),
        ("switchover", "role", "switchover"),
        ("hold", "role", "hold"),
        ("release", "role", "release"),
        ("unlock", "role", "unlock"),
        ("history", "history", "history"),
        ("group", "group", "group"),
        ("monitor", "monitor", "monitor"),
        ("alert", "alert", "alert"),
        ("ack", "ack", "ack"),
        ("downtime", "downtime", "downtime"),
        ("schedule", "schedule", "schedule"),
        ("mail", "mail", "mail"),
        ("log", "log", "log"),
        ("lwsso", "lwsso", "lwsso"),
        ("cert", "cert", "cert"),
        ("secret", "secret", "secret"),
        ("license", "license", "license"),
        ("user", "user", "user"),
        ("token", "token", "token"),
        ("demo", "demo", "demo"),
        ("version", "version", "version"),
    )
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    name=PROGRAM,
    invoke_without_command=True,
    example="sitescope-fo --home /opt/SiteScope status",
)
@click.option("--daemon", is_flag=True, help="Run the node in the foreground, without a console.")
@click.option("--attach", metavar="URL", help="Open the console of another node, after login, such as https://node.example:8443.")
@click.option("--user", metavar="NAME", help="Who logs in with --attach; else it asks.")
@click.option("--trust", metavar="FILE", help="A certificate to believe with --attach.")
@click.option("--slow", is_flag=True, help="The console looks once a second instead of four times: for thin lines.")
@click.option("--version", "show_version", is_flag=True, help="Print the version and end.")
@click.pass_context
def root(
    ctx: click.Context, daemon: bool, attach: str | None, user: str | None, trust: str | None, slow: bool, show_version: bool
) -> None:
    """Keep infrastructure monitoring alive when the monitoring server dies.

    Without a command it opens the console: on the node that runs on the home, or on one that it starts itself. Without a terminal
    it shows the status of the node that runs, or this text when none does.
    """
    call = ctx.ensure_object(Invocation)
    if show_version:
        from sitescope_fo.cli.version import show

        show(call)
        ctx.exit()
    if daemon:
        if ctx.invoked_subcommand:
            raise Usage(
                "--daemon takes no command",
                where=ctx.invoked_subcommand,
                hint="Run the command in another shell, without --daemon",
            )
        from sitescope_fo.web.daemon import main as run_daemon

        ctx.exit(run_daemon(call.root))
    if ctx.invoked_subcommand is None:
        _without_command(ctx, call, Elsewhere(attach, user or "", trust or "") if attach else None, slow=slow)
    elif attach:
        raise Usage("--attach takes no command", where=ctx.invoked_subcommand, hint="It opens a console: leave the command out")


class Elsewhere(NamedTuple):
    """A node that is not on this home, as it was asked for."""

    url: str
    user: str
    trust: str


def _without_command(ctx: click.Context, call: Invocation, elsewhere: Elsewhere | None, *, slow: bool) -> None:
    if call.on_terminal:
        from sitescope_fo.cli.console import open_console

        ctx.exit(open_console(call, elsewhere, slow=slow))
    if elsewhere:
        raise Usage(
            "--attach needs a terminal", where=elsewhere.url, hint="Run it from a terminal, without pipes and without --json"
        )
    _tell_without_terminal(ctx, call)


def _tell_without_terminal(ctx: click.Context, call: Invocation) -> None:
    from sitescope_fo.cli.status import show

    try:
        show(call)
    except SiteScopeError as error:
        if call.json or error.code not in {"not_running", "home_missing"}:
            raise
        call.say(ctx.get_help())
        call.say("")
        call.say(f"No node runs here ({call.root}). {error.hint}.")


def main(argv: Sequence[str] | None = None, *, call: Invocation | None = None) -> int:
    """Runs one command and gives its exit code: the contract's 0 to 6 and 70; 130 after Ctrl-C, 141 when the reader went away."""
    args = list(sys.argv[1:] if argv is None else argv)
    call = call or Invocation()
    if _COMPLETION in os.environ:
        root.main(prog_name=PROGRAM)  # answers the shell and ends
    try:
        code = _run(args, call)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes again at its end: what is left goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _run(args: list[str], call: Invocation) -> int:
    try:
        _refuse_undecodable(args)
        # Not root.main(): it would end the process by itself when the reader of the output goes away.
        with root.make_context(PROGRAM, list(args), obj=call) as ctx:
            root.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        return tell(from_click(error), path=call.path, as_json=call.json or "--json" in args)
    except SiteScopeError as error:
        return tell(error, path=call.path, as_json=call.json or "--json" in args)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # the command line's own supervisor: whatever else happens is our fault
        return tell(_crash(error, call), path=call.path, as_json=call.json or "--json" in args)
    return 0


def _refuse_undecodable(args: list[str]) -> None:
    for arg in args:
        if any("\ud800" <= letter <= "\udfff" for letter in arg):
            raise Usage(
                "An argument is not UTF-8 text", where=ascii(arg), hint="Set a UTF-8 locale, or type it in UTF-8", code="bad_text"
            )


def _crash(error: Exception, call: Invocation) -> SiteScopeError:
    try:
        home = call.root
    except SiteScopeError:
        home = None
    return crashed(error, home, call.now())
