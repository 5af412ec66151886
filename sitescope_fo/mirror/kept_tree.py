"""One configuration of a mirror folder, read to be looked at: a snapshot of its history, or the current generation. Blocking."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from sitescope_fo.mirror import history
from sitescope_fo.mirror.generations import current
from sitescope_fo.mirror.record import corrupt, read_content, verify_generation
from sitescope_fo.mirror.tree_diff import Change, diff
from sitescope_fo.mirror.tree_outline import Thing, outline, tells_things
from sitescope_fo.model.errors import Conflict, Refused
from sitescope_fo.store.stamp import iso_millis
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES
from sitescope_fo.store.tree_files import GROUP_FILE
from sitescope_fo.store.zips import ZipMember

CURRENT, NEWEST = "current", "newest"
KIND_CURRENT = "mirror"
_SPOKEN = re.compile(rb"""^\s*depends_on\s*=\s*["']([^"'\r\n]+)["']""", re.MULTILINE)
_OWN = re.compile(rb"""^\s*id\s*=\s*["']([^"'\r\n]+)["']""", re.MULTILINE)

SecretSettings = Mapping[str, frozenset[str]]
"""Monitor type -> its settings that hold secrets."""


class FileFacts(msgspec.Struct, frozen=True):
    """One file: unpacked bytes, hash, mode."""

    size: int
    sha256: str
    mode: int


class KeptTree(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration whose every byte was proven."""

    name: str
    at: str
    kind: str
    revision: str
    base: str = ""
    archive_bytes: int = 0
    """0 for the current mirror."""
    files: dict[str, FileFacts] = {}
    contents: dict[str, bytes] = {}
    """Of the files that hold things."""


def read_kept(profile_dir: Path, word: str) -> KeptTree:
    """The configuration that `word` names: `current`, `newest`, or a snapshot by its name or the beginning of it.

    Raises Usage (`unknown_snapshot`), Conflict (`ambiguous`), Refused (`no_mirror`, `no_history`), Bad (`snapshot_damaged`,
    `generation_corrupt`), OSError.
    """
    return _current(profile_dir) if word == CURRENT else _snapshot(profile_dir, word)


def _snapshot(profile_dir: Path, word: str) -> KeptTree:
    row, report, contents = history.read(profile_dir, _named(profile_dir, word), _tells)
    return KeptTree(
        name=row.snapshot,
        at=row.at,
        kind=row.kind,
        revision=row.revision,
        base=row.base,
        archive_bytes=row.bytes,
        files={member.path: FileFacts(member.size, member.sha256, member.mode) for member in report.files},
        contents=contents,
    )


def _tells(member: ZipMember) -> bool:
    return tells_things(member.path) and member.size <= MAX_FILE_BYTES


def _named(profile_dir: Path, word: str) -> str:
    names = [row.snapshot for row in history.list_history(profile_dir)]
    if word == NEWEST:
        if not names:
            where = str(profile_dir / history.HISTORY)
            raise Refused("There is no snapshot yet", where=where, hint="One is made with each mirror", code="no_history")
        return names[0]
    if word in names:
        return word
    fitting = [name for name in names if word and name.startswith(word)]
    if len(fitting) > 1:
        raise Conflict(
            f"'{word}' fits {len(fitting)} snapshots", where=word, hint=f"Say more of {', '.join(fitting[:3])}", code="ambiguous"
        )
    return fitting[0] if fitting else word


def _current(profile_dir: Path) -> KeptTree:
    generation = current(profile_dir)
    if generation is None:
        raise Refused("There is no current mirror", where=str(profile_dir), hint="Mirror first", code="no_mirror")
    if problems := verify_generation(generation.path):
        raise corrupt(generation.path, "; ".join(problems[:3]))
    wanted = [entry for entry in generation.files if tells_things(entry.path) and entry.size <= MAX_FILE_BYTES]
    return KeptTree(
        name=CURRENT,
        at=iso_millis(generation.record.made_wall),
        kind=KIND_CURRENT,
        revision=generation.revision,
        files={entry.path: FileFacts(entry.size, entry.sha256, entry.mode) for entry in generation.files},
        contents={entry.path: read_content(generation.path, entry) for entry in wanted},
    )


def things_of(tree: KeptTree, secret_settings: SecretSettings, breathe: Callable[[], None]) -> tuple[Thing, ...]:
    """Everything the configuration holds."""
    return _outline(tree, tree.contents.keys(), tree.files.keys(), secret_settings, breathe)


def _outline(
    tree: KeptTree, parsed: Iterable[str], told: Iterable[str], secret_settings: SecretSettings, breathe: Callable[[], None]
) -> tuple[Thing, ...]:
    contents = {path: tree.contents[path] for path in parsed if path in tree.contents}
    said = {path: tree.files[path] for path in told if path in tree.files}
    facts = {path: {"sha256": one.sha256, "mode": f"{one.mode:o}"} for path, one in said.items()}
    return outline(contents, facts, secret_settings, breathe)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, and the paths of the things that ids in it speak of."""

    changes: tuple[Change, ...]
    old_paths: dict[str, str]
    new_paths: dict[str, str]


def compare(old: KeptTree, new: KeptTree, secret_settings: SecretSettings, breathe: Callable[[], None]) -> Comparison:
    """The changes from one to the other. Only files that differ are parsed, with those of the groups above them."""
    differing = {path for path in old.files.keys() | new.files.keys() if old.files.get(path) != new.files.get(path)}
    spoken = {match[1] for tree in (old, new) for path in differing for match in _SPOKEN.finditer(tree.contents.get(path, b""))}
    parsed = _with_parents(differing) | {path for tree in (old, new) for path in _holding(tree, spoken)}
    before = _outline(old, parsed, differing, secret_settings, breathe)
    after = _outline(new, parsed, differing, secret_settings, breathe)
    return Comparison(changes=diff(before, after), old_paths=_paths(before), new_paths=_paths(after))


def _with_parents(paths: Iterable[str]) -> set[str]:
    """These files and the group files above them, which name their groups."""
    found = set(paths)
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder.startswith("groups/"):
            found.add(f"{folder}/{GROUP_FILE}")
            folder = folder.rpartition("/")[0]
    return found


def _holding(tree: KeptTree, ids: set[bytes]) -> set[str]:
    """The files in which one of these ids is written as somebody's own."""
    if not ids:
        return set()
    return {path for path, content in tree.contents.items() if any(match[1] in ids for match in _OWN.finditer(content))}


def _paths(things: Iterable[Thing]) -> dict[str, str]:
    return {thing.id: thing.path for thing in things if thing.kind in {"group", "monitor"}}
