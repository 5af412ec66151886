"""What a pair needs of this node itself: room on its disk, and a mail server that would take its mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.mirror.generations import current
from sitescope_fo.model.moment import size_text
from sitescope_fo.model.status import Role
from sitescope_fo.node.vitals import DISK_FULL_BYTES

if TYPE_CHECKING:
    from sitescope_fo.model.config import MailSettings
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.report import Report

LITTLE_DISK_BYTES = 1024**3
MIRRORS = 2
"""The next mirror is laid beside the current one, so at least so many times its size must be free."""
_NO_MAIL = "Nobody is told of a takeover: sitescope-fo mail set --host HOST --from ADDR --to ADDR"


async def look(node: Node, name: str, report: Report) -> None:
    """The rows of this node, as far as the profile or pair `name` needs them."""
    await _disk_row(node, name, report)
    own = node.world.catalogue.mail("")
    await _mail_row(node, own, "mail server", report)
    mirrored = node.world.catalogue.mail(name) if node.role is Role.failover else own
    if mirrored.servers and mirrored.servers != own.servers:
        await _mail_row(node, mirrored, f"{name}: alert mail", report)


async def _disk_row(node: Node, name: str, report: Report) -> None:
    free, size = node.ports.disk_free(), await _mirror_bytes(node, name)
    text = f"{size_text(free)} free for {node.home.root}"
    text += f", the mirror has {size_text(size)}" if size else ""
    remedy = "Free some space: the next mirror is laid beside this one, and results and state are written here"
    if free < DISK_FULL_BYTES:
        report.bad("disk", text, remedy)
    elif free < max(LITTLE_DISK_BYTES, MIRRORS * size):
        report.warning("disk", text, remedy)
    else:
        report.good("disk", text)


async def _mirror_bytes(node: Node, name: str) -> int:
    """Of the mirror in force; on a primary, of what a failover mirrors. 0 while there is none."""
    watch = node.watches.get(name)
    if watch is not None:
        generation = await node.ports.work.run_blocking(current, watch.folder)
        return sum(entry.size for entry in generation.files) if generation is not None else 0
    manifest = node.own.manifest
    return sum(entry.size for entry in manifest.files) if manifest is not None else 0


async def _mail_row(node: Node, settings: MailSettings, what: str, report: Report) -> None:
    if not settings.servers:
        report.warning(what, "no mail server is set", _NO_MAIL)
        return
    greetings = await node.ports.mailer.greet(settings)
    taking = [one.server for one in greetings if not one.trouble]
    trouble = "; ".join(one.trouble for one in greetings if one.trouble)
    remedy = next((one.hint for one in greetings if one.hint), "") or "Check host, port and firewall: sitescope-fo mail set"
    if not taking:
        report.bad(what, trouble, remedy)
    elif trouble:
        report.warning(what, f"{', '.join(taking)} greets this node; {trouble}", remedy)
    else:
        report.good(what, f"{', '.join(taking)} greets this node and would take mail; nothing was sent")
