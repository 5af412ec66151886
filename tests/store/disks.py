"""Disks that stop the machine at a chosen step, for crash tests."""

import os
from pathlib import Path

from sitescope_fo.store.files import RealDisk


class Died(BaseException):
    """The machine stopped. No clean-up of the product runs after it."""


class DyingDisk(RealDisk):
    """Counts steps and dies before step `at` (1-based); 0 = never. After death every step dies, as no code would run.

    With `lose` the power went too. "names": renames in folders that were not fsynced since are undone. "data": the disk
    reordered, the renames are there and what was not fsynced is cut to half.
    """

    def __init__(self, at: int = 0, *, lose: str = "") -> None:
        self.at, self.lose, self.steps = at, lose, 0
        self._open: dict[int, Path] = {}
        self._torn: set[Path] = set()
        self._undo: list[tuple[Path, Path, bytes | str | None]] = []

    def _step(self) -> None:
        self.steps += 1
        if self.at and self.steps >= self.at:
            if self.steps == self.at and self.lose:
                self._lose_power()
            raise Died

    def _lose_power(self) -> None:
        if self.lose == "data":
            for path in self._torn:
                if path.exists():
                    data = path.read_bytes()
                    path.write_bytes(data[: len(data) // 2])
            return
        for _source, target, before in reversed(self._undo):
            target.unlink(missing_ok=True)
            if isinstance(before, bytes):
                target.write_bytes(before)
            elif isinstance(before, str):
                target.symlink_to(before)

    def create(self, path: Path, mode: int) -> int:
        self._step()
        fd = super().create(path, mode)
        self._open[fd] = path
        self._torn.add(path)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        self._step()
        os.write(fd, data[: len(data) // 2])
        self._step()
        super().write(fd, data[len(data) // 2 :])

    def fsync(self, fd: int) -> None:
        self._step()
        super().fsync(fd)
        self._torn.discard(self._open[fd])

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        before: bytes | str | None = None
        if target.is_symlink():
            before = str(target.readlink())
        elif target.is_file():
            before = target.read_bytes()
        super().replace(source, target)
        if source in self._torn:
            self._torn.remove(source)
            self._torn.add(target)
        if not target.is_dir() or target.is_symlink():
            self._undo.append((source, target, before))

    def fsync_dir(self, path: Path) -> None:
        self._step()
        super().fsync_dir(path)
        self._undo = [item for item in self._undo if item[1].parent != path]

    def symlink(self, target: str, link: Path) -> None:
        self._step()
        super().symlink(target, link)

    def unlink(self, path: Path) -> None:
        self._step()
        super().unlink(path)

    def mkdir(self, path: Path, mode: int) -> None:
        self._step()
        super().mkdir(path, mode)


def steps_of(act) -> int:
    """How many steps `act(disk)` takes."""
    disk = DyingDisk()
    act(disk)
    return disk.steps
