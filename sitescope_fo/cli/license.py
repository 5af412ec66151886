"""`license`: what this edition allows."""

from __future__ import annotations

import click

from sitescope_fo.cli.config import pairs
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup


@click.group(cls=NodeGroup, example="sitescope-fo license show")
def license() -> None:  # noqa: A001  # the command's name
    """Look at the licence of this node."""


@license.command("show", example="sitescope-fo license show")
@click.pass_obj
def show(call: Invocation) -> None:
    """Show the edition and its limits; the community edition needs no licence file."""
    answer = call.query("license")
    call.emit(answer, lambda: pairs(answer, call))
