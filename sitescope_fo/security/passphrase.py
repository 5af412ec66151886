"""The passphrase both nodes share: its rules, a generator, and the one slow step that turns it into a root key.

Nothing on a request's path imports this module: scrypt takes about 0.2 s and 64 MiB, once, when an operator sets the passphrase.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable

from sitescope_fo.model.errors import Usage
from sitescope_fo.security.lwsso import Root

SHORTEST = 12
_SALT = b"sitescope-fo lwsso v1"
_N, _R, _P = 2**16, 8, 1
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LEAST_DISTINCT = 4


def check_passphrase(passphrase: str) -> str:
    """The passphrase in its canonical form (NFC, no surrounding white space), so that both keyboards give the same bytes.

    Raises Usage (`passphrase_weak`) when it is shorter than 12 characters, of fewer than 4 different ones, or has control
    characters.
    """
    text = unicodedata.normalize("NFC", passphrase).strip()
    hint = "Take at least 12 characters, or let `lwsso set --generate` make one"
    if len(text) < SHORTEST:
        raise Usage(
            f"The passphrase has {len(text)} characters, at least {SHORTEST} are needed", hint=hint, code="passphrase_weak"
        )
    if len(set(text)) < _LEAST_DISTINCT:
        raise Usage("The passphrase repeats the same few characters", hint=hint, code="passphrase_weak")
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise Usage("The passphrase has control characters in it", hint=hint, code="passphrase_weak")
    return text


def generate_passphrase(entropy: Callable[[int], bytes] = os.urandom) -> str:
    """160 random bits as 8 groups of 4 letters and digits (RFC 4648 base32, lower case: no 0, 1, 8, 9 to misread)."""
    number = int.from_bytes(entropy(20), "big")
    letters = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(155, -1, -5))
    return "-".join(letters[at : at + 4] for at in range(0, 32, 4))


def derive_root(passphrase: str) -> Root:
    """The root of all LW-SSO keys: scrypt with N = 2^16, r = 8, p = 1. Slow on purpose: call it through the Work port.

    Raises Usage as `check_passphrase`.
    """
    text = check_passphrase(passphrase).encode()
    return Root.of(hashlib.scrypt(text, salt=_SALT, n=_N, r=_R, p=_P, maxmem=128 * 1024**2, dklen=32))
