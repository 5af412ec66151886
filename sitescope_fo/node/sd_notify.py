"""Tells systemd how the service is (sd_notify protocol: datagrams `NAME=value` to the socket in NOTIFY_SOCKET)."""

from __future__ import annotations

import socket

from sitescope_fo.model.ports import Environment


class SdNotify:
    """Does nothing when systemd did not ask for it."""

    def __init__(self, env: Environment) -> None:
        path = env.get("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        usec = env.get("WATCHDOG_USEC", "")
        self.watchdog_every_s = int(usec) / 1e6 / 3 if usec.isdigit() and self._path else 0.0
        """How often systemd wants to hear WATCHDOG=1: a third of its limit; 0 = it does not watch."""

    def send(self, **fields: str | int) -> None:
        """Sends one message, such as `send(READY=1, STATUS="primary, running")`. A full or gone socket is not our trouble."""
        if not self._path:
            return
        text = "\n".join(f"{name}={str(value).splitlines()[0] if str(value) else ''}" for name, value in fields.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            try:
                sock.sendto(text.encode(), self._path)
            except OSError:
                return
