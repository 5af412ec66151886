"""Which letters the terminal takes, as its locale says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale says that the terminal takes UTF-8. Where nobody set one, it does: terminals of today do."""
    name = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG")
    return not name or "utf8" in name.replace("-", "").lower()


def as_given() -> dict[str, str]:
    """The environment as the shell gave it: under the C locale the interpreter sets an LC_CTYPE of its own (PEP 538)."""
    try:
        given = Path("/proc/self/environ").read_bytes()
    except OSError:  # no /proc: what the interpreter says
        return dict(os.environ)
    kept = any(entry.startswith(b"LC_CTYPE=") for entry in given.split(b"\0"))
    return {name: value for name, value in os.environ.items() if kept or name != "LC_CTYPE"}
