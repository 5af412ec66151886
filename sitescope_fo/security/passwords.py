"""Passwords of people: the rule for new ones, and the slow hash they are kept as.

A record is `scrypt:<log2 N>:<r>:<p>:<salt>:<key>`: N = 2^15, r = 8, p = 3, 32 MiB and 0.2 s on a core of 2024; a record says its
own cost, so that a later release may ask for more.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import unicodedata
from collections.abc import Callable

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sitescope_fo.model.errors import Usage

SHORTEST, LONGEST = 10, 256
_COST = (15, 8, 3)
_SALT_BYTES = 16
_KEY_BYTES = 32
_LEAST_DISTINCT = 4
_DEAREST = 2**30  # bytes: a record that asks for more was not made here


def check_password(password: str, user: str) -> str:
    """The password in its canonical form (NFC), so that every keyboard gives the same bytes.

    Raises Usage (`password_weak`): fewer than 10 characters or more than 256, few different ones, the user's name.
    """
    text = canonical(password)
    what = ""
    if len(text) < SHORTEST:
        what = f"The password has {len(text)} characters, at least {SHORTEST} are needed"
    elif len(text) > LONGEST:
        what = f"The password has more than {LONGEST} characters"
    elif len(set(text)) < _LEAST_DISTINCT:
        what = "The password repeats the same few characters"
    elif text.casefold() == canonical(user).casefold():
        what = "The password is the user's name"
    if what:
        raise Usage(what, where=user, hint="A few words that do not belong together are easy to keep", code="password_weak")
    return text


def canonical(password: str) -> str:
    """The form that is hashed and compared."""
    return unicodedata.normalize("NFC", password)


def hash_password(password: str, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """The record of a password that `check_password` let pass. Slow on purpose: call it in a worker."""
    salt = entropy(_SALT_BYTES)
    return _record(salt, _derive(password, salt, *_COST))


def decoy(entropy: Callable[[int], bytes] = os.urandom) -> str:
    """A record that no password fits: whoever does not exist is judged as slowly as everybody else."""
    return _record(entropy(_SALT_BYTES), entropy(_KEY_BYTES))


def password_fits(password: str, record: str) -> bool:
    """Whether the record was made of that password. Slow on purpose, and as slow for a wrong one: call it in a worker."""
    parts = record.split(":")
    try:
        kind, cost, salt, key = parts[0], [int(part) for part in parts[1:4]], _bytes(parts[4]), _bytes(parts[5])
    except (IndexError, ValueError, binascii.Error):
        return False
    log_n, r, p = cost
    if kind != "scrypt" or not 1 <= log_n < 32 or r < 1 or not 1 <= p <= 16 or 128 * r << log_n > _DEAREST:
        return False
    return hmac.compare_digest(_derive(canonical(password)[: LONGEST + 1], salt, log_n, r, p), key)


def _derive(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=2**log_n, r=r, p=p).derive(canonical(password).encode("utf-8", "surrogatepass"))


def _record(salt: bytes, key: bytes) -> str:
    return ":".join(["scrypt", *map(str, _COST), _text(salt), _text(key)])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)
