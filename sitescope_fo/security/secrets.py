"""Secrets of a configuration tree: `persistence/secrets.toml`, mirrored with it.

    [[key]]                            the configuration key, sealed several times
    id = "8c5a…"
    node = "sealed:v1:<node key>:…"    for the node that made it
    [key.passphrase]                   for whoever has the passphrase: a failover, a rebuilt primary
    <root id> = "sealed:v1:<root>:…"
    [secrets]
    smtp = "sealed:v1:8c5a…:…"

A value in another file is either a sealed text itself or the reference `secret:smtp`. A new passphrase changes the seals of
the key only.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import tomli_w

from sitescope_fo.model.errors import ConfigInvalid, Refused, Usage
from sitescope_fo.security import sealing
from sitescope_fo.security.keys import Keys
from sitescope_fo.security.lwsso import Root, derive_key
from sitescope_fo.security.sealing import ConfigurationKey
from sitescope_fo.store import files

FILE_NAME = "persistence/secrets.toml"
REFERENCE = "secret:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LARGEST = 4 * 1024**2
_KEY_BYTES = 32


class SealedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One configuration key as it lies in the file."""

    id: str
    node: str = ""
    passphrase: dict[str, str] = {}


class SecretsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """secrets.toml. New secrets are sealed with the first key."""

    key: tuple[SealedKey, ...] = ()
    secrets: dict[str, str] = {}


