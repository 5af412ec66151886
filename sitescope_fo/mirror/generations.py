"""Generations: whole verified copies of a primary's configuration, one of them current, and the working tree made from one.

    high_availability/failover/<host>/
      generations/<revision>/   groups persistence scripts templates MANIFEST.json; written once, never edited
      current -> generations/<revision>
      staging/                  what is being fetched, and a shrink that waits for a yes (shrink.json)
      working/                  the editable copy on which a failover runs while it acts
      spare/                    a tree of the past that the next generation is made from (large configurations only)
      history/                  zips (history.py)
      pinned                    the revision that must stay: the base of a merge

A kill at any point leaves the old or the new generation current, whole: a generation is made durable in staging/, renamed into
place and only then linked. All calls block; run them in one lane of the Work port a profile.
"""

from __future__ import annotations

from pathlib import Path

from sitescope_fo.mirror.history import edits_zip, is_kept
from sitescope_fo.mirror.laying import lay_file, lay_root, settle_tree
from sitescope_fo.mirror.manifest import ManifestBuilder
from sitescope_fo.mirror.record import Generation, corrupt, read_content, read_generation, verify_generation, write_record
from sitescope_fo.mirror.rules import MAX_FILE_BYTES, MIRRORED_FOLDERS
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.wire import FileEntry
from sitescope_fo.store.files import REAL, Disk, flip_link, make_private_dir, read_bytes_limited, remove_tree, write_atomic
from sitescope_fo.store.home import Home

GENERATIONS = "generations"
CURRENT = "current"
STAGING = "staging"
WORKING = "working"
PINNED = "pinned"
SPARE = "spare"
NEWEST_KEPT = 2
SPARE_FROM = 500
"""From so many files on, a tree that has served is kept for the next generation: to change the few files that differ takes as
long as hashing all of them, to lay 10,000 new ones out in as many folders and to remove the old ones 5 to 20 s (ext4)."""
EDITABLE = 0o600


def linked_revision(profile_dir: Path) -> str:
    """The revision that `current` points at, whether it is there and whole or not; "" without a link."""
    try:
        target = (profile_dir / CURRENT).readlink()
    except OSError:
        return ""
    return target.name if target.parts[:-1] == (GENERATIONS,) else ""


def current(profile_dir: Path) -> Generation | None:
    """The current generation, by its record; None when there is none or its record cannot be read."""
    revision = linked_revision(profile_dir)
    return find_generation(profile_dir, revision) if revision else None


def find_generation(profile_dir: Path, revision: str) -> Generation | None:
    """The generation of that revision; None when it is not there, or is another's."""
    try:
        found = read_generation(profile_dir / GENERATIONS / revision)
    except SiteScopeError:
        return None
    return found if found.revision == revision else None


def generations(profile_dir: Path) -> tuple[Generation, ...]:
    """All with a readable record, newest first."""
    folder = profile_dir / GENERATIONS
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = [generation for name in names if (generation := find_generation(profile_dir, name)) is not None]
    return tuple(sorted(found, key=lambda generation: generation.record.serial, reverse=True))


def next_serial(profile_dir: Path) -> int:
    """The serial of the generation to be made next."""
    return max((generation.record.serial for generation in generations(profile_dir)), default=0) + 1


def commit_generation(profile_dir: Path, staged: Path, *, flip: bool, verified: bool = False, disk: Disk = REAL) -> Generation:
    """Moves a finished tree from staging/ to generations/ and, with `flip`, makes it current; durable when it returns.

    `staged` may also be a generation already. `verified`: the caller has just proven every file of it. A damaged generation of
    the same revision is replaced. Raises Bad (`generation_corrupt`) when the tree is not whole, OSError.
    """
    problems = () if verified else verify_generation(staged)
    if problems:
        raise corrupt(staged, "; ".join(problems))
    revision = read_generation(staged).revision
    target = profile_dir / GENERATIONS / revision
    make_private_dir(target.parent, disk)
    if staged != target:
        if target.exists() or target.is_symlink():
            _discard(profile_dir, target, disk)
        disk.replace(staged, target)
        disk.fsync_dir(target.parent)
        disk.fsync_dir(staged.parent)
    if flip:
        make_current(profile_dir, revision, disk)
    return read_generation(target)


def make_current(profile_dir: Path, revision: str, disk: Disk = REAL) -> None:
    """Links `current` to a generation, in one durable step. The caller has verified it. Raises OSError."""
    if linked_revision(profile_dir) != revision:
        flip_link(profile_dir / CURRENT, f"{GENERATIONS}/{revision}", disk)


def pinned(profile_dir: Path) -> str | None:
    """The revision that `clean` keeps as the base of a merge; None when none is pinned. Raises OSError."""
    try:
        return (profile_dir / PINNED).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def pin(profile_dir: Path, revision: str, disk: Disk = REAL) -> None:
    """Keeps that generation from `clean`, in place of the one pinned before. Durable when it returns. Raises OSError."""
    if pinned(profile_dir) != revision:
        write_atomic(profile_dir / PINNED, f"{revision}\n".encode(), disk=disk)


def unpin(profile_dir: Path) -> None:
    """Lets `clean` have it again. Raises OSError."""
    remove_tree(profile_dir / PINNED)


