"""Commands about alerts and the mails they become."""

from __future__ import annotations

from typing import Literal

from sitescope_fo.model.command.root import Command, ConfigCommand


class AlertAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds an alert. `scope`: a group, a monitor path, or `/` for the node."""

    scope: str
    name: str
    on: str = "error"
    when: str = "once after 1"
    to: tuple[str, ...] = ()
    profile: str = ""
    force: bool = False


class AlertEdit(ConfigCommand, frozen=True, kw_only=True):
    """Changes an alert; empty fields stay."""

    scope: str
    name: str
    new_name: str = ""
    on: str = ""
    when: str = ""
    to: tuple[str, ...] = ()
    enabled: bool | None = None
    profile: str = ""
    force: bool = False


class AlertRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes an alert."""

    scope: str
    name: str
    profile: str = ""
    force: bool = False


class AlertTest(Command, frozen=True, kw_only=True):
    """Sends a test of an alert to its recipients, now."""

    scope: str
    name: str


class MailSet(ConfigCommand, frozen=True, kw_only=True):
    """E-mail settings; empty fields stay as they are."""

    host: str = ""
    port: int = 0
    sender: str = ""
    to: tuple[str, ...] = ()
    backup: str = ""
    security: Literal["", "none", "starttls", "tls"] = ""
    user: str = ""
    password: str = ""


class MailTest(Command, frozen=True, kw_only=True):
    """Sends a test message ("" = to the default recipients) and says which server took it."""

    to: str = ""


class MailTemplateSet(ConfigCommand, frozen=True, kw_only=True):
    """Replaces a mail template after it rendered with sample data; text "" puts the built-in one back."""

    name: str
    text: str


AlertCommand = AlertAdd | AlertEdit | AlertRemove | AlertTest | MailSet | MailTest | MailTemplateSet
