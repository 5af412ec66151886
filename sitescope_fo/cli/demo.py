"""`demo`: a pair on this machine, with a takeover and a hand-back to watch."""

from __future__ import annotations

import click

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.model.errors import Refused


@click.command(cls=NodeCommand, example="sitescope-fo demo --script")
@click.option("--script", is_flag=True, help="Play it without questions and print each step with its time.")
@click.pass_context
def demo(ctx: click.Context, script: bool) -> None:
    """Start a sample target, a primary and a failover in a temporary folder, kill the primary, and bring it back.

    On a terminal it opens the failover's console, in which a key kills the primary and another brings it back. Nothing of this
    machine's own homes is touched.
    """
    call = ctx.ensure_object(Invocation)
    if call.read_only:
        raise Refused("The demo changes things of its own", where="demo", hint="Leave --read-only out", code="read_only")
    if call.interactive and not script:
        from sitescope_fo.console.demo import main as show

        ctx.exit(show())
    from sitescope_fo.node.demo import main

    ctx.exit(main(script=script))
