"""Writes missing ids into group files: one line under each header, so that everything a person wrote stays as it is."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

from sitescope_fo.model.errors import Problem
from sitescope_fo.store.edit_text import insert_ids
from sitescope_fo.store.files import Disk, read_bytes_limited, write_atomic
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES, Document
from sitescope_fo.store.tree_drafts import GroupDraft
from sitescope_fo.store.tree_files import group_file
from sitescope_fo.store.tree_names import GivenIds, Names

__all__ = ["GivenIds", "write_missing_ids"]


def write_missing_ids(
    root: Path, drafts: dict[str, GroupDraft], names: Names, disk: Disk
) -> tuple[dict[str, str], list[Problem]]:
    """Relative path -> new SHA-256 of each file written, and a warning for each that could not be.

    A file that changed since it was read is left for the next load.
    """
    missing: dict[str, dict[KeyPath, str]] = {}
    for place in names.places.values():
        if not place.has_id:
            missing.setdefault(place.folder, {})[place.at] = place.id
    hashes: dict[str, str] = {}
    warnings: list[Problem] = []
    for folder, ids in missing.items():
        document = drafts[folder].document
        text = insert_ids(document.text, ids)
        content = text.encode()
        if text == document.text or not _says_the_same(document, content, ids):
            warnings.append(
                Problem(
                    file=document.file,
                    what="No id can be written into this file; its monitors lose their history at a restart",
                    hint="Write each one under a [[monitor]], [[alert]] or [group] header of its own",
                )
            )
            continue
        try:
            if read_bytes_limited(root / document.file, MAX_FILE_BYTES) == document.text.encode():
                write_atomic(root / document.file, content, _mode(root / document.file), disk)
                hashes[group_file(folder)] = hashlib.sha256(content).hexdigest()
        except OSError as error:
            what = f"No id can be written into this file: {error.strerror}"
            warnings.append(Problem(file=document.file, what=what, hint="Let the node's user write it"))
    return hashes, warnings


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _says_the_same(document: Document, content: bytes, ids: dict[KeyPath, str]) -> bool:
    """Whether the new text is the old one plus exactly these ids."""
    wanted = copy.deepcopy(document.table)
    for path, identity in ids.items():
        table: object = wanted
        for part in path:
            if isinstance(table, dict) and isinstance(part, str):
                table = table.setdefault(part, {})
            elif isinstance(table, list) and isinstance(part, int):
                table = table[part]
        if isinstance(table, dict):
            table["id"] = identity
    return Document(document.file, content).table == wanted
