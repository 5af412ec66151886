"""`history`: snapshots of the mirror, kept as zip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from sitescope_fo.cli.config import pairs, value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import HistoryVerify
from sitescope_fo.model.moment import size_text
from sitescope_fo.model.width import clean

_COLUMNS = [
    Column(title="SNAPSHOT", flexible=True),
    Column(title="AT"),
    Column(title="KIND"),
    Column(title="SIZE", right=True),
    Column(title="MONITORS", right=True),
    Column(title="REVISION"),
    Column(title="VERIFIED"),
]
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@click.group(cls=NodeGroup, example="sitescope-fo history list prod")
def history() -> None:
    """Look at the snapshots of a mirror, from which a primary can be rebuilt."""


@history.command("list", example="sitescope-fo history list prod")
@click.argument("name")
@click.pass_obj
def list_all(call: Invocation, name: str) -> None:
    """List the snapshots of the profile NAME, newest first."""
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


@history.command("show", example="sitescope-fo history show prod newest")
@click.argument("name")
@click.argument("snapshot", default="newest")
@click.pass_obj
def show(call: Invocation, name: str, snapshot: str) -> None:
    """Verify a snapshot of the profile NAME and show what it holds.

    SNAPSHOT is its name or the beginning of it, newest, or current: the mirror in force.
    """
    answer = call.query("history_show", name=name, snapshot=snapshot)
    call.emit(answer, lambda: _held(call, answer))


def _held(call: Invocation, answer: dict[str, Any]) -> Iterator[str]:
    facts = {key: answer.get(key) for key in ("snapshot", "at", "kind", "revision", "base", "verified")}
    yield from pairs(facts | dict(answer.get("counts") or {}), call)
    columns = [Column(title="MONITOR", flexible=True), Column(title="TYPE"), Column(title="ENABLED")]
    rows = [[str(one.get("path", "")), str(one.get("type", "")), value_text(one.get("enabled"))] for one in answer["monitors"]]
    if rows:
        yield ""
        yield from call.rows(columns, rows)
    if answer.get("left_off"):
        yield f"{answer['left_off']} more are not shown."


@history.command("diff", example="sitescope-fo history diff prod newest current")
@click.argument("name")
@click.argument("a")
@click.argument("b", default="current")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Leave out the first N changes.")
@click.option("--limit", type=click.IntRange(1), default=None, metavar="N", help="Show at most N changes; 200 are the most.")
@click.pass_obj
def diff(call: Invocation, name: str, a: str, b: str, offset: int, limit: int | None) -> None:
    """Show what changed from A to B in the configuration of the profile NAME: groups, monitors, alerts, keys.

    A and B are snapshots by name or the beginning of it, newest, or current: the mirror in force, which B is unless given.
    """
    answer = call.query("history_diff", name=name, a=a, b=b, offset=offset, limit=limit)
    call.emit(answer, lambda: _told(answer))


def _told(answer: dict[str, Any]) -> Iterator[str]:
    yield clean(f"from {_called(answer['a'])} to {_called(answer['b'])}")
    if answer["same"]:
        yield "No difference."
        return
    for change in answer["changes"]:
        was = f" (was {change['was']})" if change.get("was") else ""
        yield clean(f"{_SIGNS[change['change']]} {change['kind']} {change['path']}{was}")
        if change["change"] == "changed":
            yield from (
                clean(f"    {key['key']}: {value_text(key['old'])} -> {value_text(key['new'])}") for key in change["keys"]
            )
    if answer.get("next"):
        yield f"{answer['total'] - answer['next']} more changes: --offset {answer['next']}"


def _called(what: dict[str, Any]) -> str:
    return f"{what['snapshot']} ({what['at']}, revision {str(what['revision'])[:8]})"


@history.command("verify", example="sitescope-fo history verify prod")
@click.argument("name")
@click.argument("snapshot", default="", required=False)
@click.pass_obj
def verify(call: Invocation, name: str, snapshot: str) -> None:
    """Verify all snapshots of the profile NAME, or one: every file against its recorded hash."""
    call.run(HistoryVerify(name=name, snapshot=snapshot), f"The snapshots of {name} are whole")