class TreeSecrets:
    """The secrets of one tree, opened once; implements the `Secrets` port. Only `read` and `write` touch the disk."""

    def __init__(self, tree: Path, content: SecretsFile, keys: Keys, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._path = tree / FILE_NAME
        self._content = content
        self._entropy = entropy
        self.keys = keys
        """The keys given, plus every configuration key that the tree gave away: save them, a later passphrase may not open it."""
        for sealed in content.key:
            opened = _open_key(sealed, keys)
            if opened is not None:
                self.keys = self.keys.with_configuration_key(opened)
        self._open = {key.id: key for key in self.keys.configuration}

    @classmethod
    def read(cls, tree: Path, keys: Keys, entropy: Callable[[int], bytes] = os.urandom) -> TreeSecrets:
        """The secrets of the configuration at `tree`; a missing file is an empty one. Blocking.

        Raises ConfigInvalid (`secrets_file`) when the file does not hold what it should.
        """
        path = tree / FILE_NAME
        try:
            text = files.read_bytes_limited(path, _LARGEST).decode()
        except FileNotFoundError:
            return cls(tree, SecretsFile(), keys, entropy)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"Secrets cannot be read: {error}", where=str(path), code="secrets_file") from error
        try:
            return cls(tree, msgspec.convert(tomllib.loads(text), SecretsFile), keys, entropy)
        except (tomllib.TOMLDecodeError, msgspec.MsgspecError) as error:
            raise ConfigInvalid(
                f"The file of secrets is damaged: {error}",
                where=str(path),
                hint="Restore it from a history zip",
                code="secrets_file",
            ) from error

    def write(self) -> None:
        """Makes the file say what this value says, durable when it returns. Blocking. Raises OSError."""
        files.make_private_dir(self._path.parent)
        table = msgspec.to_builtins(self._content)
        files.write_atomic(self._path, tomli_w.dumps(table).encode(), 0o600)

    def seal(self, plain: str) -> str:
        """See the port. The first seal of a tree makes its configuration key: `write` before the sealed text is used."""
        key = self._sealing_key()
        return sealing.seal(key.secret, key.id, plain.encode(), self._entropy)

    def open(self, sealed: str) -> str:
        """See the port; takes a `secret:NAME` reference as well."""
        if sealed.startswith(REFERENCE):
            return self._open_reference(sealed.removeprefix(REFERENCE))
        name = sealing.sealed_with(sealed)
        if not name:
            raise ConfigInvalid(
                "A secret stands in clear, or its sealed text is cut off",
                where=str(self._path),
                hint="Set it again with the command it belongs to, such as `mail set`",
                code="secret_unreadable",
            )
        key = self._open.get(name)
        plain = sealing.unseal(key.secret, sealed) if key else None
        if plain is None:
            raise ConfigInvalid(
                f"A secret is sealed with the key {name}, which this node cannot open"
                if key is None
                else f"A text sealed with the key {name} was altered",
                where=str(self._path),
                hint="Run `lwsso set` with the passphrase of the node that sealed it, or set the secret again",
                code="secret_unreadable",
            )
        return plain.decode()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the secrets that can be referred to, in order."""
        return tuple(sorted(self._content.secrets))

    def opens(self, name: str) -> bool:
        """Whether the secret of that name is there and can be opened here."""
        try:
            self._open_reference(name)
        except ConfigInvalid:
            return False
        return True

    def put(self, name: str, plain: str) -> str:
        """Seals `plain` under `name`; gives the reference. `write` makes it last. Raises Usage (`secret_name`)."""
        if _NAME.fullmatch(name) is None:
            raise Usage(
                f"'{name}' cannot name a secret",
                hint="Use 1 to 64 letters, digits, dots, dashes and underscores",
                code="secret_name",
            )
        sealed = self.seal(plain)
        self._content = msgspec.structs.replace(self._content, secrets={**self._content.secrets, name: sealed})
        return REFERENCE + name

    def drop(self, name: str) -> None:
        """Forgets a secret. `write` makes it last. Raises Refused (`not_found`)."""
        if name not in self._content.secrets:
            raise Refused(
                f"There is no secret '{name}'",
                where=str(self._path),
                hint=f"Known: {', '.join(self.names) or 'none'}",
                code="not_found",
            )
        rest = {known: text for known, text in self._content.secrets.items() if known != name}
        self._content = msgspec.structs.replace(self._content, secrets=rest)

    def rewrap(self, keys: Keys) -> bool:
        """Seals the configuration keys anew for `keys`, after a new passphrase or on a rebuilt node.

        True: something changed, so `write`. Keys that cannot be opened here keep the seals they have.
        """
        self.keys = keys
        for key in self._open.values():
            self.keys = self.keys.with_configuration_key(key)
        before = self._content.key
        self._content = msgspec.structs.replace(self._content, key=tuple(self._rewrapped(sealed) for sealed in before))
        return self._content.key != before

    def _rewrapped(self, sealed: SealedKey) -> SealedKey:
        key = self._open.get(sealed.id)
        if key is None:
            return sealed
        node = sealed.node
        if sealing.sealed_with(node) != self.keys.node_id:
            node = sealing.seal(self.keys.node_key, self.keys.node_id, key.secret, self._entropy)
        passphrase = {
            root.id: sealed.passphrase.get(root.id) or sealing.seal(_wrap_key(root, key.id), root.id, key.secret, self._entropy)
            for root in self.keys.lwsso
        }
        return SealedKey(id=key.id, node=node, passphrase=passphrase)

    def _sealing_key(self) -> ConfigurationKey:
        for sealed in self._content.key:
            if sealed.id in self._open:
                return self._open[sealed.id]
        key = ConfigurationKey.of(self._entropy(_KEY_BYTES))
        self._open[key.id] = key
        self.keys = self.keys.with_configuration_key(key)
        added = self._rewrapped(SealedKey(id=key.id))
        self._content = msgspec.structs.replace(self._content, key=(added, *self._content.key))
        return key

    def _open_reference(self, name: str) -> str:
        sealed = self._content.secrets.get(name)
        if sealed is None:
            raise ConfigInvalid(
                f"There is no secret '{name}'",
                where=str(self._path),
                hint=f"Correct the reference or set the secret again. Known: {', '.join(self.names) or 'none'}",
                code="secret_unreadable",
            )
        return self.open(sealed)


def set_secret(tree: Path, name: str, plain: str, keys: Keys) -> TreeSecrets:
    """Stores a secret of the configuration at `tree`; blocking. `.keys` of what it gives may hold a new key to save.

    Raises Usage (`secret_name`), ConfigInvalid (`secrets_file`), OSError.
    """
    secrets = TreeSecrets.read(tree, keys)
    secrets.put(name, plain)
    secrets.write()
    return secrets


def list_secrets(tree: Path, keys: Keys) -> tuple[str, ...]:
    """Names of the secrets of the configuration at `tree`; blocking. Raises ConfigInvalid (`secrets_file`)."""
    return TreeSecrets.read(tree, keys).names


def _wrap_key(root: Root, configuration_id: str) -> bytes:
    return derive_key(root, "wrap", "configuration", configuration_id)


def _open_key(sealed: SealedKey, keys: Keys) -> ConfigurationKey | None:
    attempts = [(keys.node_key, sealed.node)]
    attempts += [(_wrap_key(root, sealed.id), sealed.passphrase.get(root.id, "")) for root in keys.lwsso]
    for secret, text in attempts:
        plain = sealing.unseal(secret, text)
        if plain is not None and len(plain) == _KEY_BYTES and sealing.key_id(plain) == sealed.id:
            return ConfigurationKey.of(plain)
    return None
