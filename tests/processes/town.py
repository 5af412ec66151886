"""What stands around a pair in these tests: web pages that can fail, a real SMTP server, a TCP proxy that delays."""

import email
import email.policy
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"


def free_port():
    """A free port of loopback below the range for outgoing connections: nobody takes it while a daemon is down."""
    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return port


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        status, page = (503, b"out of order") if self.path in self.server.failing else (200, b"welcome")
        self.send_response(status)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *words):
        pass


class Web:
    """Pages, on loopback unless told: each path answers 200, or 503 while it is in `failing`."""

    def __init__(self, port=0, host=HOST):
        self._server = ThreadingHTTPServer((host, port), _Page)
        self._server.daemon_threads = True
        self._server.failing = set()
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def fail(self, *paths):
        self._server.failing = self._server.failing | set(paths)

    def mend(self, *paths):
        self._server.failing = self._server.failing - set(paths) if paths else set()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass(frozen=True)
class Letter:
    """One received mail; `wall` is when it came."""

    wall: float
    to: tuple
    subject: str
    text: str
    message_id: str
    peer: str
    """The address it came from."""


class PostOffice:
    """An SMTP server by aiosmtpd that keeps what it is sent."""

    def __init__(self, host=HOST, port=0):
        self.letters = []
        self._controller = Controller(self, hostname=host, port=port or free_port(), ready_timeout=20)
        self._controller.start()
        self.port = self._controller.port

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append(
            Letter(
                wall=time.time(),
                to=tuple(envelope.rcpt_tos),
                subject=str(message["Subject"]),
                text=message.get_body(("plain",)).get_content(),
                message_id=str(message["Message-ID"]),
                peer=session.peer[0],
            )
        )
        return "250 kept"

    def about(self, subject, since=0.0):
        """The mails whose subject holds `subject`, oldest first."""
        return [one for one in list(self.letters) if subject in one.subject and one.wall >= since]

    def close(self):
        self._controller.stop()


class DelayProxy:
    """Passes TCP connections on to `target`; what the target answers comes `delay_s` later."""

    def __init__(self, target, port=0):
        self.delay_s = 0.0
        self._target = target
        self._listener = socket.create_server((HOST, port))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self._target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open |= {client, server}
            threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source, sink, late):
        with suppress(OSError):
            while data := source.recv(65536):
                if late:
                    time.sleep(self.delay_s)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
            self._open.discard(one)

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Town:
    """Pages, mail and ports that outlive single pairs: they stand in the configuration of the template."""

    host = primary_host = failover_host = HOST

    def __init__(self):
        self.web, self.mail = Web(), PostOffice()
        self.primary_port, self.failover_port = free_port(), free_port()

    def inside(self, name):
        """The words that put a program into the network of the node `name`; here all share one."""
        return ()

    def calm(self):
        self.web.mend()
        self.mail.letters.clear()

    def close(self):
        self.web.close()
        self.mail.close()
