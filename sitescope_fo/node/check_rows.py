"""`check`: requirements and troubleshooting, each row with what was seen and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Problem, Usage
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.status import Role
from sitescope_fo.node import pair_checks

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

LITTLE_DISK_BYTES = 500 * 1024 * 1024


async def rows(node: Node, what: str, name: str) -> list[CheckRow]:
    """The rows of one check: `config`, `node` (this machine and configuration), or `pair` (all pairs, or one by name)."""
    match what:
        case "config":
            return config_rows(node)
        case "node":
            return [*config_rows(node), *machine_rows(node), *await _pairs(node, "")]
        case "pair":
            return await _pairs(node, name)
        case _:
            raise Usage(f"There is no check of '{what}'", where="check", hint="Use config, pair or profile NAME")


def problem_rows(problems: Iterable[Problem]) -> list[CheckRow]:
    """A bad row for each problem of a file."""
    return [CheckRow(id="config", verdict="bad", evidence=f"{p.where}: {p.what}", remedy=p.hint) for p in problems]


def config_rows(node: Node) -> list[CheckRow]:
    """What is wrong or odd with the configuration as it lies on disk."""
    found = problem_rows(p for problems in node.problems.values() for p in problems)
    if not found:
        count = len(node.world.catalogue.monitors(""))
        found.append(CheckRow(id="config", verdict="good", evidence=f"configuration loads, {count} monitors of its own"))
    found += [
        CheckRow(id="config", verdict="warning", evidence=f"{w.where}: {w.what}", remedy=w.hint)
        for profile in node.world.catalogue.profiles
        for w in node.world.catalogue.tree(profile).warnings
    ]
    return found


def machine_rows(node: Node) -> list[CheckRow]:
    """Disk, mail, state, passphrase."""
    free = shutil.disk_usage(node.home.root).free
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
        evidence=f"state cannot be written: {failing}" if failing else f"state is durable in {node.home.state.name}",
        remedy="Free space or mend the disk" if failing else "",
    )
    return [disk, mail, state]


async def _pairs(node: Node, name: str) -> list[CheckRow]:
    if node.role is Role.failover:
        names = [name] if name else [profile.name for profile in node.world.ha.profiles]
        if not names:
            hint = "sitescope-fo profile add NAME --primary-host HOST"
            return [CheckRow(id="profile", verdict="warning", evidence="this failover protects no primary yet", remedy=hint)]
        return [row for one in names for row in await pair_checks.from_failover(node, one)]
    return await pair_checks.from_primary(node, name)


def age_words(seconds: float) -> str:
    """`12s ago`."""
    return f"{format_duration(max(1.0, round(seconds)))} ago"
