"""From a rendered message to the bytes of a mail (RFC 5322, UTF-8). No text of a message can become a header."""

from __future__ import annotations

import email.policy
import re
from datetime import UTC, datetime
from email.errors import NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from sitescope_fo.model.ports import Message
from sitescope_fo.notify.errors import MailRefused
from sitescope_fo.notify.words import LONGEST_SUBJECT, one_line

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def bare_address(text: str) -> str:
    """`ops@example.org` of `Ops <ops@example.org>`, the domain in its ASCII form.

    Raises MailRefused (`bad_address`).
    """
    return _mailbox(text).addr_spec


def mail_of(message: Message) -> EmailMessage:
    """The mail. Raises MailRefused when it cannot be written."""
    mail = EmailMessage(policy=email.policy.SMTP)
    try:
        mail["From"] = _mailbox(message.sender)
        mail["To"] = _mailbox(message.to)
        mail["Subject"] = one_line(message.subject, LONGEST_SUBJECT)
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.wall, UTC))
        if not _MESSAGE_ID.fullmatch(message.message_id):
            raise MailRefused(f"'{one_line(message.message_id, 100)}' is no Message-ID", code="bad_message")
        mail["Message-ID"] = message.message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Mailer"] = "sitescope-fo"
        for name, value in message.headers:
            if not _HEADER.fullmatch(name):
                raise MailRefused(f"'{one_line(name, 100)}' is no header", code="bad_message")
            mail[name] = one_line(value)
        mail.set_content(message.body, charset="utf-8")
    except (ValueError, UnicodeError, IndexError) as error:
        raise MailRefused(f"The mail cannot be written: {error}", code="bad_message") from error
    return mail


def _mailbox(text: str) -> Address:
    problem = MailRefused(f"'{one_line(text, 100)}' is no mail address", hint="Write it like ops@example.org", code="bad_address")
    if _CONTROL.search(text):
        raise problem
    try:
        header = email.policy.SMTP.header_factory("to", text)
        [found] = header.addresses
    except (ValueError, IndexError, AttributeError) as error:
        raise problem from error
    defects = [defect for defect in header.defects if not isinstance(defect, NonASCIILocalPartDefect)]
    if defects or not (found.username and found.domain):
        raise problem
    try:
        return Address(found.display_name, found.username, found.domain.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise problem from error
