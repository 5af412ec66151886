"""A disk that stops the machine at a chosen step, also in the middle of a tree of files."""

import os

from sitescope_fo.store.files import RealDisk


class Died(BaseException):
    """The machine stopped; nothing of the product runs after it."""


class DyingDisk(RealDisk):
    """Dies before step `at` (1-based, 0 = never), and at every later one.

    `lose`: the power went too. "data": content of files that were not synced is cut in half. "names": renames in folders that
    were not synced since are undone.
    """

    def __init__(self, at=0, lose="", root=None):
        self.at, self.lose, self.root, self.steps = at, lose, root, 0
        self._torn = set()
        self._renames = []

    def _step(self):
        self.steps += 1
        if self.at and self.steps >= self.at:
            if self.steps == self.at:
                self._lose_power()
            raise Died

    def _lose_power(self):
        if self.lose == "data":
            for path in self.root.rglob("*"):
                if path.lstat().st_ino in self._torn:
                    os.truncate(path, path.stat().st_size // 2)
        if self.lose == "names":
            for source, target, link in reversed(self._renames):
                if link is not None:
                    target.unlink()
                    if link:
                        target.symlink_to(link)
                elif target.exists() and not source.exists() and source.parent.exists():
                    target.rename(source)

    def create(self, path, mode):
        self._step()
        fd = super().create(path, mode)
        self._torn.add(os.fstat(fd).st_ino)
        return fd

    def write(self, fd, data):
        self._step()
        os.write(fd, data[: len(data) // 2])
        self._step()
        super().write(fd, data[len(data) // 2 :])

    def fsync(self, fd):
        self._step()
        super().fsync(fd)
        self._torn.discard(os.fstat(fd).st_ino)

    def replace(self, source, target):
        self._step()
        link = None
        if source.is_symlink():
            link = str(target.readlink()) if target.is_symlink() else ""
        super().replace(source, target)
        self._renames.append((source, target, link))

    def fsync_dir(self, path):
        self._step()
        super().fsync_dir(path)
        self._renames = [item for item in self._renames if item[1].parent != path]

    def sync_all(self, root):
        self._step()
        super().sync_all(root)
        self._torn.clear()
        self._renames.clear()

    def symlink(self, target, link):
        self._step()
        super().symlink(target, link)

    def unlink(self, path):
        self._step()
        super().unlink(path)

    def mkdir(self, path, mode):
        self._step()
        super().mkdir(path, mode)
