"""`version`: what is installed."""

from __future__ import annotations

import sys

import click

from sitescope_fo import __version__
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.model.version import WIRE


def show(call: Invocation) -> None:
    """Prints version, wire version and interpreter."""
    python = ".".join(map(str, sys.version_info[:3]))
    call.emit(
        {"version": __version__, "wire": WIRE, "python": python},
        lambda: [f"sitescope-fo {__version__} (wire {WIRE}, Python {python})"],
    )


@click.command(cls=NodeCommand, example="sitescope-fo version")
@click.pass_obj
def version(call: Invocation) -> None:
    """Print the version of the program and of what it speaks with peers.

    Both nodes of a pair need the same major.minor and the same wire version.
    """
    show(call)
