"""Zip archives of a configuration: written whole or not at all, and never trusted when read.

Members are named as below a SiteScope root (`groups/…`, `persistence/…`), so that a plain `unzip` over the root rebuilds it;
the member MANIFEST.json lists size, mode and SHA-256 of each.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from sitescope_fo.model.errors import Bad
from sitescope_fo.store.files import REAL, Disk, make_private_dir, temp_file
from sitescope_fo.store.stamp import iso_millis

MANIFEST = "MANIFEST.json"
MAX_MEMBERS = 100_000
MAX_BYTES = 2 * 1024**3
MAX_RATIO = 1000
"""deflate cannot do better than 1032:1; real configuration stays below 50."""
_RATIO_FROM = 16 * 1024**2
_CHUNK = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)
"""What zipfile raises on hostile bytes: found with Hypothesis, see tests/store/test_zips.py."""


class ZipMember(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive."""

    path: str
    size: int
    mode: int
    sha256: str


class ZipManifest(msgspec.Struct, frozen=True, kw_only=True):
    """MANIFEST.json."""

    format: int = 1
    made: str = ""
    files: tuple[ZipMember, ...] = ()


class ZipReport(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found; `problems` is empty when every byte is what the manifest says."""

    path: str
    made: str = ""
    files: tuple[ZipMember, ...] = ()
    size: int = 0
    """Unpacked bytes."""
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the archive may be unpacked."""
        return not self.problems


def write_zip(root: Path, names: Iterable[str], target: Path, *, wall: float, disk: Disk = REAL) -> ZipManifest:
    """Packs the files `names` (relative to `root`, "/") into `target`, mode 0600, in name order; durable when it returns.

    The same files and `wall` give the same bytes. Raises OSError when a file is missing, is a link or cannot be read;
    `target` is then as before.
    """
    members = []
    when = datetime.fromtimestamp(max(wall, 315532800.0), UTC).timetuple()[:6]  # zip knows no year before 1980
    with temp_file(target, 0o600, disk) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(set(names)):
            why = _name_problem(name)
            if why:
                raise OSError(f"{name!r} {why}")
            members.append(_pack(archive, root, name, when))
        manifest = ZipManifest(made=iso_millis(wall), files=tuple(members))
        archive.writestr(_info(MANIFEST, when, 0o600), msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _info(name: str, when: tuple[int, ...], mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (when[0], when[1], when[2], when[3], when[4], when[5]))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix: external_attr holds the mode
    info.external_attr = (stat.S_IFREG | mode) << 16
    return info


def _pack(archive: zipfile.ZipFile, root: Path, name: str, when: tuple[int, ...]) -> ZipMember:
    fd = os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as source:
        mode = stat.S_IMODE(os.fstat(fd).st_mode) & 0o777
        digest, size = hashlib.sha256(), 0
        with archive.open(_info(name, when, mode), "w") as member:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                member.write(chunk)
    return ZipMember(path=name, size=size, mode=mode, sha256=digest.hexdigest())


def _name_problem(name: str) -> str:
    """Why a member must not have that name."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or ":" in parts[0]:
        return "is not a relative path"
    if any(part in {"", ".", ".."} for part in parts):
        return "leaves its folder"
    if any(not c.isprintable() for c in name) or len(name.encode("utf-8", "replace")) > 1000:
        return "contains characters that no path of ours has"
    return ""


def verify_zip(path: Path) -> ZipReport:
    """Checks every member of an archive against its check sum and the manifest, without unpacking it.

    Raises OSError when the file cannot be opened, and nothing for its content.
    """
    with path.open("rb") as file:
        return _verify(file, path)


def read_zip(path: Path, wanted: Callable[[ZipMember], bool]) -> tuple[ZipReport, dict[str, bytes]]:
    """Checks an archive as `verify_zip` and, when it is sound, reads the members that `wanted` says.

    Raises OSError when the file cannot be opened.
    """
    with path.open("rb") as file:
        report = _verify(file, path)
        if not report.sound:
            return report, {}
        with zipfile.ZipFile(file) as archive:
            return report, {member.path: archive.read(member.path) for member in report.files if wanted(member)}


def _verify(file: IO[bytes], path: Path) -> ZipReport:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            problems = _shape_problems(members)
            if problems:
                return ZipReport(path=str(path), problems=tuple(problems))
            return _compare(archive, members, path)
    except _UNREADABLE as error:
        return ZipReport(path=str(path), problems=(f"The archive is damaged: {error}",))


def _shape_problems(members: list[zipfile.ZipInfo]) -> list[str]:
    """What is wrong with the names, kinds and sizes that the directory of the archive declares."""
    if len(members) > MAX_MEMBERS:
        return [f"It has {len(members)} members; the limit is {MAX_MEMBERS}"]
    problems = []
    seen: set[str] = set()
    folders: set[str] = set()
    for info in members:
        name = info.filename.removesuffix("/")
        why = _name_problem(name)
        if not why and stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            why = "is a link or a device"
        if not why and info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            why = "is packed in a way that is not supported"
        if not why and info.flag_bits & 1:
            why = "is encrypted"
        if not why and name in seen:
            why = "is there twice"
        if not why and info.file_size > _RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            why = "unpacks to a suspicious size"
        if why:
            problems.append(f"{info.filename!r} {why}")
        seen.add(name)
        parts = name.split("/")
        folders.update("/".join(parts[:i]) for i in range(1, len(parts)))
    problems += [f"{i.filename!r} is a file and a folder" for i in members if not i.is_dir() and i.filename in folders]
    if sum(info.file_size for info in members) > MAX_BYTES:
        problems.append(f"It unpacks to more than {MAX_BYTES} bytes")
    return problems


def _compare(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], path: Path) -> ZipReport:
    """Reads every member (zipfile checks the CRC) and holds it against the manifest."""
    if MANIFEST not in archive.namelist():
        return ZipReport(path=str(path), problems=(f"It has no {MANIFEST}; it was not made by this product",))
    try:
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=ZipManifest)
    except msgspec.MsgspecError as error:
        return ZipReport(path=str(path), problems=(f"{MANIFEST} is damaged: {error}",))
    wanted = {member.path: member for member in manifest.files}
    files = {i.filename: i for i in members if not i.is_dir() and i.filename != MANIFEST}
    problems = [f"{name!r} is missing" for name in wanted if name not in files]
    problems += [f"{name!r} is not in the manifest" for name in files if name not in wanted]
    for name in sorted(files.keys() & wanted.keys()):
        digest = hashlib.sha256()
        try:
            with archive.open(files[name]) as member:
                while chunk := member.read(_CHUNK):
                    digest.update(chunk)
        except _UNREADABLE as error:
            problems.append(f"{name!r} is damaged: {error}")
            continue
        if digest.hexdigest() != wanted[name].sha256:
            problems.append(f"{name!r} is not what the manifest says")
    return ZipReport(
        path=str(path),
        made=manifest.made,
        files=manifest.files,
        size=sum(member.size for member in manifest.files),
        problems=tuple(problems),
    )


def extract_zip(path: Path, into: Path, disk: Disk = REAL) -> ZipReport:
    """Unpacks a verified archive into `into`, a new or empty folder; modes at most those of the manifest, never set-uid.

    Every file is durable when it returns. Raises Bad (`zip_damaged`) before anything is written, OSError while writing.
    """
    with path.open("rb") as file:
        report = _verify(file, path)
        if not report.sound:
            more = f" and {len(report.problems) - 1} more" if len(report.problems) > 1 else ""
            raise Bad(
                f"The archive is not sound: {report.problems[0]}{more}",
                where=str(path),
                hint="Use another snapshot",
                code="zip_damaged",
            )
        make_private_dir(into, disk)
        if any(into.iterdir()):
            raise FileExistsError(f"{into} is not empty")
        with zipfile.ZipFile(file) as archive:
            for member in report.files:
                target = into / member.path
                make_private_dir(target.parent, disk)
                with temp_file(target, member.mode & 0o755 | 0o600, disk) as out, archive.open(member.path) as source:
                    while chunk := source.read(_CHUNK):
                        out.write(chunk)
    return report
