"""Delivers a mail by SMTP, the servers of the settings in their order.

The standard library's client inside the Work port: it has spoken to every server for twenty years, and one mail at a time needs
no more. What it lacks, a bound on the whole exchange, is added: a server that trickles is given up.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.ports import Clock, Greeting, Message, Work
from sitescope_fo.notify.envelope import bare_address, mail_of
from sitescope_fo.notify.errors import MailDeferred, MailRefused, ServerTrouble
from sitescope_fo.notify.words import one_line

TlsContext = Callable[[MailServer], ssl.SSLContext]
EXCHANGES = 3
"""A whole delivery may take this many times the time-out of one answer."""


def verified_tls(_server: MailServer) -> ssl.SSLContext:
    """A context that trusts what the system trusts and insists on the server's name."""
    return ssl.create_default_context()


class SmtpMailer:
    """The Mailer of life."""

    def __init__(self, work: Work, clock: Clock, *, tls: TlsContext = verified_tls, helo: str = "localhost") -> None:
        self._work, self._clock, self._tls, self._helo = work, clock, tls, helo

    async def send(self, settings: MailSettings, message: Message) -> str:
        """The `host:port` that took it.

        Raises MailRefused when each server refused it for good or it is no mail, MailDeferred when one may take it later, its
        kind ServerTrouble when none would take any mail now.
        """
        if not settings.servers:
            raise ServerTrouble(
                "No mail server is set", hint="mail set --host HOST --port PORT --from ADDRESS", code="mail_not_set"
            )
        mail = mail_of(message)
        sender, recipient = bare_address(message.sender), bare_address(message.to)
        errors: list[SiteScopeError] = []
        for server in settings.servers:
            try:
                await self._work.run_blocking(self._deliver, server, settings.timeout_s, mail, sender, recipient)
            except (MailDeferred, MailRefused) as error:
                errors.append(error)
                continue
            return _place(server)
        raise _together(errors)

    async def greet(self, settings: MailSettings) -> tuple[Greeting, ...]:
        """See the port: every server is greeted, also the backup that mail would not reach today."""
        found = []
        for server in settings.servers:
            try:
                await self._work.run_blocking(self._greet, server, settings.timeout_s)
            except ServerTrouble as error:
                found.append(Greeting(server=_place(server), trouble=error.what, hint=error.hint))
            else:
                found.append(Greeting(server=_place(server)))
        return tuple(found)

    def _greet(self, server: MailServer, timeout_s: float) -> None:
        ends = self._clock.mono() + EXCHANGES * timeout_s
        with _network_trouble(_place(server), timeout_s), self._session(server, timeout_s, lambda: ends - self._clock.mono()):
            pass

    def _deliver(self, server: MailServer, timeout_s: float, mail: EmailMessage, sender: str, recipient: str) -> None:
        place = _place(server)
        ends = self._clock.mono() + EXCHANGES * timeout_s
        with _network_trouble(place, timeout_s):
            session = self._session(server, timeout_s, lambda: ends - self._clock.mono())
            with session:
                self._hand_over(session, place, mail, sender, recipient)

    def _session(self, server: MailServer, timeout_s: float, remaining: Callable[[], float]) -> _Session:
        """A session that is ready for mail. What goes wrong before is trouble of the server or its settings, not of the mail."""
        place = _place(server)
        try:
            return _Session(server, self._tls, self._helo, timeout_s, remaining)
        except smtplib.SMTPAuthenticationError as error:
            what = f"{place} refused the login of {server.user}: {error.smtp_code} {_said(error.smtp_error)}"
            raise ServerTrouble(
                what, hint="Set user and password: mail set --user U --password-stdin", code="mail_login"
            ) from error
        except smtplib.SMTPResponseException as error:
            raise ServerTrouble(f"{place} takes no mail: {error.smtp_code} {_said(error.smtp_error)}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise ServerTrouble(f"{place}: {one_line(str(error))}", code="mail_not_supported") from error

    @staticmethod
    def _hand_over(session: _Session, place: str, mail: EmailMessage, sender: str, recipient: str) -> None:
        try:
            session.send_message(mail, sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            raise _by_code(*error.recipients[recipient], place, f"the recipient {recipient}") from error
        except smtplib.SMTPSenderRefused as error:
            raise _by_code(error.smtp_code, error.smtp_error, place, f"the sender {sender}", later=ServerTrouble) from error
        except smtplib.SMTPResponseException as error:
            raise _by_code(error.smtp_code, error.smtp_error, place, "the mail") from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(f"{place}: {one_line(str(error))}", code="mail_not_supported") from error


@contextmanager
def _network_trouble(place: str, timeout_s: float) -> Iterator[None]:
    """Whatever the network does can be otherwise next time."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        what = f"{place}: its certificate is not trusted: {error.verify_message}"
        raise ServerTrouble(
            what, hint="Check the host name, or add the authority to the system's store", code="mail_tls"
        ) from error
    except ssl.SSLError as error:
        raise ServerTrouble(f"{place}: TLS failed: {one_line(str(error))}", code="mail_tls") from error
    except (OSError, smtplib.SMTPException) as error:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps those of replies
            raise ServerTrouble(f"{place} did not answer within {timeout_s:g} s", code="mail_timeout") from error
        raise ServerTrouble(f"{place}: {one_line(str(error)) or type(error).__name__}", code="mail_unreachable") from error


class _Session(smtplib.SMTP):
    """One connection, greeted, encrypted and logged in; `remaining` seconds are left for all of it."""

    def __init__(self, server: MailServer, tls: TlsContext, helo: str, timeout_s: float, remaining: Callable[[], float]) -> None:
        self._remaining, self._server, self._context = remaining, server, tls
        super().__init__(local_hostname=helo, timeout=timeout_s)
        self._host = server.host
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *args: object) -> None:
        """The mail is taken or not by now: what QUIT brings says nothing about it."""
        with suppress(smtplib.SMTPException, OSError):
            self.docmd("QUIT")
        self.close()

    def _open(self) -> None:
        server = self._server
        code, answer = self.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, answer)
        self.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            self.starttls(context=self._context(server))
            self.ehlo_or_helo_if_needed()
        if server.user:
            self.login(server.user, server.password)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        if self._server.security != "tls":
            return plain
        try:
            return self._context(self._server).wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """As in smtplib, but ends in time: it reads byte by byte from a server that sends byte by byte."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock, self._remaining)  # readline and close are all that is used
        return super().getreply()


class _Bounded:
    """Reads lines from a socket until the time is up."""

    def __init__(self, sock: socket.socket, remaining: Callable[[], float]) -> None:
        self._sock, self._remaining, self._rest = sock, remaining, b""

    def readline(self, limit: int) -> bytes:
        """Up to and with the next line end, at most `limit` bytes; b"" at the end of the stream. Raises TimeoutError."""
        while b"\n" not in self._rest and len(self._rest) < limit:
            if self._remaining() <= 0:
                raise TimeoutError("the server trickles")
            piece = self._sock.recv(4096)
            if not piece:
                break
            self._rest += piece
        end = min(self._rest.find(b"\n") + 1 or len(self._rest), limit)
        line, self._rest = self._rest[:end], self._rest[end:]
        return line

    def close(self) -> None:
        """The socket is closed by its owner."""


def _by_code(
    code: int, answer: bytes | str, place: str, what: str, *, later: type[MailDeferred] = MailDeferred
) -> SiteScopeError:
    """5xx is for good, but for 530: the server asks for a login, which settings can mend. 421: it closes for everybody."""
    text = f"{place} refused {what}: {code} {_said(answer)}"
    if 500 <= code < 600 and code != 530:
        return MailRefused(text, hint="Check the address and what the server allows")
    if code in {421, 530}:
        return ServerTrouble(text, code="mail_login" if code == 530 else "")
    return later(text)


def _said(answer: bytes | str) -> str:
    return one_line(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)


def _together(errors: list[SiteScopeError]) -> SiteScopeError:
    """One error for all servers: refused only when none of them may take it later."""
    if len(errors) == 1:
        return errors[0]
    later = [error for error in errors if isinstance(error, MailDeferred)]
    what = "; ".join(error.what for error in errors)
    hint = next((error.hint for error in errors if error.hint), "")
    if later:
        kind = ServerTrouble if all(isinstance(error, ServerTrouble) for error in errors) else MailDeferred
        return kind(what, hint=hint, code=later[0].code)
    return MailRefused(what, hint=hint, code=errors[0].code)


def _place(server: MailServer) -> str:
    return f"{server.host}:{server.port}"
