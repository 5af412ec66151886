"""`history`: snapshots of the mirror, kept as zip."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import HistoryVerify
from sitescope_fo.model.moment import size_text

_COLUMNS = [
    Column(title="SNAPSHOT", flexible=True),
    Column(title="AT"),
    Column(title="KIND"),
    Column(title="SIZE", right=True),
    Column(title="MONITORS", right=True),
    Column(title="REVISION"),
    Column(title="VERIFIED"),
]


@click.group(cls=NodeGroup, example="sitescope-fo history list prod")
def history() -> None:
    """Look at the snapshots of a mirror, from which a primary can be rebuilt."""


@history.command("list", example="sitescope-fo history list prod")
@click.argument("name")
@click.pass_obj
def list_all(call: Invocation, name: str) -> None:
    """List the snapshots of the profile NAME, newest last."""
    snapshots = call.query("history", name=name)
    call.emit(
        snapshots,
        lambda: call.rows(_COLUMNS, [_row(one) for one in snapshots]) if snapshots else [f"No snapshots of {name} yet."],
    )


def _row(one: dict[str, Any]) -> list[str]:
    verified = one.get("verified")
    return [
        str(one.get("snapshot", "")),
        str(one.get("at", "")),
        str(one.get("kind", "")),
        size_text(one.get("bytes") or 0),
        str(one.get("monitors", "")),
        str(one.get("revision", ""))[:8],
        "-" if verified is None else "yes" if verified else "no",
    ]


@history.command("verify", example="sitescope-fo history verify prod")
@click.argument("name")
@click.argument("snapshot", default="", required=False)
@click.pass_obj
def verify(call: Invocation, name: str, snapshot: str) -> None:
    """Verify all snapshots of the profile NAME, or one: every file against its recorded hash."""
    call.run(HistoryVerify(name=name, snapshot=snapshot), f"The snapshots of {name} are whole")
