"""Tests an operator asks for: a test mail, a test alert, the Test dialog of a profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sitescope_fo.model.config import MailSettings
from sitescope_fo.model.errors import Bad, SiteScopeError, Usage
from sitescope_fo.model.ports import Message
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.status import Role
from sitescope_fo.node import here_checks, pair_checks
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.report import Report
from sitescope_fo.notify import trial

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.role_control import Progress

ROWS_EXPECTED = 18
NO_SERVER = "sitescope-fo mail set --host HOST --from ADDR --to ADDR"


def _settings(node: Node) -> MailSettings:
    settings = node.world.catalogue.mail("")
    if not settings.servers:
        raise Bad("No mail server is set", where="persistence/preferences.toml", hint=NO_SERVER, code="no_mail_server")
    return settings


async def _send(node: Node, settings: MailSettings, messages: Iterable[Message]) -> tuple[str, list[dict[str, str]]]:
    sent = []
    for message in messages:
        try:
            server = await node.ports.mailer.send(settings, message)
        except SiteScopeError as error:
            what = f"The test message to {message.to} was not taken: {error.what}"
            raise Bad(what, where=error.where, hint=error.hint, code="mail_failed") from error
        sent.append({"to": message.to, "server": server})
    return "; ".join(f"{row['to']}: taken by {row['server']}" for row in sent), sent


async def mail_test(node: Node, to: str) -> tuple[str, Any]:
    """Sends a test message and says who took it."""
    settings = _settings(node)
    recipients = (to,) if to else settings.to
    if not recipients:
        raise Usage("Nobody to send it to", where="ADDR", hint="Give an address, or set default recipients", code="no_recipient")
    now, host = node.ports.clock.now(), node.world.host
    token = node.ports.randomness.token
    return await _send(node, settings, [trial.mail_test(settings, one, now, node=host, token=token(8)) for one in recipients])


async def alert_test(node: Node, scope: str, name: str) -> tuple[str, Any]:
    """Sends a sample of an alert to its recipients."""
    catalogue = node.world.catalogue
    wanted = scope.strip("/")
    here = [(p, alert) for p in catalogue.profiles for alert in catalogue.tree(p).alerts if alert.scope == wanted]
    found = [(profile, alert) for profile, alert in here if alert.name == name]
    if not found:
        known = nearest_hint(name, [alert.name for _, alert in here])
        raise Usage(f"There is no alert '{name}' at '{scope}'", where=scope, hint=known, code="not_found")
    profile, alert = found[0]
    settings = node.mail_settings(profile)
    if not settings.servers:
        settings = _settings(node)
    to, now = catalogue.recipients(profile, alert), node.ports.clock.now()
    token = node.ports.randomness.token(8)
    return await _send(node, settings, trial.alert_test(settings, alert, to, now, node=node.world.host, token=token))


async def profile_test(node: Node, name: str, mail: str, progress: Progress) -> tuple[str, Any]:
    """The Test dialog: rows, told as they come, and a test mail when an address is given."""

    def heard(rows: tuple[CheckRow, ...]) -> None:
        progress(min(0.95, len(rows) / ROWS_EXPECTED), rows[-1].id, _result(rows))

    report = Report(heard)
    await (pair_checks.from_failover if node.role is Role.failover else pair_checks.from_primary)(node, name, report)
    await here_checks.look(node, name, report)
    if mail:
        await _mail_row(node, mail, report)
    result = _result(report.rows)
    bad = result["bad"]
    return f"{name}: {len(report.rows)} checks, {bad or 'none'} bad", result


def _result(rows: Sequence[CheckRow]) -> dict[str, Any]:
    return {"rows": msgspec.to_builtins(rows), "bad": sum(row.verdict == "bad" for row in rows)}


async def lwsso_check(node: Node, name: str) -> tuple[str, Any]:
    """Whether the peers take this node's token: rows as in the Test dialog, those of trust only."""
    rows = await pair_checks.trust(node, name)
    bad = sum(row.verdict == "bad" for row in rows)
    text = f"{bad} of the peers' answers are bad" if bad else "every peer takes this node's token"
    return text, {"rows": msgspec.to_builtins(rows), "bad": bad}


async def _mail_row(node: Node, address: str, report: Report) -> None:
    try:
        text, _ = await mail_test(node, address)
    except SiteScopeError as error:
        report.bad("mail", error.what, error.hint)
    else:
        report.good("mail", text)
