"""The question before a dangerous command: role, counts, peer health and consequence, answered by typing the profile's name."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.model.errors import Refused, SiteScopeError, Usage
from sitescope_fo.model.moment import ago
from sitescope_fo.model.snapshot import StatusReport


def ask_consent(call: Invocation, verb: str, name: str, *, yes: bool, consequence: str) -> None:
    """Returns when `yes`, or when the profile's name was typed.

    Raises Usage (`confirmation_needed`) where nobody can answer, Refused (`not_confirmed`) for any other answer.
    """
    if yes:
        return
    if not call.interactive:
        raise Usage(
            f"`{verb} {name}` needs a confirmation",
            where=name,
            hint=f"Add --yes if you mean it: {consequence}",
            code="confirmation_needed",
        )
    for line in _situation(call, name):
        call.note(line)
    call.note(f"{verb} {name}: {consequence}.")
    typed = click.prompt(f"Type {name} to go on", default="", show_default=False, err=True)
    if typed.strip() != name:
        raise Refused(
            "Not confirmed, nothing was changed", where=f"{verb} {name}", hint="Type the name exactly", code="not_confirmed"
        )


def _situation(call: Invocation, name: str) -> Iterator[str]:
    """What stands: the node and its counts, the profile and how its primary is. Nothing of a node that does not run."""
    try:
        report = typed(call.query("status"), StatusReport)
    except SiteScopeError as error:
        if error.code != "not_running":
            raise
        yield "The node is not running."
        return
    node, counts = report.node, report.monitors
    yield f"{node.title} on {node.host}: {counts.total} monitors, {counts.error} in error, {counts.suspended} suspended"
    for profile in report.profiles:
        if profile.name == name:
            primary = profile.primary
            yield f"{name} is in {profile.state}; its mirror has {profile.mirror.monitors} monitors"
            seen = ago(profile.last_proof_of_life, call.now())
            yield f"primary {primary.host}:{primary.port} is {primary.state}, last proof of life {seen}"
