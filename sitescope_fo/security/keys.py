"""The key store: what this node must never lose and never show. One file, mode 0600, never mirrored.

node_key             random, made at setup; seals what only this node may open
[[lwsso]]            roots of the passphrase, the newest first; more than one only during a rotation
[[configuration]]    configuration keys this node has opened, its own and those of the primaries it protects
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import tomli_w

from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.security.lwsso import Root
from sitescope_fo.security.sealing import ConfigurationKey, key_id
from sitescope_fo.store import files

FILE_NAME = "keys.toml"
_LARGEST = 1024**2
_KEY_BYTES = 32


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys of a node."""

    node_key: bytes
    lwsso: tuple[Root, ...] = ()
    configuration: tuple[ConfigurationKey, ...] = ()

    def __repr__(self) -> str:
        return f"Keys(node={self.node_id!r}, lwsso={[root.id for root in self.lwsso]!r})"

    @property
    def node_id(self) -> str:
        """Id of the node key (not of the node)."""
        return key_id(self.node_key)

    def with_root(self, root: Root, *, keep_previous: bool = False) -> Keys:
        """After `lwsso set`: only `root` counts. After `lwsso rotate` (`keep_previous`): the one before is accepted as well."""
        previous = [old for old in self.lwsso if old.id != root.id][:1] if keep_previous else []
        return msgspec.structs.replace(self, lwsso=(root, *previous))

    def without_previous(self) -> Keys:
        """The end of a rotation: both nodes use the newest root."""
        return msgspec.structs.replace(self, lwsso=self.lwsso[:1])

    def with_configuration_key(self, key: ConfigurationKey) -> Keys:
        """Remembers a configuration key; the same again changes nothing."""
        if any(known.id == key.id for known in self.configuration):
            return self
        return msgspec.structs.replace(self, configuration=(*self.configuration, key))


def new_keys(entropy: Callable[[int], bytes] = os.urandom) -> Keys:
    """The keys of a new node: a random node key and nothing else."""
    return Keys(node_key=entropy(_KEY_BYTES))


def load_keys(folder: Path) -> Keys:
    """The keys in `folder`. Blocking.

    Raises ConfigInvalid: `keys_missing`, `keys_open` (others may read the file), `keys_unreadable`.
    """
    path = folder / FILE_NAME
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigInvalid(
                "Others than the owner may read the key store", where=str(path), hint=f"chmod 600 {path}", code="keys_open"
            )
        keys = msgspec.convert(tomllib.loads(files.read_bytes_limited(path, _LARGEST).decode()), Keys)
    except FileNotFoundError as error:
        raise ConfigInvalid(
            "The key store is missing",
            where=str(path),
            hint="Put it back from a backup; `setup` makes a new one, which opens secrets only with the same passphrase",
            code="keys_missing",
        ) from error
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ConfigInvalid(
            f"The key store cannot be read: {error}", where=str(path), hint="Put it back from a backup", code="keys_unreadable"
        ) from error
    if any(len(key) != _KEY_BYTES for key in _all_secrets(keys)):
        raise ConfigInvalid(
            "The key store holds a key of the wrong length",
            where=str(path),
            hint="Put it back from a backup",
            code="keys_unreadable",
        )
    return keys


def save_keys(folder: Path, keys: Keys) -> None:
    """Writes the key store, durable when it returns. Blocking. Raises OSError."""
    files.make_private_dir(folder)
    files.write_atomic(folder / FILE_NAME, tomli_w.dumps(msgspec.to_builtins(keys)).encode(), 0o600)


def _all_secrets(keys: Keys) -> list[bytes]:
    return [keys.node_key, *(root.secret for root in keys.lwsso), *(key.secret for key in keys.configuration)]
