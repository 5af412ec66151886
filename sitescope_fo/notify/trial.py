"""Test messages: what `mail test` and `alert test` send at once, past the outbox."""

from __future__ import annotations

from sitescope_fo.model.config import MailSettings
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Alert
from sitescope_fo.model.ports import Message, Now
from sitescope_fo.model.when import format_when
from sitescope_fo.notify.templates import SAMPLE_ALERT, STOCK, AlertData, TemplateSet
from sitescope_fo.notify.words import said_time, sender_of


def mail_test(settings: MailSettings, to: str, now: Now, *, node: str, token: str) -> Message:
    """A message that proves that mail leaves this node. `token`: random, makes its Message-ID its own."""
    servers = ", ".join(f"{server.host}:{server.port}" for server in settings.servers)
    lines = (
        f"This is a test from {node}, sent at {said_time(now.wall)}.",
        "",
        "Alerts and role changes come this way.",
        f"Servers, in order: {servers}",
    )
    return Message(
        message_id=f"<{token}@test.sitescope-fo>",
        sender=sender_of(settings, node),
        to=to,
        subject=f"[SiteScope] Test message from {node}",
        body="\n".join(lines) + "\n",
        wall=now.wall,
    )


def alert_test(
    settings: MailSettings,
    alert: Alert,
    recipients: tuple[str, ...],
    now: Now,
    *,
    node: str,
    token: str,
    templates: TemplateSet = STOCK,
) -> tuple[Message, ...]:
    """What the alert would send, with sample figures and marked as a test, one message a recipient.

    Raises Usage (`no_recipient`) when it reaches nobody.
    """
    if not recipients:
        raise Usage(
            f"The alert '{alert.name}' has no recipient", hint="alert edit … --to ADDRESS, or mail set --to", code="no_recipient"
        )
    data = AlertData(
        monitor="(test)",
        path=f"{alert.scope}/(test)" if alert.scope else "(test)",
        type="test",
        status=alert.on.value,
        state="this is a test, nothing is wrong",
        since=said_time(now.wall),
        count=alert.when.after,
        alert=alert.name,
        when=format_when(alert.when),
        every=SAMPLE_ALERT.every,
        node=node,
        term=0,
        next_mail="Nothing follows a test.",
    )
    letter = templates.render("alert", data)
    note = f"TEST: nothing is wrong. {letter.problem}".rstrip()
    return tuple(
        Message(
            message_id=f"<{token}.{number}@test.sitescope-fo>",
            sender=sender_of(settings, node),
            to=to,
            subject=f"[TEST] {letter.subject}",
            body=f"{note}\n\n{letter.text}",
            wall=now.wall,
        )
        for number, to in enumerate(recipients)
    )
