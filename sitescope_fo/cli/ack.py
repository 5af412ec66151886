"""`ack`: somebody knows of a problem."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.choices import Duration
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import ACK_LONGEST_S, Ack, Unack
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.moment import ago, clock_time
from sitescope_fo.model.snapshot import AckRow

_COLUMNS = [
    Column(title="STATUS", state=True),
    Column(title="MONITOR", flexible=True),
    Column(title="BY", flexible=True),
    Column(title="SINCE", right=True),
    Column(title="UNTIL"),
    Column(title="COMMENT", flexible=True),
]


@click.command(
    cls=NodeCommand,
    example='sitescope-fo ack "Servers/Web/Home page" --comment "disk is ordered" --for 2d\n'
    'sitescope-fo ack "Servers/Web/Home page" --remove',
)
@click.argument("path", required=False)
@click.option("--comment", metavar="TEXT", help="What is done about it; it stands beside the monitor.")
@click.option(
    "--for", "for_s", type=Duration(longest_s=ACK_LONGEST_S), metavar="D", help="End it after D, at most 365d, though not good."
)
@click.option("--remove", is_flag=True, help="Take the acknowledgement back.")
@click.pass_obj
def ack(call: Invocation, path: str | None, comment: str | None, for_s: float | None, remove: bool) -> None:
    """Acknowledge the problem of the monitor PATH, until it is good. Without PATH, list what is acknowledged.

    Whoever was told of the problem gets no further mail about it but the one that it is over. A new problem asks for a new
    acknowledgement.
    """
    if path is None:
        if comment is not None or for_s is not None or remove:
            raise Usage(
                "Which monitor?", where="ack", hint="Give its PATH; `sitescope-fo monitor list` shows them", code="no_path"
            )
        _list(call)
    elif remove:
        if comment is not None or for_s is not None:
            raise Usage("--remove goes alone", where="--remove", hint="Leave --comment and --for out", code="bad_options")
        call.run(Unack(path=path), f"{path}: the acknowledgement is taken back")
    elif comment is None:
        raise Usage("An acknowledgement needs a comment", where="--comment", hint="Say what is done about it", code="no_comment")
    else:
        call.run(Ack(path=path, comment=comment, for_s=for_s), f"{path}: acknowledged")


def _list(call: Invocation) -> None:
    answer: list[dict[str, Any]] = call.query("acks")
    rows = typed(answer, list[AckRow])
    call.emit(
        answer, lambda: call.rows(_COLUMNS, [_row(row, call.now()) for row in rows]) if rows else ["Nothing is acknowledged."]
    )


def _row(row: AckRow, now: float) -> list[str]:
    name = f"{row.profile}:{row.path}" if row.profile else row.path
    until = clock_time(row.until, now) if row.until else "good"
    return [row.status, name, row.by, ago(row.at, now), until, row.comment]
