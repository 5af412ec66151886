"""History: zips of mirror states under `history/`, from which a primary can be rebuilt by unpacking one over its root.

    20261122T100000Z-scheduled-1a2b3c4d.zip    kinds: scheduled activation merge shrink
    20261122T100000Z-edits.zip                 the edited working tree of a time of acting

Members are named as below the root (store.zips). What a zip is stands in its comment, so that a list reads no member; its
revision is that of its files, so that `verify` proves every byte, name and mode.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from sitescope_fo.mirror.manifest import ManifestBuilder
from sitescope_fo.mirror.record import Generation, corrupt
from sitescope_fo.mirror.rules import revision_of
from sitescope_fo.model.errors import Bad, Usage
from sitescope_fo.model.wire import FileEntry
from sitescope_fo.store.files import REAL, TEMP_SUFFIX, Disk, make_private_dir
from sitescope_fo.store.home import Home
from sitescope_fo.store.stamp import compact_stamp, iso_millis
from sitescope_fo.store.zips import ZipMember, ZipReport, read_zip, verify_zip, write_zip

HISTORY = "history"
OTHERS_KEPT = 10
"""How many activation, merge and shrink zips are kept, each."""

Kind = Literal["scheduled", "activation", "merge", "shrink", "edits"]


class _Comment(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    revision: str
    wall: float
    monitors: int
    base: str = ""
    edits: int = 0


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One snapshot. For edits `revision` is that of the edited tree, `base` that of the mirror it came from."""

    snapshot: str
    at: str
    bytes: int
    monitors: int
    revision: str
    kind: str
    base: str = ""


def write(profile_dir: Path, generation: Generation, kind: Kind, *, wall: float, disk: Disk = REAL) -> Path:
    """Keeps `generation` as a zip, durable when it returns; the same kind and revision within one second is written once.

    Raises Bad (`generation_corrupt`): a damaged generation is no backup. OSError.
    """
    comment = _Comment(kind=kind, revision=generation.revision, wall=wall, monitors=len(generation.record.monitors))
    path = profile_dir / HISTORY / f"{compact_stamp(wall)}-{kind}-{generation.revision[:8]}.zip"
    if not path.exists():
        _write(path, generation.path, generation.files, comment, disk)
    return path


def edits_zip(profile_dir: Path, base: str, edits: list[str], *, wall: float, disk: Disk = REAL) -> Path:
    """Keeps the edited working tree, which was laid out from `base` and differs from it in `edits`.

    The path is `history/<time>-edits.zip`. Durable when it returns. Raises OSError.
    """
    working = profile_dir / "working"
    files = ManifestBuilder(Home(working), "").build(full=True).files
    comment = _Comment(kind="edits", revision=revision_of(files), wall=wall, monitors=0, base=base, edits=len(edits))
    path = _free(profile_dir / HISTORY / f"{compact_stamp(wall)}-edits.zip")
    _write(path, working, files, comment, disk)
    return path


def _free(path: Path) -> Path:
    """`path`, or the first of its names with -2, -3 … before the suffix that nothing has."""
    candidate, n = path, 1
    while candidate.exists():
        n += 1
        candidate = path.with_stem(f"{path.stem}-{n}")
    return candidate


def is_kept(profile_dir: Path, working: Path) -> bool:
    """Whether the history holds an edits zip of exactly this working tree."""
    revision = ManifestBuilder(Home(working), "").build(full=True).revision
    return any(row.kind == "edits" and row.revision == revision for row in list_history(profile_dir))


def has_scheduled(profile_dir: Path) -> bool:
    """Whether a scheduled zip lies there, by the names alone."""
    return any((profile_dir / HISTORY).glob("*-scheduled-*.zip"))


def list_history(profile_dir: Path) -> tuple[HistoryRow, ...]:
    """The snapshots, newest first, by their comments; a damaged zip is listed with kind `damaged`. Raises OSError."""
    folder = profile_dir / HISTORY
    if not folder.is_dir():
        return ()
    paths = [path for path in folder.iterdir() if path.suffix == ".zip" and not path.name.startswith(".") and path.is_file()]
    return tuple(_row(path) for path in sorted(paths, key=lambda path: path.name, reverse=True))


