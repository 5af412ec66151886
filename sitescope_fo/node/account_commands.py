"""Commands about users and tokens, on a home that runs or not. Blocking; a password costs 0.2 s."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import Usage
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.security.accounts import Accounts, TokenRow, UserRow, new_token, read_accounts, token_hash, write_accounts
from sitescope_fo.security.passwords import check_password, hash_password
from sitescope_fo.store.stamp import iso_millis

AccountCommand = commands.UserAdd | commands.UserPasswd | commands.UserRemove | commands.TokenAdd | commands.TokenRevoke
LONGEST_S = 10 * 366 * 86400.0


def apply(tree: Path, body: AccountCommand, ring: KeyRing, wall: float) -> Done:
    """(text, result) of one command on the configuration at `tree`. Raises SiteScopeError; then nothing was changed."""
    known = read_accounts(tree)
    match body:
        case commands.UserAdd():
            name = unicodedata.normalize("NFC", body.name)
            known.with_user(UserRow(name=name, role=body.role, password=""))  # refused before the slow part
            record = ring.seal(tree, hash_password(check_password(body.password, name)))
            row = UserRow(name=name, role=body.role, password=record, changed=iso_millis(wall))
            return _saved(tree, known.with_user(row), f"user {name} added as {body.role}", {"name": name, "role": body.role})
        case commands.UserPasswd():
            name = known.find_user(body.name).name
            record = ring.seal(tree, hash_password(check_password(body.password, name)))
            changed = known.with_password(name, record, iso_millis(wall))
            return _saved(tree, changed, f"password of {name} changed; its sessions are over", {"name": name})
        case commands.UserRemove():
            name = known.find_user(body.name).name
            rest = known.without_user(name, force=body.force)
            return _saved(tree, rest, f"user {name} removed; its sessions are over", {"name": name})
        case commands.TokenAdd():
            return _add_token(tree, known, body, ring, wall)
        case commands.TokenRevoke():
            return _saved(tree, known.without_token(body.name), f"token {body.name} revoked", {"name": body.name})


def _add_token(tree: Path, known: Accounts, body: commands.TokenAdd, ring: KeyRing, wall: float) -> Done:
    if not 0 <= body.for_s <= LONGEST_S:
        raise Usage(
            "A token lasts up to ten years", where="--for", hint="Leave it out for one that never ends", code="bad_duration"
        )
    name, token = unicodedata.normalize("NFC", body.name), new_token()
    expires = iso_millis(wall + body.for_s) if body.for_s else ""
    row = TokenRow(name=name, role=body.role, hash="", created=iso_millis(wall), expires=expires)
    known.with_token(row)
    sealed = ring.seal(tree, token_hash(token))
    row = TokenRow(name=name, role=body.role, hash=sealed, created=row.created, expires=expires)
    ends = f", until {expires}" if expires else ""
    result = {"name": name, "role": body.role, "token": token, "expires": expires}
    return _saved(tree, known.with_token(row), f"token {name} added as {body.role}{ends}", result)


def _saved(tree: Path, accounts: Accounts, text: str, result: dict[str, str]) -> Done:
    write_accounts(tree, accounts)
    return text, result
