"""The words before TLS: how each protocol is asked to go on encrypted (RFC 3207, RFC 9051, RFC 2595, RFC 4217)."""

from __future__ import annotations

import msgspec

from sitescope_fo.monitors.connection import Connection

LONGEST_REPLY = 16 * 1024


class Dialogue(msgspec.Struct, frozen=True):
    """A protocol: its port, and each line that is sent with the start that the last line of the reply must have.

    An empty line is not sent: the server speaks first.
    """

    port: int
    steps: tuple[tuple[str, str], ...]


PROTOCOLS = {
    "smtp": Dialogue(25, (("", "220 "), ("EHLO localhost", "250 "), ("STARTTLS", "220 "))),
    "imap": Dialogue(143, (("", "* OK"), ("a STARTTLS", "a OK"))),
    "pop3": Dialogue(110, (("", "+OK"), ("STLS", "+OK"))),
    "ftp": Dialogue(21, (("", "220 "), ("AUTH TLS", "234 "))),
}


class Refusal(Exception):
    """The server said no, or something that is not this protocol."""


async def ask_for_tls(connection: Connection, protocol: str) -> None:
    """Goes through the dialogue; TLS may start afterwards. Raises Refusal, OSError."""
    for line, wanted in PROTOCOLS[protocol].steps:
        if line:
            await connection.send(f"{line}\r\n".encode("ascii"))
        reply = await _reply(connection, wanted, protocol)
        if not reply.upper().startswith(wanted.strip().upper()):
            raise Refusal(f"{protocol}: the server answers {line or 'the connection'} with '{reply[:100]}'")


async def _reply(connection: Connection, wanted: str, protocol: str) -> str:
    """The last line of a reply. With three digits, a line goes on while a hyphen follows them (RFC 5321, RFC 959)."""
    received = b""
    while len(received) < LONGEST_REPLY:
        data = await connection.receive(LONGEST_REPLY - len(received))
        if not data:
            raise Refusal(f"{protocol}: the server closed the connection before TLS")
        received += data
        *lines, rest = received.decode(errors="replace").split("\r\n")
        if lines and not rest and _is_last(lines[-1], wanted):
            return lines[-1]
    raise Refusal(f"{protocol}: the server does not come to an end before TLS")


def _is_last(line: str, wanted: str) -> bool:
    if wanted[:3].isdecimal():
        return line[:3].isdecimal() and line[3:4] != "-"
    return not line.startswith("* ") or wanted.startswith("* ")  # IMAP may tell other things before it answers
