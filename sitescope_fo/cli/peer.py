"""`peer`: on a primary, the failovers that protect it."""

from __future__ import annotations

import click

from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import PeerAccept, PeerRemove
from sitescope_fo.model.moment import ago
from sitescope_fo.model.snapshot import PeerPart

_COLUMNS = [
    Column(title="NODE", flexible=True),
    Column(title="FAILOVER", flexible=True),
    Column(title="LISTED AS", flexible=True),
    Column(title="TRUST", state=True),
    Column(title="LAST SEEN"),
]


@click.group(cls=NodeGroup, example="sitescope-fo peer list")
def peer() -> None:
    """Manage the failovers that this primary knows."""


@peer.command("list", example="sitescope-fo peer list")
@click.pass_obj
def list_all(call: Invocation) -> None:
    """List the failovers that announced themselves here."""
    answer = call.query("peers")
    peers = typed(answer, list[PeerPart])
    rows = [
        [p.node_id, f"{p.host}:{p.port}", p.listed_as, "accepted" if p.accepted else "pending", ago(p.last_seen, call.now())]
        for p in peers
    ]
    empty = ["No failover has announced itself. Add a profile there: sitescope-fo profile add NAME --primary-host HOST"]
    call.emit(answer, lambda: call.rows(_COLUMNS, rows) if rows else empty)


@peer.command("accept", example="sitescope-fo peer accept 0198f7d2-5c1e-7a63-9d2b-2f6f0a3c9e11")
@click.argument("node_id", metavar="NODE")
@click.pass_obj
def accept(call: Invocation, node_id: str) -> None:
    """Trust the further failover NODE; the first one is trusted by itself."""
    call.run(PeerAccept(node_id=node_id), f"Failover {node_id} is accepted")


@peer.command("remove", example="sitescope-fo peer remove 0198f7d2-5c1e-7a63-9d2b-2f6f0a3c9e11")
@click.argument("node_id", metavar="NODE")
@click.pass_obj
def remove(call: Invocation, node_id: str) -> None:
    """Forget the failover NODE; it comes back with its next announcement unless its profile is removed there."""
    call.run(PeerRemove(node_id=node_id), f"Failover {node_id} is forgotten")
