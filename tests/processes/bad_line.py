"""A TCP proxy that treats connections as bad lines, tired firewalls and broken boxes do."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress

from tests.processes.town import HOST

TRICKLE_S = 0.05
LATEST_S = 0.3
RESET = struct.pack("ii", 1, 0)


class BadLine:
    """Passes connections on to `target` as its `mood` says; a change counts for what comes from then on.

    good: at once. flaky: late by up to 0.3 s, and now and then reset, before or within an answer. trickle: answers a byte at a
    time. corrupt: one bit of each answer is flipped. swallow: takes what comes and never answers.
    """

    def __init__(self, target, seed=0):
        self.mood = "good"
        self.passed = 0
        self._target = target
        self._random = random.Random(seed)
        self._listener = socket.create_server((HOST, 0))
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
            self.passed += 1
            if self.mood == "flaky" and self._random.random() < 1 / 6:
                _reset(client)
                continue
            try:
                server = socket.create_connection((HOST, self._target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._open |= {client, server}
            threading.Thread(target=self._pass_on, args=(client, server, lambda data: [data]), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, self._treated), daemon=True).start()

    def _pass_on(self, source, sink, treated):
        with suppress(OSError):
            while data := source.recv(65536):
                for piece in treated(data):
                    if piece is None:
                        _reset(sink)
                        return
                    sink.sendall(piece)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
            self._open.discard(one)

    def _treated(self, data):
        """The pieces of an answer as they leave; None cuts the line."""
        if self.mood == "swallow":
            return
        if self.mood == "corrupt":
            at = self._random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        if self.mood == "flaky":
            time.sleep(self._random.random() * LATEST_S)
            if self._random.random() < 1 / 6:
                yield data[: len(data) // 2]
                yield None
                return
        if self.mood == "trickle":
            for byte in data:
                time.sleep(TRICKLE_S)
                yield bytes([byte])
            return
        yield data

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _reset(connection):
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()
