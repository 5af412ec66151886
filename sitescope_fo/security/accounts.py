"""Who may log in: `persistence/users.toml`, mirrored with the configuration. Values and edits; reading and writing the file.

    [[user]]
    name = "alice"
    role = "operator"                  # viewer, operator or administrator
    password = "sealed:v1:…"           # the password's record, sealed with the configuration key
    changed = "2026-11-22T10:00:00Z"
    [[token]]
    name = "grafana"
    role = "viewer"
    hash = "sealed:v1:…"               # SHA-256 of the token
    created = "2026-11-22T10:00:00Z"
    expires = "2027-11-22T10:00:00Z"   # "" = never

Names are NFC and unique without regard to case, users' and tokens' each for themselves.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import tomli_w

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.store import files
from sitescope_fo.store.toml_reader import fold, name_problem, nearest

FILE_NAME = "persistence/users.toml"
Role = Literal["viewer", "operator", "administrator"]
_HEAD = b"# Users and tokens of this node, written by `sitescope-fo user` and `sitescope-fo token`.\n"
_LARGEST = 4 * 1024**2
_LONGEST_NAME = 64
_TOKEN_BYTES = 32


class UserRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person."""

    name: str
    role: Role
    password: str
    changed: str = ""

    def __repr__(self) -> str:
        return f"UserRow(name={self.name!r}, role={self.role!r})"


class TokenRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token of a script."""

    name: str
    role: Role
    hash: str
    created: str = ""
    expires: str = ""

    def __repr__(self) -> str:
        return f"TokenRow(name={self.name!r}, role={self.role!r})"


class Accounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    user: tuple[UserRow, ...] = ()
    token: tuple[TokenRow, ...] = ()

    def with_user(self, row: UserRow) -> Accounts:
        """With a new user. Raises Usage (`bad_name`), Conflict (`duplicate`)."""
        _check_new(row.name, self.user, "user")
        return msgspec.structs.replace(self, user=(*self.user, row))

    def with_password(self, name: str, password: str, changed: str) -> Accounts:
        """With another password record for a user. Raises Usage (`not_found`)."""
        row = self.find_user(name)
        fresh = msgspec.structs.replace(row, password=password, changed=changed)
        return msgspec.structs.replace(self, user=tuple(fresh if one is row else one for one in self.user))

    def without_user(self, name: str, *, force: bool = False) -> Accounts:
        """Without a user. Raises Usage (`not_found`); Refused (`last_administrator`) unless `force`."""
        row = self.find_user(name)
        rest = tuple(one for one in self.user if one is not row)
        if row.role == "administrator" and not force and not any(one.role == "administrator" for one in rest):
            raise Refused(
                f"{row.name} is the last administrator",
                where=row.name,
                hint="Add another one first; with --force only the owner of the home, on its own machine, is left",
                code="last_administrator",
            )
        return msgspec.structs.replace(self, user=rest)

    def with_token(self, row: TokenRow) -> Accounts:
        """With a new token. Raises Usage (`bad_name`), Conflict (`duplicate`)."""
        _check_new(row.name, self.token, "token")
        return msgspec.structs.replace(self, token=(*self.token, row))

    def without_token(self, name: str) -> Accounts:
        """Without a token. Raises Usage (`not_found`)."""
        row = _find(name, self.token, "token")
        return msgspec.structs.replace(self, token=tuple(one for one in self.token if one is not row))

    def find_user(self, name: str) -> UserRow:
        """A user by name. Raises Usage (`not_found`)."""
        return _find(name, self.user, "user")


R = TypeVar("R", UserRow, TokenRow)


def read_accounts(tree: Path) -> Accounts:
    """The users and tokens of the configuration at `tree`; a missing file is an empty one. Blocking.

    Raises ConfigInvalid (`users_file`).
    """
    path = tree / FILE_NAME
    try:
        return msgspec.convert(tomllib.loads(files.read_bytes_limited(path, _LARGEST).decode()), Accounts)
    except FileNotFoundError:
        return Accounts()
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ConfigInvalid(
            f"The file of users cannot be read: {error}", where=str(path), hint="Restore it from a history zip", code="users_file"
        ) from error


def write_accounts(tree: Path, accounts: Accounts) -> None:
    """Makes the file say `accounts`, durable when it returns. Blocking. Raises OSError."""
    path = tree / FILE_NAME
    files.make_private_dir(path.parent)
    files.write_atomic(path, _HEAD + tomli_w.dumps(msgspec.to_builtins(accounts)).encode(), 0o600)


def new_token(entropy: Callable[[int], bytes] = os.urandom) -> str:
    """256 random bits as text: for a session, or for a script."""
    return entropy(_TOKEN_BYTES).hex()


def token_hash(token: str) -> str:
    """What is kept of a token: SHA-256 in hex; with 256 random bits in it a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _check_new(name: str, rows: tuple[R, ...], kind: str) -> None:
    problem = name_problem(name) or ("is too long" if len(name) > _LONGEST_NAME else "holds a ':'" if ":" in name else "")
    if problem:
        raise Usage(
            f"'{name}' cannot name a {kind}: it {problem}", where=name, hint="Take up to 64 letters and digits", code="bad_name"
        )
    if any(fold(one.name) == fold(name) for one in rows):
        raise Conflict(f"There is a {kind} '{name}' already", where=name, hint="Choose another name", code="duplicate")


def _find(name: str, rows: tuple[R, ...], kind: str) -> R:
    for row in rows:
        if fold(row.name) == fold(name):
            return row
    hint = nearest(name, [row.name for row in rows]) or f"See: sitescope-fo {kind} list"
    raise Usage(f"There is no {kind} '{name}'", where=f"{kind}s", hint=hint, code="not_found")
