"""The keys of a running node: LW-SSO roots for tokens, configuration keys for secrets. Reads once, writes what is new."""

from __future__ import annotations

import threading
from pathlib import Path

from sitescope_fo.model.ports import Secrets, Work
from sitescope_fo.security.keys import Keys, load_keys, save_keys
from sitescope_fo.security.lwsso import Root
from sitescope_fo.security.secrets import TreeSecrets
from sitescope_fo.store.home import Home


class KeyRing:
    """Held in memory; `keys.toml` is the durable form. Several workers read trees at once, so changes follow each other."""

    def __init__(self, home: Home, keys: Keys) -> None:
        self._home = home
        self._changing = threading.Lock()
        self.keys = keys

    @classmethod
    async def open(cls, home: Home, work: Work) -> KeyRing:
        """The ring of a home. Raises ConfigInvalid when its key store is missing or damaged."""
        return cls(home, await work.run_blocking(load_keys, home.keys))

    def roots(self) -> tuple[Root, ...]:
        """The LW-SSO roots in force, newest first."""
        return self.keys.lwsso

    def secrets_for(self, tree: Path) -> Secrets:
        """The secrets of the tree at a folder; keys that it gave away are kept. Blocking."""
        with self._changing:
            found = TreeSecrets.read(tree, self.keys)
            self._keep(found.keys)
            return found

    def seal(self, tree: Path, plain: str) -> str:
        """`plain` sealed for the tree at a folder; the first secret of a tree makes its key, durable before it is used. Blocking.

        Raises ConfigInvalid, OSError.
        """
        with self._changing:
            secrets = TreeSecrets.read(tree, self.keys)
            sealed = secrets.seal(plain)
            if secrets.keys != self.keys:
                secrets.write()
                self._keep(secrets.keys)
            return sealed

    def add_root(self, root: Root) -> None:
        """Puts an LW-SSO root in force, durable when it returns. Blocking."""
        with self._changing:
            self._keep(self.keys.with_root(root))

    def _keep(self, keys: Keys) -> None:
        if keys != self.keys:
            save_keys(self._home.keys, keys)
            self.keys = keys
