"""Finds and reads the files of a configuration tree: groups/**/group.toml and persistence/*.toml."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from sitescope_fo.model.errors import Problem
from sitescope_fo.store.files import read_bytes_limited
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES

GROUP_FILE = "group.toml"
MAX_GROUPS = 20_000
MAX_DEPTH = 32


class TreeFiles(msgspec.Struct, kw_only=True):
    """What was read. Paths are relative to the tree root, with "/"."""

    groups: dict[str, bytes] = msgspec.field(default_factory=dict)
    """Folder ("" = groups/ itself, "Web/Shop") -> content of its group.toml."""
    folders: list[str] = msgspec.field(default_factory=list)
    """Every group folder, parents first, also those that only hold sub-groups."""
    unread: dict[str, str] = msgspec.field(default_factory=dict)
    """Folder -> SHA-256 of its group.toml, where that was proven and the caller knows its content."""
    persistence: dict[str, bytes] = msgspec.field(default_factory=dict)
    """File name -> content."""
    problems: list[Problem] = msgspec.field(default_factory=list)
    warnings: list[Problem] = msgspec.field(default_factory=list)


def group_file(folder: str) -> str:
    """The relative path of a group's file."""
    return f"groups/{folder}/{GROUP_FILE}" if folder else f"groups/{GROUP_FILE}"


def read_tree_files(root: Path, overlay: Mapping[str, bytes | None]) -> TreeFiles:
    """Reads a tree; `overlay` (relative path -> content, None = gone) stands in front of the disk, for trying an edit."""
    files = TreeFiles()
    if not (root / "groups").is_dir():
        files.problems.append(
            Problem(file="groups", what="The groups folder is missing", hint="Restore it, or make an empty one for no monitors")
        )
    else:
        _walk(str(root), "", files, overlay)
    for path, content in overlay.items():
        folder = path.removeprefix("groups/").removesuffix(GROUP_FILE).rstrip("/")
        if path.startswith("groups/") and content is not None and folder not in files.groups:
            files.groups[folder] = content
    _keep_group_folders(files)
    _read_persistence(str(root), files, overlay)
    return files


def listed_tree_files(root: Path, listing: Mapping[str, str], knows: Callable[[str, str], bool]) -> TreeFiles:
    """What `read_tree_files` finds in a tree that holds exactly the files of `listing` (relative path -> SHA-256), all proven.

    No folder is listed, and a group file is opened only when `knows` its folder and SHA-256 not: 10,000 folders take 0.03 s.
    """
    files, folders = TreeFiles(), set[str]()
    for path, sha256 in listing.items():
        if not path.startswith("groups/"):
            continue
        folder, _, name = path.removeprefix("groups/").rpartition("/")
        above = folder
        while above and above not in folders:
            folders.add(above)
            above = above.rpartition("/")[0]
        if name != GROUP_FILE:
            if name.endswith(".toml"):
                files.warnings.append(_passed_over(path))
        elif knows(folder, sha256):
            files.unread[folder] = sha256
        else:
            _read(str(root), path, files.groups, folder, files, {})
    if len(folders) > MAX_GROUPS or any(folder.count("/") >= MAX_DEPTH for folder in folders):
        return read_tree_files(root, {})  # which says where the limit is
    files.folders = sorted(folders)
    _keep_group_folders(files)
    _read_persistence(str(root), files, {})
    return files


def _walk(root: str, folder: str, files: TreeFiles, overlay: Mapping[str, bytes | None]) -> None:
    """Takes in one folder and all below it. Paths are texts here: making 10,000 Path objects takes longer than reading."""
    shown = f"groups/{folder}".rstrip("/")
    try:
        entries = sorted(os.scandir(f"{root}/{shown}"), key=_name)
    except OSError as error:
        files.problems.append(_unreadable(shown, error))
        return
    if folder.count("/") >= MAX_DEPTH or len(files.folders) >= MAX_GROUPS:
        limit = f"{MAX_DEPTH} levels deep" if folder.count("/") >= MAX_DEPTH else f"{MAX_GROUPS} groups"
        files.problems.append(Problem(file=shown, what=f"Groups go beyond the limit of {limit}"))
        return
    if folder:
        files.folders.append(folder)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        child = f"{folder}/{entry.name}".lstrip("/")
        if not entry.name.isprintable() and not _is_text(entry.name):
            files.problems.append(Problem(file=shown, what="A name in this folder is not UTF-8", hint=repr(entry.name)))
        elif entry.is_symlink():
            if entry.is_dir() or entry.name == GROUP_FILE:
                files.problems.append(
                    Problem(file=f"groups/{child}", what="Symbolic links are not followed in groups", hint="Copy it here instead")
                )
        elif entry.is_dir():
            _walk(root, child, files, overlay)
        elif entry.name == GROUP_FILE:
            _read(root, f"groups/{child}", files.groups, folder, files, overlay)
        elif entry.name.endswith(".toml"):
            files.warnings.append(_passed_over(f"groups/{child}"))


