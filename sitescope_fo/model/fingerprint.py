"""Fingerprints of certificates: SHA-256 in hex, as programs keep them and as people compare them."""

from __future__ import annotations


def spaced(fingerprint: str) -> str:
    """`AB:CD:…`, for people."""
    return ":".join(fingerprint[place : place + 2].upper() for place in range(0, len(fingerprint), 2))


def bare(text: str) -> str:
    """`abcd…`, of whatever way it was written."""
    return text.replace(":", "").replace(" ", "").lower()
