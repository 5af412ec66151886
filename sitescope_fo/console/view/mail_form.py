"""The mail server as a form: on the Failover page under Default Settings, and in Preferences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitescope_fo.console.view.form import Field, words_of
from sitescope_fo.model.command import MailSet
from sitescope_fo.model.errors import Usage


def mail_fields(mail: Mapping[str, Any], section: str = "") -> tuple[Field, ...]:
    """The fields for an answer of the `mail` query."""
    servers = mail.get("servers") or []
    first = servers[0] if servers else {}
    backup = servers[1] if len(servers) > 1 else {}
    return (
        Field(name="host", label="Mail server", value=str(first.get("host", "")), section=section, help="Its host name."),
        Field(
            name="port",
            label="Port",
            kind="number",
            value=str(first.get("port", "") or ""),
            least=1,
            most=65535,
            check=_whole,
            section=section,
            help="25, 465 for TLS, 587 for STARTTLS.",
        ),
        Field(
            name="security",
            label="Security",
            kind="choice",
            choices=("none", "starttls", "tls"),
            value=str(first.get("security", "none")),
            section=section,
            help="How the way to the server is protected.",
        ),
        Field(name="user", label="User", value=str(first.get("user", "")), section=section, help="Empty: no login."),
        Field(name="password", label="Password", kind="secret", section=section, help="Empty: it stays as it is. Stored sealed."),
        Field(name="sender", label="From", value=str(mail.get("from", "")), section=section, help="The sender's address."),
        Field(
            name="to",
            label="To",
            kind="list",
            value=", ".join(mail.get("to", ())),
            section=section,
            help="Who gets mails of this node by default.",
        ),
        Field(
            name="backup",
            label="Backup server",
            value=f"{backup['host']}:{backup['port']}" if backup else "",
            section=section,
            help="HOST:PORT, tried when the first one refuses or is gone.",
        ),
    )


def _whole(text: str) -> None:
    if not text.isascii() or not text.isdigit():
        raise Usage(f"'{text}' is no port", hint="Give digits only", code="bad_port")


def mail_set(values: Mapping[str, str]) -> MailSet:
    """The command for the fields that were changed; what is empty stays as it is."""
    given = {name: value.strip() for name, value in values.items()}
    return MailSet(
        host=given.get("host", ""),
        port=int(given.get("port") or 0),
        sender=given.get("sender", ""),
        to=words_of(given.get("to", "")),
        backup=given.get("backup", ""),
        security=given.get("security", ""),  # type: ignore[arg-type]  # a choice of the form
        user=given.get("user", ""),
        password=given.get("password", ""),
    )