def _passed_over(path: str) -> Problem:
    return Problem(file=path, what="This file is not read", hint=f"A group's file is named {GROUP_FILE}")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(
    root: str,
    path: str,
    into: dict[str, bytes],
    key: str,
    files: TreeFiles,
    overlay: Mapping[str, bytes | None],
) -> None:
    try:
        content = overlay[path] if path in overlay else read_bytes_limited(f"{root}/{path}", MAX_FILE_BYTES, follow=False)
    except FileNotFoundError:
        return  # removed since the folder was listed: as if it had never been there
    except OSError as error:
        files.problems.append(_unreadable(path, error))
        return
    if content is not None:
        into[key] = content


def _unreadable(path: str, error: OSError) -> Problem:
    hints = {
        errno.EACCES: "Give the node's user the right to read it",
        errno.EFBIG: f"A file may have at most {MAX_FILE_BYTES // 1024**2} MiB",
        errno.EINVAL: "Only regular files are read",
        errno.ELOOP: "Symbolic links are not followed here",
    }
    return Problem(file=path, what=f"Cannot be read: {error.strerror}", hint=hints.get(error.errno or 0, ""))


def _keep_group_folders(files: TreeFiles) -> None:
    """Leaves the folders that have a group file in or below them, and says which others are passed over."""
    wanted: set[str] = set()
    for folder in (*files.groups, *files.unread):
        parts = folder.split("/") if folder else []
        wanted.update("/".join(parts[: i + 1]) for i in range(len(parts)))
    empty = [folder for folder in files.folders if folder not in wanted]
    files.warnings += [
        Problem(file=f"groups/{folder}", what=f"This folder has no {GROUP_FILE} and is not read")
        for folder in empty
        if "/" not in folder or folder.rpartition("/")[0] in wanted
    ]
    files.folders = sorted(wanted, key=lambda folder: folder.split("/"))


def _read_persistence(root: str, files: TreeFiles, overlay: Mapping[str, bytes | None]) -> None:
    try:
        names = {entry.name for entry in os.scandir(f"{root}/persistence")}
    except FileNotFoundError:
        names = set()
    except OSError as error:
        files.problems.append(_unreadable("persistence", error))
        return
    names |= {path.removeprefix("persistence/") for path in overlay if path.startswith("persistence/")}
    for name in sorted(names):
        if name.endswith(".toml") and not name.startswith("."):
            _read(root, f"persistence/{name}", files.persistence, name, files, overlay)


def tree_revision(files: Mapping[str, str]) -> str:
    """One SHA-256 over (relative path, SHA-256 of the content) of every file, in path order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def tree_fingerprint(root: Path) -> str:
    """A cheap signature (size, mtime, ctime, inode and kind of each file and folder) that changes when the tree may have.

    A writer can set mtime back, not ctime. Reads no file: 10,000 files take 0.08 s. Something that cannot be looked at is part of
    the signature, not an error.
    """
    digest = hashlib.sha256()
    for top in ("groups", "persistence", "scripts", "templates"):  # what is mirrored
        lines: list[str] = []
        _stats(f"{root}/{top}", top, lines)
        digest.update("".join(lines).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _stats(folder: str, shown: str, lines: list[str]) -> None:
    try:
        with os.scandir(folder) as listed:
            entries = [entry for entry in listed if not entry.name.startswith(".")]
    except OSError as error:
        lines.append(f"{shown}\0error {error.errno}\n")
        return
    if len(entries) > 1:
        entries.sort(key=_name)
    lines.append(f"{shown}\0folder\n")
    for entry in entries:
        name = entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                _stats(f"{folder}/{name}", f"{shown}/{name}", lines)
                continue
            info = entry.stat(follow_symlinks=False)
        except OSError as error:
            lines.append(f"{shown}/{name}\0error {error.errno}\n")
            continue
        lines.append(f"{shown}/{name}\0{info.st_mode} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}\n")
