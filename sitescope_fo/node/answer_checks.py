"""What the other node's health reply says of the pair: trust, clocks, versions, identity, and that both are set up alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.model import wire
from sitescope_fo.model.errors import SiteScopeError, Unreachable, Unverifiable
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.status import Role
from sitescope_fo.model.version import compare_versions

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.report import Report

TIMEOUT_S = 5.0
SKEW_WARNING_S = 5.0
STALLED_S = 10.0
_OLD = "Install the same version on both nodes, the primary first"
_TOPICS = {
    "lwsso_clock_skew": "clock",
    "wire_version": "version",
    "lwsso_identity": "identity",
    "tls_name": "certificate",
    "tls_untrusted": "trust",
}


async def service(node: Node, report: Report, address: PeerAddress, role: Role) -> bool:
    """Asks for the other node's health and tells what it says; False when there is no answer to believe."""
    where = f"{address.host}:{address.port}"
    try:
        reply = await node.ports.client.request(address, "GET", wire.HEALTH, timeout_s=TIMEOUT_S)
        health = wire.decode(reply.body, wire.Health)
    except Unverifiable as error:
        report.good("service", f"a node answers at {where}")
        if report.told(_topic(error.code)) is None:
            report.bad(_topic(error.code), error.what, error.hint)
        return False
    except Unreachable as error:
        report.bad("service", error.what, error.hint or "Is the node running there? Does a firewall block the port?")
        return False
    except SiteScopeError as error:
        report.bad("service", str(error), error.hint)
        return False
    report.good("service", f"{health.host} answers at {where}")
    report.good("lwsso", "both nodes have the same passphrase")
    _role_row(report, role, health)
    _version_row(node, report, health)
    _clock_row(report, abs(reply.skew_s))
    _identity_row(report, address, health)
    if role is Role.primary:
        _health_row(report, health)
    _path_row(node, report, health)
    _permission_row(node, report, health)
    return True


def _topic(code: str) -> str:
    """The row that an answer nobody can believe belongs to."""
    return _TOPICS.get(code, "tls" if code.startswith("tls") else "lwsso")


def _role_row(report: Report, role: Role, health: wire.Health) -> None:
    if health.role is role:
        report.good("role", f"it is a {role.value}")
    else:
        report.bad("role", f"it is a {health.role.value}, not a {role.value}", "Check host and port")


def _version_row(node: Node, report: Report, health: wire.Health) -> None:
    text = f"version there {health.version}, here {node.version}"
    hint = "Install the same version on both nodes, the primary first"
    match compare_versions(node.version, health.version):
        case "same":
            report.good("version", text)
        case "patch":
            report.warning("version", text, hint)
        case _:
            report.bad("version", text, hint)


def _clock_row(report: Report, off_s: float) -> None:
    text = f"clocks differ by {off_s:.1f} s"
    if off_s < SKEW_WARNING_S:
        report.good("clock", text)
    else:
        report.warning("clock", text, "Synchronise both clocks (chrony or systemd-timesyncd): reports mix them")


def _identity_row(report: Report, address: PeerAddress, health: wire.Health) -> None:
    if not address.node_id or address.node_id == health.node_id:
        report.good("identity", f"node {health.node_id}")
        return
    text = f"bound to node {address.node_id}, but {health.node_id} answers"
    report.bad("identity", text, "If the primary was rebuilt: sitescope-fo profile rebind NAME")


def _health_row(report: Report, health: wire.Health) -> None:
    text = f"its state is {health.state.value}, its scheduler is {health.scheduler_age_s:.1f} s behind"
    if health.scheduler_age_s > STALLED_S:
        report.bad("health", text, "The primary answers and does not monitor: look at its host")
    else:
        report.good("health", text)


def _path_row(node: Node, report: Report, health: wire.Health) -> None:
    here = str(node.home.root)
    text = f"home there: {health.home}; here: {here}"
    if not health.home:
        report.unknown("path", f"the other node does not tell its home; here: {here}", _OLD)
    elif health.home == here:
        report.good("path", text)
    else:
        report.warning("path", text, "Use the same path on both nodes, or scripts with absolute paths will not be found")


def _permission_row(node: Node, report: Report, health: wire.Health) -> None:
    text = f"runs there as {health.user}, here as {node.ports.user}"
    if not health.user:
        report.unknown("permission", f"the other node does not tell its account; here: {node.ports.user}", _OLD)
    elif health.user == node.ports.user:
        report.good("permission", text)
    else:
        report.warning("permission", text, "Run both under accounts with the same rights")
