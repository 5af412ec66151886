"""Random values from the operating system."""

from __future__ import annotations

import secrets


def uuid7(wall: float, chance: bytes) -> str:
    """A version 7 UUID (RFC 9562) for POSIX seconds `wall` and ten random bytes."""
    raw = bytearray(int(wall * 1000).to_bytes(6, "big") + chance[:10])
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class SystemRandomness:
    """The Randomness port in life."""

    def fraction(self) -> float:
        """See the port."""
        return secrets.randbelow(1 << 53) / (1 << 53)

    def token(self, size: int) -> str:
        """See the port."""
        return secrets.token_hex(size)

    def uid(self, wall: float) -> str:
        """See the port."""
        return uuid7(wall, secrets.token_bytes(10))
