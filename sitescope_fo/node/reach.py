"""The way back: whether a node reaches the one that asks. A pair needs both directions, and each node sees only one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.model import wire
from sitescope_fo.model.config import Profile
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.ports import PeerAddress

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

THERE_S = 4.0
"""What the other node may take for its own question."""
ASK_S = THERE_S + 3.0


def primary_address(profile: Profile) -> PeerAddress:
    """Where the primary of a profile is."""
    return PeerAddress(host=profile.primary_host, port=profile.primary_port, tls=profile.tls, node_id=profile.node_id)


async def to(node: Node, asker: PeerAddress) -> wire.Reach:
    """How it went to ask `asker` for its health, now."""
    began = node.ports.clock.mono()
    code = what = hint = ""
    try:
        reply = await node.ports.client.request(asker, "GET", wire.HEALTH, timeout_s=THERE_S)
        wire.decode(reply.body, wire.Health)
    except SiteScopeError as error:
        code, what, hint = error.code, error.what, error.hint
    return wire.Reach(
        host=asker.host,
        port=asker.port,
        tls=asker.tls,
        reached=not what,
        took_s=max(0.0, node.ports.clock.mono() - began),
        code=code,
        what=what,
        hint=hint,
    )


async def back(node: Node, other: PeerAddress) -> wire.Reach:
    """What the other node says of its way to this one. Raises as the peer client does, Unverifiable (`bad_body`)."""
    reply = await node.ports.client.request(other, "GET", wire.REACH, timeout_s=ASK_S)
    return wire.decode(reply.body, wire.Reach)
