"""What stands around one node whose mails must get through: ports that close and open, a mail server with moods."""

import asyncio
import select
import socket
import threading
from collections import Counter
from contextlib import suppress

from aiosmtpd.controller import Controller

from tests.processes.town import HOST, free_port


class Ports:
    """TCP ports that take connections; `close_port` and `open_port` change what a monitor finds."""

    def __init__(self, count):
        self.numbers = [free_port() for _ in range(count)]
        self._open = {number: socket.create_server((HOST, number), backlog=1024) for number in self.numbers}
        self._changed, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            ready, _, _ = select.select([self._changed, *list(self._open.values())], [], [])
            if self._changed in ready and self._changed.recv(1) == b"x":
                return
            for server in ready:
                with suppress(OSError):
                    server.accept()[0].close()

    def close_port(self, number):
        server = self._open.pop(number)
        self._wake.send(b".")
        server.shutdown(socket.SHUT_RDWR)
        server.close()

    def open_port(self, number):
        self._open[number] = socket.create_server((HOST, number), backlog=1024)
        self._wake.send(b".")

    def close(self):
        self._wake.send(b"x")
        self._thread.join()
        for one in (*self._open.values(), self._changed, self._wake):
            one.close()


class MoodyMail:
    """An SMTP server (aiosmtpd). `mood`: good, slow, busy (451), cut (takes a mail and hangs up without a word), down."""

    def __init__(self, slow_s=0.3):
        self.received = []
        """(Message-ID, subject) of every mail that was taken, in order."""
        self.cuts = 0
        self.port = free_port()
        self._slow_s = slow_s
        self._controller = None
        self.mood = "down"
        self.be("good")

    def be(self, mood):
        """Changes the mood; `down` closes the port."""
        if mood == "down" and self._controller is not None:
            self._controller.stop()
            self._controller = None
        self.mood = mood
        if mood != "down" and self._controller is None:
            self._controller = Controller(self, hostname=HOST, port=self.port, ready_timeout=20)
            self._controller.start()

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802  # aiosmtpd's name
        if self.mood == "busy":
            return "451 try again later"
        envelope.mail_from = address
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        if self.mood == "slow":
            await asyncio.sleep(self._slow_s)
        head = dict(line.split(": ", 1) for line in _unfolded(envelope.content) if ": " in line)
        self.received.append((head["Message-ID"], head["Subject"]))
        if self.mood == "cut":
            self.cuts += 1
            server.transport.abort()
        return "250 kept"

    def subjects(self):
        """How often each subject came under an id of its own."""
        return Counter(subject for _, subject in set(self.received))

    def copies(self):
        """Mails that came more than once under the same id: how many too many."""
        return len(self.received) - len(set(self.received))

    def close(self):
        self.be("down")


def _unfolded(content):
    head = content.partition(b"\r\n\r\n")[0].decode()
    return head.replace("\r\n ", " ").split("\r\n")
