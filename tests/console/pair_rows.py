"""A node whose test of a pair says what a real one said, row by row."""

import anyio

from sitescope_fo.model.command import CommandReply, MailTest, ProfileTest
from tests.console.fakes import FakeNode

REVISION = "5e1f0c77ab12"
ROWS = [
    ("prod: name", "good", "primary.example is 192.0.2.10", ""),
    ("prod: connect", "good", "192.0.2.10:8443 takes connections, in 3 ms", ""),
    ("prod: tls on both", "good", "both nodes use TLS", ""),
    ("prod: tls", "good", "TLSv1.3, certificate 9f86d081884c7d65", ""),
    (
        "prod: certificate",
        "bad",
        "it is for Primary.example: upper and lower case differ from primary.example",
        "They must be equal, upper and lower case included: change the host or the certificate",
    ),
    ("prod: trust", "good", "the certificate is believed here, for 364 d more", ""),
    ("prod: service", "good", "a node answers at primary.example:8443", ""),
    ("prod: mirror", "good", f"120 monitors mirrored, revision {REVISION}, verified", ""),
    ("prod: gate", "good", "4 of 4 reference points answer", ""),
    (
        "disk",
        "warning",
        "900 MiB free for /opt/SiteScope, the mirror has 1.1 MiB",
        "Free some space: the next mirror is laid beside this one, and results and state are written here",
    ),
    ("mail server", "good", "mail.example:25 greets this node and would take mail; nothing was sent", ""),
]
ALL = len(ROWS)


def rows(count=None):
    """The first of them as a node sends them."""
    return [{"id": a, "verdict": b, "evidence": c, "remedy": d} for a, b, c, d in ROWS[:count]]


def result(count=None):
    """The result of a test as far as it is."""
    return {"rows": rows(count), "bad": sum(row["verdict"] == "bad" for row in rows(count))}


class TestedNode(FakeNode):
    """Tests a pair: after `seen` rows it waits for `go`."""

    __test__ = False

    def __init__(self, *, seen=ALL, error=None, mail_error=None, **options):
        super().__init__(**options)
        self.seen, self.go = seen, anyio.Event()
        self.error, self.mail_error = error, mail_error
        if seen == ALL:
            self.go.set()

    async def command(self, body, *, progress=None):
        if self.refuses is not None or not isinstance(body, ProfileTest | MailTest):
            return await super().command(body, progress=progress)
        self.told.append(body)
        if isinstance(body, MailTest):
            if self.mail_error is not None:
                return CommandReply(id="c1", outcome="failed", error=self.mail_error.body())
            return CommandReply(id="c1", outcome="done", text=f"{body.to}: taken by mail.example:25")
        for count in range(1, self.seen + 1):
            progress(CommandReply(id="c1", outcome="running", text=ROWS[count - 1][0], result=result(count)))
        await self.go.wait()
        if self.error is not None:
            return CommandReply(id="c1", outcome="failed", error=self.error.body())
        return CommandReply(id="c1", outcome="done", text="prod: 11 checks, 1 bad", result=result(), progress=1.0)
