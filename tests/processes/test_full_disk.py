"""A real daemon on a small disk that is full: it goes on judging and mailing, says so, refuses edits, and catches up after it."""

import os
import shutil
import subprocess

import pytest

from tests.processes.daemon import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]
SIZE = "48m"
BLOCK = 64 * 1024


class SmallDisk:
    """A tmpfs over a folder, with what was in it; `fill` takes all that is left."""

    def __init__(self, folder):
        self.folder, self._aside = folder, folder.with_name(folder.name + ".aside")
        self._ballast = folder / "ballast"
        folder.rename(self._aside)
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", folder], check=True)
        shutil.copytree(self._aside, folder, dirs_exist_ok=True, symlinks=True)

    def fill(self):
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (BLOCK, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def free(self):
        self._ballast.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)
        shutil.rmtree(self.folder)
        shutil.rmtree(self._aside)


@pytest.fixture
def small_disk(stage):
    """Call it with a node's name: (the pair with that node's home on a small disk, the disk)."""
    if os.geteuid():
        pytest.skip("mounting a small disk needs root")
    pair = stage.build()
    disks = []

    def make(name):
        disks.append(SmallDisk(getattr(pair, name).home.parent))
        return pair.start(), disks[0]

    try:
        yield make
    except AssertionError as error:
        raise AssertionError(f"{error}{pair.tail()}") from error
    finally:
        pair.end()
        for disk in disks:
            disk.close()
        shutil.rmtree(pair.folder)


def _says_so(node):
    """Whether its status names what is wrong."""
    return "No space left" in str(node.status()) or "disk is full" in str(node.status())


def _tree(node):
    return {
        path: path.read_bytes() for part in ("groups", "persistence") for path in (node.home / part).rglob("*") if path.is_file()
    }


def test_a_primary_on_a_full_disk_judges_and_mails_and_catches_up(small_disk):
    pair, disk = small_disk("primary")
    primary, web = pair.primary, pair.town.web
    pair.wait_checked(primary, 0.0)
    before = _tree(primary)
    disk.fill()
    full = pair.now()
    web.fail("/a")
    pair.wait_letter("ERROR Shop/Page a", full)
    pair.wait_letter("FAULT", full)
    until(lambda: _says_so(primary), 20, "a status that says so")
    until(lambda: "disk is full" in str(pair.profile()), 20, "the failover hears that the disk is full")
    disk.fill()  # SQLite gives room back when it closes a file it could not write
    refused = primary.cli("group", "add", "Never", code=70)
    assert "No space left" in refused
    assert _tree(primary) == before
    disk.free()
    freed = pair.now()
    until(lambda: not _says_so(primary), 20, "a status without it")
    pair.wait_checked(primary, freed)
    during = [check for check in primary.checks(full) if check.started < freed and check.path == "Shop/Page a"]
    assert len(during) >= freed - full - 3, "what was measured meanwhile is written after all"
    assert not pair.took_over(full)
    primary.cli("group", "add", "Now it works")
    assert not list(primary.home.rglob(".*.tmp"))


def test_a_failover_whose_disk_fills_up_mirrors_again_afterwards_and_acts_all_the_same(small_disk):
    pair, disk = small_disk("failover")
    failover = pair.failover
    disk.fill()
    full = pair.now()
    pair.primary.cli("group", "add", "Written meanwhile")
    pair.wait_letter("FAULT", full)
    until(lambda: "fault" in pair.profile()["conditions"], 20, "the condition fault")
    assert pair.profile()["mirror"]["verified"], "the mirror there was is whole"
    disk.free()
    until(lambda: pair.profile()["conditions"] == [], 40, "no condition")
    until(lambda: not pair.profile()["mirror"]["drift"], 40, "the mirror is what the primary has")
    killed = pair.primary.kill()
    pair.takes_over(killed)
    pair.wait_checked(failover, killed)
    disk.fill()
    acting = pair.now()
    pair.town.web.fail("/b")
    pair.wait_letter("ERROR Shop/Page b", acting)
    pair.quiet_for(1)
    assert pair.profile()["position"] == "active"
    disk.free()
    freed = pair.now()
    pair.wait_checked(failover, freed)
    assert [check for check in failover.checks(acting) if check.started < freed], (
        "what was measured meanwhile is written after all"
    )
    assert not list(failover.home.rglob(".*.tmp"))
