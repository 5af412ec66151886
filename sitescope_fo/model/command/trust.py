"""Commands about who is trusted: the passphrase, users, tokens, secrets, certificates."""

from __future__ import annotations

from typing import ClassVar, Literal

from sitescope_fo.model.command.root import Command, ConfigCommand
from sitescope_fo.model.config import DEFAULT_TLS_PORT
from sitescope_fo.model.service import Level


class LwssoSet(ConfigCommand, frozen=True, kw_only=True):
    """The shared passphrase. It is never stored: its scrypt root is."""

    passphrase: str


class LwssoCheck(Command, frozen=True, kw_only=True):
    """Whether the peers accept this node's token: passphrase, clock, identity. Of one profile or peer, or of all."""

    name: str = ""


class UserAdd(ConfigCommand, frozen=True, kw_only=True):
    """Lets a person log in over the network."""

    name: str
    role: Literal["viewer", "operator", "administrator"]
    password: str


class UserPasswd(ConfigCommand, frozen=True, kw_only=True):
    """Another password for a user; ends the user's sessions."""

    name: str
    password: str


class UserRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes a user and ends the user's sessions; the last administrator only with `force`."""

    name: str
    force: bool = False


class TokenAdd(ConfigCommand, frozen=True, kw_only=True):
    """Makes a token for a script; it stands in the result, once. `for_s`: seconds until it ends, 0 = never."""

    name: str
    role: Literal["viewer", "operator", "administrator"]
    for_s: float = 0.0


class TokenRevoke(ConfigCommand, frozen=True, kw_only=True):
    """Ends a token at once."""

    name: str


class SecretSet(ConfigCommand, frozen=True, kw_only=True):
    """Seals a secret under a name that settings can refer to as `secret:NAME`; the same name again replaces it."""

    name: str
    password: str


class SecretRemove(ConfigCommand, frozen=True, kw_only=True):
    """Forgets a secret that nothing refers to."""

    name: str


class CertCreate(ConfigCommand, frozen=True, kw_only=True):
    """Makes a self-signed certificate for the listener; `force` replaces the one it has, and goes on with its key.

    `new_key`: with another one. A failover takes a node with a key that it does not know for gone.
    """

    names: tuple[str, ...]
    days: int = 825
    force: bool = False
    new_key: bool = False


class CertImport(ConfigCommand, frozen=True, kw_only=True):
    """Takes a certificate over: the listener's own with its key, or one to trust. `text` is PEM, or PKCS#12 in base64."""

    role: Literal["server", "trusted"]
    text: str
    passphrase: str = ""
    name: str = ""
    force: bool = False


class CertFetch(Command, frozen=True, kw_only=True):
    """Looks at the certificate that HOST:PORT shows; nothing is trusted by it. The PEM in the result is for `CertImport`."""

    level: ClassVar[Level] = Level.administrator
    offline: ClassVar[bool] = True
    host: str
    port: int = DEFAULT_TLS_PORT


class CertRemove(ConfigCommand, frozen=True, kw_only=True):
    """Trusts a certificate no longer; the name `server` removes the listener's own, while TLS is off."""

    name: str


TrustCommand = (
    LwssoSet
    | LwssoCheck
    | UserAdd
    | UserPasswd
    | UserRemove
    | TokenAdd
    | TokenRevoke
    | SecretSet
    | SecretRemove
    | CertCreate
    | CertImport
    | CertFetch
    | CertRemove
)
