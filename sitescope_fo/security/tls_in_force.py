"""The TLS contexts of a running node, and how new certificates get into them without a restart."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

from sitescope_fo.security.certificate import TRUSTED, read_pem
from sitescope_fo.security.tls import client_context, reload_server, server_context


class TlsInForce:
    """The listener's context, that of calls to peers, and the key hashes trusted. Building it blocks.

    Raises ConfigInvalid as `server_context` and `client_context`.
    """

    def __init__(self, certificates: Path) -> None:
        self._folder = certificates
        self.server = server_context(certificates)
        self.client, trusted = client_context(certificates)
        self._trusted = set(trusted)

    @property
    def trusted(self) -> AbstractSet[str]:
        """Hashes of the keys that are trusted; it grows with `renew`."""
        return self._trusted

    def renew(self) -> None:
        """Takes what lies in the folder now into both contexts: new connections use it.

        Call it where handshakes are made, OpenSSL's contexts are not to be changed under them; the files are read in under a
        millisecond each. What was trusted before stays so until a restart: a context forgets nobody. Raises ConfigInvalid.
        """
        reload_server(self.server, self._folder)
        for path in sorted((self._folder / TRUSTED).glob("*.pem")):
            hashes = {one.key_sha256 for one in read_pem(path)}
            if not hashes <= self._trusted:
                self.client.load_verify_locations(path)
                self._trusted |= hashes
