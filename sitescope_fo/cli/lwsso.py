"""`lwsso`: the passphrase that both nodes of a pair share."""

from __future__ import annotations

import click

from sitescope_fo.cli.check import check_lines, end_with_verdict, rows_of
from sitescope_fo.cli.config import pairs
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.secret_input import secret_by_prompt, secret_from_stdin
from sitescope_fo.model.command import LwssoCheck, LwssoSet
from sitescope_fo.model.errors import Usage


@click.group(cls=NodeGroup, example="sitescope-fo lwsso set --generate")
def lwsso() -> None:
    """Manage LW-SSO, by which the nodes of a pair trust each other."""


@lwsso.command("show", example="sitescope-fo lwsso show")
@click.pass_obj
def show(call: Invocation) -> None:
    """Show whether a passphrase is set, since when, and which key each peer used last; never the passphrase."""
    answer = call.query("lwsso")
    call.emit(answer, lambda: pairs(answer, call))


@lwsso.command("check", example="sitescope-fo lwsso check prod")
@click.argument("name", default="", required=False)
@click.pass_obj
def check(call: Invocation, name: str) -> None:
    """Ask the other node of the profile NAME, or all, whether it takes this node's token: passphrase, clock, identity.

    Each row has its evidence and remedy. Exit code 1 when one is bad.
    """
    reply = call.submit(LwssoCheck(name=name))
    rows = rows_of(reply.result)
    if not rows:
        call.done(reply)
        return
    call.emit(reply.result, lambda: check_lines(rows, call))
    end_with_verdict(rows, 1)


@lwsso.command("set", example="sitescope-fo lwsso set --generate")
@click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase from standard input.")
@click.option("--generate", is_flag=True, help="Make a random one and show it, once.")
@click.pass_obj
def set_passphrase(call: Invocation, passphrase_stdin: bool, generate: bool) -> None:
    """Set the passphrase, of at least 12 characters; both nodes need the same.

    It is asked for twice. It is not stored, and cannot be shown later.
    """
    from sitescope_fo.security.passphrase import check_passphrase, generate_passphrase

    if passphrase_stdin and generate:
        raise Usage("--generate and --passphrase-stdin exclude each other", where="lwsso set", hint="Give one of them")
    if generate:
        passphrase = generate_passphrase()
    elif passphrase_stdin:
        passphrase = check_passphrase(secret_from_stdin("--passphrase-stdin"))
    else:
        asked = secret_by_prompt(call, "Passphrase", twice=True, instead="Use --passphrase-stdin or --generate")
        passphrase = check_passphrase(asked)
    reply = call.submit(LwssoSet(passphrase=passphrase))
    if not generate:
        call.done(reply, "The passphrase is set")
    elif call.json:
        call.dump({"passphrase": passphrase})
    else:
        call.say(passphrase)
        call.note("Set the same on the other node; it is not shown again.")