def _row(path: Path) -> HistoryRow:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            comment = msgspec.json.decode(archive.comment, type=_Comment)
    except (zipfile.BadZipFile, OSError, ValueError):
        return HistoryRow(snapshot=path.name, at=path.name.partition("-")[0], bytes=size, monitors=0, revision="", kind="damaged")
    return HistoryRow(
        snapshot=path.name,
        at=iso_millis(comment.wall),
        bytes=size,
        monitors=comment.monitors,
        revision=comment.revision,
        kind=comment.kind,
        base=comment.base,
    )


def verify(profile_dir: Path, snapshot: str) -> HistoryRow:
    """Reads every member of one snapshot and proves that together they are the revision it names.

    Raises Usage (`unknown_snapshot`), Bad (`snapshot_damaged`).
    """
    path = snapshot_path(profile_dir, snapshot)
    return _proven(path, verify_zip(path))


def read(profile_dir: Path, snapshot: str, wanted: Callable[[ZipMember], bool]) -> tuple[HistoryRow, ZipReport, dict[str, bytes]]:
    """Verifies one snapshot and reads the members that `wanted` says. Raises as `verify`, OSError."""
    path = snapshot_path(profile_dir, snapshot)
    report, contents = read_zip(path, wanted)
    return _proven(path, report), report, contents


def snapshot_path(profile_dir: Path, snapshot: str) -> Path:
    """The zip of that name. Raises Usage (`unknown_snapshot`)."""
    path = profile_dir / HISTORY / snapshot
    if path.name != snapshot or path.suffix != ".zip" or not path.is_file():
        raise Usage(
            f"There is no snapshot '{snapshot}'",
            where=str(profile_dir / HISTORY),
            hint="history list shows them",
            code="unknown_snapshot",
        )
    return path


def _proven(path: Path, report: ZipReport) -> HistoryRow:
    row = _row(path)
    if not report.sound:
        raise _damaged(path, "; ".join(report.problems[:3]))
    if row.revision != _revision(report.files):
        raise _damaged(path, "its files are not those of the revision it names")
    return row


def _revision(members: tuple[ZipMember, ...]) -> str:
    return revision_of(FileEntry(path=m.path, size=m.size, mode=m.mode, sha256=m.sha256) for m in members)


def prune(profile_dir: Path, backups: int) -> tuple[str, ...]:
    """Removes the oldest: `backups` scheduled ones stay, and ten of each other kind; returns what went.

    Edits are what people typed: they count by themselves and a damaged zip is never removed by program. Raises OSError.
    """
    seen: dict[str, int] = {}
    gone = []
    for row in list_history(profile_dir):
        seen[row.kind] = seen.get(row.kind, 0) + 1
        if row.kind in {"damaged", "edits"}:
            continue
        if seen[row.kind] > (max(backups, 0) if row.kind == "scheduled" else OTHERS_KEPT):
            (profile_dir / HISTORY / row.snapshot).unlink(missing_ok=True)
            gone.append(row.snapshot)
    return tuple(gone)


def _write(path: Path, root: Path, files: tuple[FileEntry, ...], comment: _Comment, disk: Disk) -> None:
    make_private_dir(path.parent, disk)
    temp = path.with_name(f".{path.name}{TEMP_SUFFIX}")
    try:
        written = write_zip(root, (entry.path for entry in files), temp, wall=comment.wall, disk=disk)
        if _revision(written.files) != comment.revision:
            raise corrupt(root, "its files are not those of its manifest")
        with temp.open("r+b") as file:
            with zipfile.ZipFile(file, "a") as archive:
                archive.comment = msgspec.json.encode(comment)
            disk.fsync(file.fileno())
        disk.replace(temp, path)
    except (OSError, Bad):
        temp.unlink(missing_ok=True)
        raise
    disk.fsync_dir(path.parent)


def _damaged(path: Path, what: str) -> Bad:
    return Bad(
        f"The snapshot is damaged: {what}",
        where=str(path),
        hint="Use another one; the current mirror is not touched by this",
        code="snapshot_damaged",
    )
