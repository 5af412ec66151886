"""`check`: requirements and troubleshooting, each row with what was seen and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sitescope_fo.model.errors import Problem, Usage
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.status import Role
from sitescope_fo.node import certificate_commands, pair_checks
from sitescope_fo.node.report import Report

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

LITTLE_DISK_BYTES = 500 * 1024 * 1024


async def rows(node: Node, what: str, name: str) -> list[CheckRow]:
    """The rows of one check: `config`, `node` (this machine and configuration), or `pair` (all pairs, or one by name)."""
    match what:
        case "config":
            return await config_rows(node)
        case "node":
            return [*await config_rows(node), *machine_rows(node), *await certificate_rows(node), *await _pairs(node, "")]
        case "pair":
            return await _pairs(node, name)
        case _:
            raise Usage(f"There is no check of '{what}'", where="check", hint="Use config, pair or profile NAME")


def problem_rows(problems: Iterable[Problem]) -> list[CheckRow]:
    """A bad row for each problem of a file."""
    return [CheckRow(id="config", verdict="bad", evidence=f"{p.where}: {p.what}", remedy=p.hint) for p in problems]


def odd_rows(row_id: str, odd: Iterable[Problem]) -> list[CheckRow]:
    """A warning for each."""
    return [CheckRow(id=row_id, verdict="warning", evidence=f"{p.where}: {p.what}", remedy=p.hint) for p in odd]


def good_row(monitors: int) -> CheckRow:
    """The configuration is sound."""
    return CheckRow(id="config", verdict="good", evidence=f"configuration loads, {monitors} monitors of its own")


async def config_rows(node: Node) -> list[CheckRow]:
    """What is wrong or odd with the configuration as it lies on disk now."""
    await node.own.refresh()
    catalogue = node.world.catalogue
    found = problem_rows(node.configuration_problems()) or [good_row(len(catalogue.monitors("")))]
    for profile in catalogue.profiles:
        found += odd_rows(f"{profile}: config" if profile else "config", catalogue.tree(profile).warnings)
    found += odd_rows("plug-in", node.ports.plugin_problems())
    if node.own.waiting_settings:
        text = f"{', '.join(node.own.waiting_settings)} of config.toml changed and not in force yet"
        found.append(CheckRow(id="restart", verdict="warning", evidence=text, remedy="Restart the node"))
    return found


def machine_rows(node: Node) -> list[CheckRow]:
    """Disk, mail, state, passphrase, licence, and defects of the program."""
    free = node.ports.disk_free()
    disk = CheckRow(
        id="disk",
        verdict="good" if free >= LITTLE_DISK_BYTES else "bad",
        evidence=f"{free // (1024 * 1024)} MiB free for {node.home.root}",
        remedy="" if free >= LITTLE_DISK_BYTES else "Free some space: results and state stop being written when it is full",
    )
    servers = node.world.catalogue.mail("").servers
    mail = CheckRow(
        id="mail",
        verdict="good" if servers else "warning",
        evidence=f"mail leaves through {', '.join(s.host for s in servers)}" if servers else "no mail server is set",
        remedy="" if servers else "Nobody is told of a takeover: sitescope-fo mail set --host HOST --from ADDR --to ADDR",
    )
    failing = node.writer.failing
    state = CheckRow(
        id="state",
        verdict="bad" if failing else "good",
        evidence=f"state cannot be written: {failing}" if failing else f"state is durable in {node.home.state}",
        remedy="Free space or mend the disk" if failing else "",
    )
    return [disk, mail, state, load_row(node), _passphrase_row(node), licence_row(), *_defect_rows(node)]


async def certificate_rows(node: Node) -> list[CheckRow]:
    """The age of each certificate, while TLS is on."""
    if not node.world.config.tls:
        return []
    rows = await node.ports.work.run_blocking(certificate_commands.certificates, node.home, node.ports.clock.wall())
    return [_certificate_row(row) for row in rows]


def _certificate_row(row: dict[str, Any]) -> CheckRow:
    own = row["role"] == "server"
    whose = "this node's certificate" if own else f"the trusted certificate {row['name']}"
    renew = "sitescope-fo cert create --force, or cert import; then trust it on the other node" if own else "cert fetch it again"
    return CheckRow(
        id=f"certificate {row['name']}",
        verdict=row["verdict"],
        evidence=f"{whose}: {row['says']}",
        remedy="" if row["verdict"] == "good" else renew,
    )


def load_row(node: Node) -> CheckRow:
    """Whether the checks keep up, and if not, what holds them up."""
    plan, hanging, crowded = node.plan, node.runner.hanging, node.plan.crowded()
    held_up, remedies = [], []
    if hanging:
        names = ", ".join(sorted(node.world.catalogue.name(key) for key in hanging)[:3]) + (" …" if len(hanging) > 3 else "")
        held_up.append(f"{len(hanging)} checks ignored their time-out and hang ({names})")
        remedies.append("Look at what they wait for: a stuck file system, a script that ignores signals")
    if crowded:
        hosts = ", ".join(f"{line.host}: {line.running} run and {line.waiting} wait" for line in crowded)
        held_up.append(f"the limit of checks at one host holds up monitors ({hosts})")
        remedies.append("Raise checks.max_per_host, or lower the frequency of what asks that host")
    if plan.overdue - sum(line.waiting for line in crowded) > plan.max_checks:
        held_up.append(f"more is due than the node's {plan.max_checks} places take")
        remedies.append("Raise checks.max, shorten time-outs or lower frequencies")
    figures = f"{plan.overdue} monitors wait; since the start {plan.skipped} runs were skipped, {plan.paused} fell into pauses"
    return CheckRow(
        id="load",
        verdict="warning" if held_up else "good",
        evidence="; ".join([*held_up, figures]),
        remedy="; ".join(remedies),
    )


def _passphrase_row(node: Node) -> CheckRow:
    roots = node.ports.keys.roots()
    return CheckRow(
        id="passphrase",
        verdict="good" if roots else "warning",
        evidence=f"the LW-SSO passphrase is set, key {roots[0].id}" if roots else "no LW-SSO passphrase is set",
        remedy="" if roots else "Nodes cannot trust each other without one: sitescope-fo lwsso set, the same on both",
    )


def licence_row() -> CheckRow:
    """The community edition has no limits to check."""
    return CheckRow(id="licence", verdict="good", evidence="community edition: no licence file is needed, nothing expires")


def _defect_rows(node: Node) -> list[CheckRow]:
    return [CheckRow(id="program", verdict="bad", evidence=p.what, remedy=p.hint) for p in node.supervisor.problems()]


async def _pairs(node: Node, name: str) -> list[CheckRow]:
    report = Report()
    if node.role is Role.primary:
        await pair_checks.from_primary(node, name, report)
        return report.rows
    names = [name] if name else [profile.name for profile in node.world.ha.profiles]
    if not names:
        hint = "sitescope-fo profile add NAME --primary-host HOST"
        report.warning("profile", "this failover protects no primary yet", hint)
    for one in names:
        await pair_checks.from_failover(node, one, report)
    return report.rows
