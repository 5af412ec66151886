"""Sealed texts: `sealed:v1:<key id>:<base64 of nonce and ciphertext>`.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the key id is bound into the tag.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SEALED = re.compile(r"sealed:v1:([0-9a-f]{16}):([A-Za-z0-9_-]+={0,2})")
_NONCE_BYTES = 12


class ConfigurationKey(msgspec.Struct, frozen=True):
    """A key that secrets of a configuration are sealed with. The id follows from the key."""

    id: str
    secret: bytes

    @classmethod
    def of(cls, secret: bytes) -> ConfigurationKey:
        """The key with that 32-byte secret."""
        return cls(id=key_id(secret), secret=secret)

    def __repr__(self) -> str:
        return f"ConfigurationKey(id={self.id!r})"


def key_id(secret: bytes) -> str:
    """16 hex digits that name a key without telling it."""
    return hashlib.sha256(b"sitescope-fo key id v1|" + secret).hexdigest()[:16]


def seal(secret: bytes, name: str, plain: bytes, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """`plain` sealed with the key `secret`, which the text calls `name`."""
    nonce = entropy(_NONCE_BYTES)
    return f"sealed:v1:{name}:{base64.urlsafe_b64encode(nonce + AESGCM(secret).encrypt(nonce, plain, _bound(name))).decode()}"


def sealed_with(text: str) -> str:
    """The id of the key `text` is sealed with; "" when it is no sealed text."""
    match = _SEALED.fullmatch(text)
    return match[1] if match else ""


def unseal(secret: bytes, text: str) -> bytes | None:
    """The plain bytes; None when `text` is no sealed text, was altered, or needs another key."""
    match = _SEALED.fullmatch(text)
    if match is None:
        return None
    try:
        data = base64.urlsafe_b64decode(match[2])
        return AESGCM(secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(match[1]))
    except (InvalidTag, ValueError, binascii.Error):
        return None


def _bound(name: str) -> bytes:
    return f"sitescope-fo sealed v1|{name}".encode()
