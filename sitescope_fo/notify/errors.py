"""Errors of mail delivery, leaves of the tree in `sitescope_fo.model.errors`.

Unreachable
└── MailDeferred   exit 4   no server took it now: 4xx for its recipient or content; worth another try
    └── ServerTrouble       no server takes any mail now: refused connection, time-out, hang-up, TLS or login trouble, 421
Bad
└── MailRefused    exit 1   a server refused it for good (5xx), or it cannot be written as a mail
Usage
└── TemplateBroken exit 2   a mail template that cannot be used
"""

from __future__ import annotations

from sitescope_fo.model.errors import Bad, Unreachable, Usage


class MailDeferred(Unreachable):
    """Not delivered, and it may work later."""

    default_code = "mail_deferred"


class ServerTrouble(MailDeferred):
    """Not delivered, and no other mail would be either: the server, the way to it or its settings are the reason."""


class MailRefused(Bad):
    """Not delivered, and trying again cannot help."""

    default_code = "mail_refused"


class TemplateBroken(Usage):
    """The text is no template of ours; `where` names the line."""

    default_code = "bad_template"
