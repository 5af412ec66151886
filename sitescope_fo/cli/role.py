"""Role control: mirror, activate, standby, switchover, hold, release, unlock."""

from __future__ import annotations

import click

from sitescope_fo.cli.choices import Duration, yes_option
from sitescope_fo.cli.consent import ask_consent
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.model.command import (
    HOLD_DEFAULT_S,
    HOLD_LONGEST_S,
    Activate,
    HoldProfile,
    Mirror,
    ReleaseProfile,
    Standby,
    Switchover,
    UnlockProfile,
)

_HOLD = Duration(longest_s=HOLD_LONGEST_S)


@click.command(cls=NodeCommand, example="sitescope-fo mirror prod")
@click.argument("name")
@click.option("--accept", is_flag=True, help="Take the staged mirror although it removes many monitors.")
@click.option("--quick", is_flag=True, help="Ask only whether the primary has another revision; hash nothing anew.")
@click.pass_obj
def mirror(call: Invocation, name: str, accept: bool, quick: bool) -> None:
    """Mirror the primary of the profile NAME now and verify the mirror in full."""
    call.run(Mirror(name=name, accept=accept, quick=quick), f"The mirror of {name} is verified")


@click.command(cls=NodeCommand, example="sitescope-fo activate prod --yes")
@click.argument("name")
@yes_option
@click.pass_obj
def activate(call: Invocation, name: str, yes: bool) -> None:
    """Take over for the profile NAME without waiting, when its primary is gone.

    Refused while the primary is alive: use switchover then.
    """
    ask_consent(call, "activate", name, yes=yes, consequence="this node starts to monitor and to alert in place of the primary")
    call.run(Activate(name=name), f"{name} is activating")


@click.command(cls=NodeCommand, example="sitescope-fo standby prod --yes")
@click.argument("name")
@click.option("--force", is_flag=True, help="Step back without the primary's word; sets a hold of 4 h.")
@yes_option
@click.pass_obj
def standby(call: Invocation, name: str, force: bool, yes: bool) -> None:
    """Hand monitoring of the profile NAME back to its primary.

    Refused unless the primary proves that it runs or waits, or --force.
    """
    consequence = (
        "this node stops monitoring although nobody has proven to monitor instead"
        if force
        else "this node stops monitoring and the primary goes on"
    )
    ask_consent(call, "standby", name, yes=yes, consequence=consequence)
    call.run(Standby(name=name, force=force), f"{name} steps back")


@click.command(cls=NodeCommand, example="sitescope-fo switchover prod --yes --for 2h")
@click.argument("name")
@click.option(
    "--for",
    "for_s",
    type=_HOLD,
    default=HOLD_DEFAULT_S,
    show_default="4h",
    metavar="D",
    help="When monitoring goes back by itself.",
)
@yes_option
@click.pass_obj
def switchover(call: Invocation, name: str, for_s: float, yes: bool) -> None:
    """Take over for the profile NAME from a running primary, without a gap and without an overlap.

    `release NAME` or the end of --for moves monitoring back.
    """
    ask_consent(call, "switchover", name, yes=yes, consequence="the primary stops monitoring and this node goes on")
    call.run(Switchover(name=name, for_s=for_s), f"{name} is taken over")


@click.command(cls=NodeCommand, example='sitescope-fo hold prod --reason "network work" --for 2h')
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in status, log and mail.")
@click.option("--for", "for_s", type=_HOLD, default=HOLD_DEFAULT_S, show_default="4h", metavar="D", help="How long, at most 7d.")
@click.pass_obj
def hold(call: Invocation, name: str, reason: str, for_s: float) -> None:
    """Allow no automatic role change of the profile NAME until the hold ends."""
    call.run(HoldProfile(name=name, reason=reason, for_s=for_s), f"{name} is held")


@click.command(cls=NodeCommand, example="sitescope-fo release prod")
@click.argument("name")
@click.pass_obj
def release(call: Invocation, name: str) -> None:
    """End the hold of the profile NAME."""
    call.run(ReleaseProfile(name=name), f"The hold of {name} is lifted")


@click.command(cls=NodeCommand, example="sitescope-fo unlock prod")
@click.argument("name")
@click.pass_obj
def unlock(call: Invocation, name: str) -> None:
    """Lift the lock that too many takeovers have set on the profile NAME."""
    call.run(UnlockProfile(name=name), f"The flap lock of {name} is lifted")
