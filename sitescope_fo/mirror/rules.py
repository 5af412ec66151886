"""What may be mirrored: which folders, which names, how much; and what a manifest must be before anything believes it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import FileEntry, Manifest

MIRRORED_FOLDERS = ("groups", "persistence", "scripts", "templates")
"""Everything else in a home belongs to its node: settings, pair identity, certificates, licence, keys, logs."""

MAX_FILES = 99_999
MAX_FILE_BYTES = 32 * 1024**2
MAX_TOTAL_BYTES = 2 * 1024**3
MAX_PATH_BYTES = 1000
MAX_NAME_BYTES = 255
MAX_DEPTH = 32
LEAST_MODE = 0o400
"""Owner may read: a copy that its own node cannot read would be no copy."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = (".tmp", ".swp", ".swx", "~")
_PLAIN = re.compile(r"(?:groups|persistence|scripts|templates)(?:/[A-Za-z0-9_-][A-Za-z0-9_ .-]*){1,30}")
"""Paths that need no closer look, when they are short and nothing in them is passing (`is_plain`)."""
_PLAIN_LENGTH = 200


def revision_of(files: Iterable[FileEntry]) -> str:
    """The revision of these files: sha256 in hex of their canonical JSON, sorted by path."""
    ordered = sorted(files, key=lambda entry: entry.path)
    return hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()


def is_passing(name: str) -> bool:
    """Whether a file of that name is nobody's configuration: hidden, or left by editors, interrupted writes, interpreters."""
    return name == "__pycache__" or name.startswith((".", "#")) or name.endswith(_TEMPORARY)


def is_plain(path: str) -> bool:
    """Whether `path` is beyond doubt one that is mirrored: `name_problem` and `is_passing` in a tenth of the time."""
    plain = len(path) <= _PLAIN_LENGTH and _PLAIN.fullmatch(path) is not None
    return plain and not any(word in path for word in (".tmp", ".sw", "__pycache__"))


def name_problem(path: str) -> str:
    """Why a relative path cannot be mirrored, "" when it can.

    Refused: no UTF-8, characters that are not printable (they would break logs), a backslash (no archive holds it), too long or
    too deep, and anything that could leave the tree it is laid out in. What passes here passes in store.zips.
    """
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "bad name"
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        return "bad name"
    if len(raw) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        return "path too long"
    return "too deep" if len(parts) > MAX_DEPTH else ""


def check_manifest(manifest: Manifest, node_id: str) -> None:
    """Whether `manifest` is one that node `node_id` ("" = any) may have made.

    Raises Bad: `manifest_foreign` for another node's, `manifest_tampered` for a revision that is not that of its files, a path
    outside the mirrored folders, or impossible figures, `mirror_too_large` beyond the limits.
    """
    if node_id and manifest.node_id != node_id:
        raise Bad(
            f"The manifest is that of node {manifest.node_id}, not of {node_id}",
            hint="If the primary was rebuilt, bind the profile to it with: profile rebind",
            code="manifest_foreign",
        )
    files = manifest.files
    if len(files) > MAX_FILES or sum(entry.size for entry in files) > MAX_TOTAL_BYTES:
        raise Bad(
            f"The manifest lists {len(files)} files; at most {MAX_FILES} files and {MAX_TOTAL_BYTES} bytes are mirrored",
            hint="Move what is no configuration out of " + ", ".join(MIRRORED_FOLDERS),
            code="mirror_too_large",
        )
    for entry in files:
        why = _entry_problem(entry)
        if why:
            raise _tampered(f"{why}: {entry.path[:200]!r}")
    paths = [entry.path for entry in files]
    if any(a >= b for a, b in pairwise(paths)):
        raise _tampered("its paths are not sorted, or one is there twice")
    known = set(paths)
    if any(folder in known for path in paths for folder in _folders(path)):
        raise _tampered("a path is both a file and a folder")
    if manifest.revision != revision_of(files):
        raise _tampered("its revision is not that of its files")


def _entry_problem(entry: FileEntry) -> str:
    if not is_plain(entry.path) and (why := _path_problem(entry.path)):
        return why
    if not 0 <= entry.size <= MAX_FILE_BYTES:
        return "a size is impossible"
    if entry.mode & ~0o777 or entry.mode & LEAST_MODE != LEAST_MODE:
        return "a mode is impossible"
    return "" if _SHA256.fullmatch(entry.sha256) else "a hash is none"


def _path_problem(path: str) -> str:
    parts = path.split("/")
    if parts[0] not in MIRRORED_FOLDERS or len(parts) < 2:
        return "a path lies outside the mirrored folders"
    return "a path is none that is mirrored" if name_problem(path) or any(is_passing(part) for part in parts) else ""


def _folders(path: str) -> Iterable[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _tampered(what: str) -> Bad:
    return Bad(
        f"The primary's manifest is damaged: {what}",
        hint="Nothing of it was taken; check the primary's log, and that both nodes run the same version",
        code="manifest_tampered",
    )
