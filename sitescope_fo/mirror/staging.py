"""A generation in the making: what is here already is copied, the rest fetched, and nothing counts before all is whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sitescope_fo.mirror.bundle import unpack
from sitescope_fo.mirror.generations import GENERATIONS, SPARE, STAGING, next_serial
from sitescope_fo.mirror.history import HISTORY
from sitescope_fo.mirror.laying import FOLDER_MODE, lay_file, lay_root
from sitescope_fo.mirror.record import Generation, Record, finish_tree, verify_generation
from sitescope_fo.mirror.rules import MAX_FILE_BYTES, MIRRORED_FOLDERS
from sitescope_fo.mirror.scan import Scan, scan_tree
from sitescope_fo.mirror.shrink import SHRINK, read_staged
from sitescope_fo.model.wire import FileEntry, Manifest
from sitescope_fo.store.files import REAL, Disk, make_private_dir, read_bytes_limited, remove_tree, sweep_temps


class Stage:
    """One generation being laid down in staging/. All calls block; the manifest has been checked (`rules.check_manifest`)."""

    def __init__(self, profile_dir: Path, manifest: Manifest, disk: Disk = REAL, spare: Scan | None = None) -> None:
        """`spare`: what a scan has just found in the spare tree; None: it is looked at when it is needed."""
        self._profile_dir = profile_dir
        self._manifest = manifest
        self._disk = disk
        self._spare = spare
        self._folders: set[str] = set()
        self.revision = manifest.revision
        self.path = profile_dir / STAGING / self.revision
        """Where the tree is: in staging/, or in generations/ when that very revision is there already, whole."""

    def begin(self, have: Generation | None) -> tuple[FileEntry, ...]:
        """Starts, copies from `have` what this tree lacks and `have` holds, and returns the files to fetch, in order.

        It starts from what an interrupted attempt left, or from the spare tree; what is wrong there is removed, by content and
        not by anything that was noted of it. A file is recognised by its content, so a renamed one is not fetched. Copies, not
        hard links: a generation that is damaged later must not take its neighbour with it. Each copy's hash is checked, so
        damage is fetched anew. When this very revision is here already, whole, nothing is to fetch. Raises OSError.
        """
        there = self._profile_dir / GENERATIONS / self.revision
        if there.is_dir() and not verify_generation(there):
            self.path = there
            return ()
        kept = self._start()
        places = {entry.sha256: entry.path for entry in have.files} if have is not None else {}
        missing = []
        for entry in self._manifest.files:
            if entry.path in kept:
                continue
            data = _content(have, places.get(entry.sha256, ""), entry)
            if data is None:
                missing.append(entry)
            else:
                lay_file(self.path, entry.path, entry.mode, data, self._disk, self._folders)
        return tuple(missing)

    def _start(self) -> set[str]:
        """Makes the tree one that holds nothing wrong; returns the files that are right already."""
        make_private_dir(self.path.parent, self._disk)
        scan, spare = None, self._profile_dir / SPARE
        for place in (self.path, spare):
            if place.is_symlink() or not place.is_dir():
                remove_tree(place)
        if spare.exists() and not self.path.exists():
            self._disk.replace(spare, self.path)
            scan = self._spare
        if not self.path.exists():
            lay_root(self.path, self._disk)
            self._folders.update(MIRRORED_FOLDERS)
            return set()
        scan = scan or scan_tree(self.path)
        right = {entry.path for entry in self._manifest.files if scan.files.get(entry.path) == entry}
        for path in (*scan.strange, *(path for path in scan.files if path not in right)):
            self._disk.unlink(self.path / path)
        needed = set(MIRRORED_FOLDERS)
        for entry in self._manifest.files:
            folder = entry.path.rpartition("/")[0]
            while folder not in needed:
                needed.add(folder)
                folder = folder.rpartition("/")[0]
        for folder in reversed(scan.folders):
            if folder not in needed:
                (self.path / folder).rmdir()
        self._folders.update(folder for folder in scan.folders if folder in needed)
        for folder in MIRRORED_FOLDERS:
            if folder not in self._folders:
                self._disk.mkdir(self.path / folder, FOLDER_MODE)
                self._folders.add(folder)
        return right

    def add(self, data: bytes, wanted: tuple[FileEntry, ...]) -> None:
        """Lays down the files of one bundle; each is proven against the manifest first. Raises Bad (see `unpack`), OSError."""
        for entry, content in unpack(data, wanted):
            lay_file(self.path, entry.path, entry.mode, content, self._disk, self._folders)

    def finish(self, monitors: tuple[tuple[str, str], ...], wall: float) -> Path:
        """Writes the record, makes all durable, and returns the tree for `commit_generation`. Raises OSError."""
        if self._is_generation:
            return self.path
        record = Record(manifest=self._manifest, monitors=monitors, made_wall=wall, serial=next_serial(self._profile_dir))
        finish_tree(self.path, record, self._disk)
        return self.path

    def drop(self) -> None:
        """Forgets it. Raises OSError."""
        if not self._is_generation:
            remove_tree(self.path)

    @property
    def _is_generation(self) -> bool:
        return self.path.parent.name == GENERATIONS


def _content(have: Generation | None, path: str, entry: FileEntry) -> bytes | None:
    if have is None or not path:
        return None
    try:
        data = read_bytes_limited(have.path / path, MAX_FILE_BYTES, follow=False)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == entry.sha256 and len(data) == entry.size else None


def clean_staging(profile_dir: Path, disk: Disk = REAL) -> None:
    """Removes, at start, what interrupted mirroring left; a shrink that waits for a yes stays. Raises OSError."""
    make_private_dir(profile_dir, disk)
    sweep_temps(profile_dir)
    sweep_temps(profile_dir / HISTORY)
    folder = profile_dir / STAGING
    if not folder.is_dir():
        return
    staged = read_staged(profile_dir)
    waiting = {SHRINK, staged.revision} if staged is not None else set()
    for path in folder.iterdir():
        if path.name not in waiting:
            remove_tree(path)