def clean(profile_dir: Path, *, keep: frozenset[str] = frozenset(), disk: Disk = REAL) -> tuple[str, ...]:
    """Removes generations but the current one, the pinned one, those in `keep`, and the newest two; returns what went.

    A damaged one goes too, unless it is current or pinned. A large one becomes the spare tree if there is none. Raises OSError.
    """
    folder = profile_dir / GENERATIONS
    if not folder.is_dir():
        return ()
    newest = {generation.revision for generation in generations(profile_dir)[:NEWEST_KEPT]}
    staying = newest | keep | {linked_revision(profile_dir), pinned(profile_dir)}
    gone = sorted(path.name for path in folder.iterdir() if path.name not in staying)
    for name in gone:
        retired = find_generation(profile_dir, name)
        if retired is not None and len(retired.files) >= SPARE_FROM and not (profile_dir / SPARE).exists():
            disk.replace(folder / name, profile_dir / SPARE)
        else:
            _discard(profile_dir, folder / name, disk)
    return tuple(gone)


def lay_spare(profile_dir: Path, disk: Disk = REAL, least: int = SPARE_FROM) -> bool:
    """Makes the spare tree of a mirror of `least` files or more that has none yet, a copy of the current generation.

    Whether it did.

    Nobody trusts it, so it may be torn or damaged; it only saves time. Raises OSError.
    """
    generation = current(profile_dir)
    spare = profile_dir / SPARE
    if generation is None or len(generation.files) < least or spare.exists():
        return False
    lay_root(spare, disk)
    made = set(MIRRORED_FOLDERS)
    for entry in generation.files:
        data = read_bytes_limited(generation.path / entry.path, MAX_FILE_BYTES, follow=False)
        lay_file(spare, entry.path, entry.mode, data, disk, made)
    return True


def lay_out_working(profile_dir: Path, revision: str, *, disk: Disk = REAL) -> Path:
    """Makes working/ a fresh, durable copy of that generation. Edits of an older working tree are kept as an edits zip first.

    A kill leaves the old tree, none, or the new one, never a mix; `working_base` says which. Raises Bad
    (`generation_corrupt`) when the generation is not whole, OSError.
    """
    fresh = lay_out(profile_dir, revision, WORKING, disk=disk)
    retire_working(profile_dir, disk=disk)
    disk.replace(fresh, profile_dir / WORKING)
    disk.fsync_dir(profile_dir)
    return profile_dir / WORKING


def lay_out(profile_dir: Path, revision: str, name: str, *, disk: Disk = REAL) -> Path:
    """A fresh, durable, editable copy of that generation, with its record: `staging/<name>`.

    Raises Bad (`generation_corrupt`) when the generation is not whole, OSError.
    """
    generation = find_generation(profile_dir, revision)
    if generation is None:
        raise corrupt(profile_dir / GENERATIONS / revision, "it is not there, or its record cannot be read")
    fresh = profile_dir / STAGING / name
    make_private_dir(fresh.parent, disk)
    remove_tree(fresh)
    lay_root(fresh, disk)
    made = set(MIRRORED_FOLDERS)
    for entry in generation.files:
        lay_file(fresh, entry.path, entry.mode | EDITABLE, read_content(generation.path, entry), disk, made)
    write_record(fresh, generation.record, disk)
    settle_tree(fresh, disk)
    return fresh


def working_base(profile_dir: Path) -> str:
    """The revision that working/ was laid out from; "" when there is no working tree, or it lost its record."""
    try:
        return read_generation(profile_dir / WORKING).revision
    except SiteScopeError:
        return ""


def working_edits(profile_dir: Path, base_rev: str) -> list[str]:
    """Paths that were added, changed or removed in working/ since that generation, sorted; [] when there is no working tree.

    When the record of the base is gone every file counts as an edit. Raises Refused (`mirror_too_large`), OSError.
    """
    working = profile_dir / WORKING
    if not working.is_dir():
        return []
    base = read_generation(working) if working_base(profile_dir) == base_rev else find_generation(profile_dir, base_rev)
    before = _hashes(base.files) if base is not None else {}
    now = _hashes(ManifestBuilder(Home(working), "").build(full=True).files)
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))


def retire_working(profile_dir: Path, *, disk: Disk = REAL) -> Path | None:
    """Removes working/. What was edited in it is kept as an edits zip, stamped with the time of the last edit, and returned.

    None: nothing was edited, or the same edits are in the history already. The zip is durable before the tree goes. Raises
    Refused (`mirror_too_large`), OSError.
    """
    working = profile_dir / WORKING
    if not working.is_dir():
        return None
    base = working_base(profile_dir)
    edits = working_edits(profile_dir, base)
    kept = None
    if edits and not is_kept(profile_dir, working):
        kept = edits_zip(profile_dir, base, edits, wall=_last_edit(working, edits), disk=disk)
    gone = profile_dir / STAGING / f"gone-{WORKING}"
    make_private_dir(gone.parent, disk)
    remove_tree(gone)
    disk.replace(working, gone)
    disk.fsync_dir(profile_dir)
    remove_tree(gone)
    return kept


def _last_edit(working: Path, edits: list[str]) -> float:
    """When the newest edited file was written (POSIX seconds); for removals alone, when the tree was last changed at its top."""
    there = [working / path for path in edits if (working / path).exists()]
    return max(path.stat().st_mtime for path in there or [working])


def _hashes(files: tuple[FileEntry, ...]) -> dict[str, str]:
    return {entry.path: entry.sha256 for entry in files}


def _discard(profile_dir: Path, path: Path, disk: Disk) -> None:
    """Moves a tree to staging/ and removes it there, so that a kill leaves no half generation among the whole ones."""
    target = profile_dir / STAGING / f"gone-{path.name[:80]}"
    make_private_dir(target.parent, disk)
    remove_tree(target)
    disk.replace(path, target)
    remove_tree(target)
