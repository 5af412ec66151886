"""The way to the other node, step by step: name, port, TLS on both sides, its certificate, and whether it is trusted here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.model.errors import Unreachable
from sitescope_fo.model.moment import spell
from sitescope_fo.model.ports import PeerAddress, PeerLook, TlsSight

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.report import Report

STEP_S = 5.0
EXPIRES_SOON_S = 30 * 86400.0


async def look(node: Node, report: Report, address: PeerAddress) -> bool:
    """Rows up to the service's door; False when there is no way to it."""
    eyes = node.ports.look
    if eyes is None:
        return True
    reached = await _connected(eyes, report, address)
    if reached:
        _both_sides(node, report, address)
        if address.tls:
            await _handshake(node, eyes, report, address, reached)
    return bool(reached)


async def speaks_tls(node: Node, report: Report, address: PeerAddress) -> None:
    """After a plain request that nobody understood: tells when TLS is what is spoken there."""
    eyes = node.ports.look
    if eyes is None or address.tls:
        return
    try:
        addresses = await eyes.resolve(address.host)
        await eyes.handshake(addresses[0], address.port, address.host, STEP_S)
    except Unreachable:
        return
    report.bad(
        "tls",
        f"{address.host}:{address.port} speaks TLS and was asked without it",
        "Both nodes use TLS or neither: profile edit NAME --tls, or turn it off over there",
    )


async def _connected(eyes: PeerLook, report: Report, address: PeerAddress) -> str:
    """The address that took a connection, "" for none."""
    host, port = address.host, address.port
    try:
        addresses = await eyes.resolve(host)
    except Unreachable as error:
        report.bad("name", error.what, "Enter the name in DNS or /etc/hosts on this node")
        return ""
    report.good("name", f"{host} is {', '.join(addresses)}")
    refused = []
    for one in addresses:
        try:
            took = await eyes.connect(one, port, STEP_S)
        except Unreachable as error:
            refused.append(error.what)
            continue
        also = f"; {'; '.join(refused)}" if refused else ""
        report.good("connect", f"{one}:{port} takes connections, in {spell(took)}{also}")
        return one
    remedy = "Is the node running there, on this port? Does a firewall on the way block it?"
    report.bad("connect", "; ".join(refused), remedy)
    return ""


def _both_sides(node: Node, report: Report, address: PeerAddress) -> None:
    mine = node.world.config.tls
    if mine is address.tls:
        both = "both nodes use TLS" if mine else "neither node uses TLS: what they say is signed, and can be read on the way"
        report.good("tls on both", both)
        return
    text = f"the other node uses {'TLS' if address.tls else 'no TLS'}, this one {'does' if mine else 'does not'}"
    report.bad("tls on both", text, "Both nodes use TLS or neither: config set web.tls true, with a certificate on each")


async def _handshake(node: Node, eyes: PeerLook, report: Report, address: PeerAddress, reached: str) -> None:
    try:
        sight = await eyes.handshake(reached, address.port, address.host, STEP_S)
    except Unreachable as error:
        report.bad("tls", error.what, "Is web.tls on over there, with a certificate that loads?")
        return
    report.good("tls", f"{sight.version}, certificate {sight.fingerprint[:16]}")
    _name_row(report, sight, address.host)
    _trust_row(node, report, sight)


def _name_row(report: Report, sight: TlsSight, host: str) -> None:
    names = ", ".join(sight.names) or "no name at all"
    if host in sight.names:
        report.good("certificate", f"it is for {names}, equal to {host}")
        return
    folded = next((name for name in sight.names if name.casefold() == host.casefold()), "")
    why = f"it is for {folded}: upper and lower case differ from {host}" if folded else f"it is for {names}, not for {host}"
    report.bad("certificate", why, "They must be equal, upper and lower case included: change the host or the certificate")


def _trust_row(node: Node, report: Report, sight: TlsSight) -> None:
    left = sight.not_after - node.ports.clock.wall()
    if sight.untrusted:
        report.bad("trust", sight.untrusted, sight.remedy)
    elif left < EXPIRES_SOON_S:
        text = f"the certificate is believed here and ends in {spell(left)}"
        report.warning("trust", text, "Renew it over there, and trust the new one here: cert fetch")
    else:
        report.good("trust", f"the certificate is believed here, for {spell(left)} more")
