"""Loads a configuration tree: reads, checks all of it, gives ids to what has none. All problems come at once.

A load reads every file, so that no time stamp can mislead it (10,000 monitors in 200 files: 8 ms), unless the caller has just
proven what each holds. Only changed content is parsed again when the caller keeps a `ParseCache` (70 to 300 µs a monitor), also
over a restart when that has a compiled cache.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from sitescope_fo.model.config import Tree
from sitescope_fo.model.errors import Problem
from sitescope_fo.model.monitor_type import TypeBook
from sitescope_fo.model.ports import Secrets
from sitescope_fo.model.status import Status
from sitescope_fo.store.files import REAL, Disk
from sitescope_fo.store.toml_reader import Document, refuse
from sitescope_fo.store.tree_compiled import CompiledDrafts, DraftKey
from sitescope_fo.store.tree_drafts import GroupDraft, draft_group
from sitescope_fo.store.tree_files import (
    GROUP_FILE,
    TreeFiles,
    group_file,
    listed_tree_files,
    read_tree_files,
    tree_fingerprint,
    tree_revision,
)
from sitescope_fo.store.tree_ids import GivenIds, write_missing_ids
from sitescope_fo.store.tree_names import Names, name_all
from sitescope_fo.store.tree_persistence import Persistence, read_persistence
from sitescope_fo.store.tree_resolve import resolve

__all__ = ["MAX_MONITORS", "LoadedTree", "ParseCache", "load_tree", "load_whole", "tree_fingerprint"]

MAX_MONITORS = 100_000


def without_pause() -> None:
    """Goes on at once: nobody else waits for the processor."""


class ParseCache:
    """What earlier loads found out: checked files by content, and ids given to what has none on disk.

    Belongs to one tree and one type book; used by one call at a time. `compiled` keeps it over restarts. `breathe` is called
    after each file of a load: it lets others have the processor.
    """

    def __init__(self, compiled: CompiledDrafts | None = None, breathe: Callable[[], None] = without_pause) -> None:
        self.breathe = breathe
        self.drafts: dict[DraftKey, GroupDraft] = {}
        self.ids: GivenIds = {}
        self.parsed = 0
        """How many files were parsed since the cache exists."""
        self.unsaved = False
        """Whether `save` is worth its while: the last good load used what the compiled cache does not hold."""
        self._compiled = compiled
        self._book: TypeBook | None = None
        self._wanted: frozenset[DraftKey] = frozenset()

    def use(self, book: TypeBook) -> None:
        """The type book of the load that begins: what was checked with another one does not count."""
        if book is not self._book:
            self.drafts.clear()
            self._book = book

    def knows(self, folder: str, sha256: str) -> bool:
        """Whether the group file with that content need not be read."""
        return (folder, sha256) in self.drafts

    def draft(self, folder: str, content: bytes, book: TypeBook) -> GroupDraft:
        """The checked form of one group file."""
        key = (folder, hashlib.sha256(content).hexdigest())
        if key not in self.drafts:
            self.drafts[key] = self._stored(*key, content) or self._parsed(*key, content, book)
        return self.drafts[key]

    def _stored(self, folder: str, sha256: str, content: bytes) -> GroupDraft | None:
        return self._compiled.draft(folder, sha256, content) if self._compiled is not None else None

    def _parsed(self, folder: str, sha256: str, content: bytes, book: TypeBook) -> GroupDraft:
        self.parsed += 1
        return draft_group(folder, group_file(folder), content, book, sha256)

    def save(self) -> bool:
        """Lets the compiled cache hold what the last good load used; False when there was nothing to write. Raises OSError."""
        self.unsaved = False
        if self._compiled is None:
            return False
        return self._compiled.write({key: self.drafts[key] for key in self._wanted if key in self.drafts}, self.breathe)

    def forget_ids(self, written: Collection[str]) -> None:
        """Forgets the ids that stand in these files now: a renamed monitor takes its id along, its old name must not."""
        self.ids = {key: value for key, value in self.ids.items() if group_file(key[0]) not in written}

    def keep_only(self, used: Mapping[str, GroupDraft], *, good: bool = True) -> None:
        """Forgets the files that the last load did not use; folders without a file are no content to remember.

        After a load that failed (`good` False) those of the last good one stay: the repair will most likely use them.
        """
        kept = {(folder, draft.document.sha256): draft for folder, draft in used.items() if draft.document.text or not folder}
        if good:
            self._wanted = frozenset(kept)
            if self._compiled is not None:
                self._compiled.forget()
                self.unsaved = self._compiled.lacks(kept)
        self.drafts = kept if good else {key: self.drafts[key] for key in self._wanted if key in self.drafts} | kept


class LoadedTree(msgspec.Struct, frozen=True, kw_only=True):
    """A tree together with where each thing stands, for edits."""

    tree: Tree
    names: Names
    drafts: dict[str, GroupDraft]
    documents: dict[str, Document]
    """The files of persistence/ by name."""

    def text_of(self, path: str) -> str:
        """The text of one file (relative path) as it was loaded, "" when it is not there."""
        if path.startswith("persistence/"):
            document = self.documents.get(path.removeprefix("persistence/"))
            return document.text if document else ""
        folder = path.removeprefix("groups/").removesuffix(GROUP_FILE).rstrip("/")
        draft = self.drafts.get(folder)
        return draft.document.text if draft else ""


def load_tree(
    root: Path,
    book: TypeBook,
    secrets: Secrets | None,
    *,
    new_id: Callable[[], str],
    write_ids: bool,
    cache: ParseCache | None = None,
    proven: Mapping[str, str] | None = None,
) -> Tree:
    """The configuration below `root` (its groups/ and persistence/).

    With `write_ids` missing ids are written into the files as one line under their header; without, or where a file cannot be
    written (a warning), they last as long as `cache`. `secrets` None leaves sealed values as they are. Raises ConfigInvalid with
    every problem; then nothing was written.
    """
    return load_whole(root, book, secrets, new_id=new_id, write_ids=write_ids, cache=cache, proven=proven).tree


def load_whole(  # noqa: PLR0913  # what a load may rest on, each by its name
    root: Path,
    book: TypeBook,
    secrets: Secrets | None,
    *,
    new_id: Callable[[], str],
    write_ids: bool = False,
    cache: ParseCache | None = None,
    overlay: Mapping[str, bytes | None] | None = None,
    proven: Mapping[str, str] | None = None,
    disk: Disk = REAL,
) -> LoadedTree:
    """As `load_tree`, with the places of things; `overlay` (relative path -> content, None = gone) tries an edit out.

    `proven` (relative path -> SHA-256): every file of the tree, as the caller has just proven it; then those that `cache` knows
    are not opened.
    """
    cache = cache or ParseCache()
    cache.use(book)
    files = read_tree_files(root, overlay or {}) if proven is None else listed_tree_files(root, proven, cache.knows)
    drafts = _drafts(files, book, cache)
    persistence, problems = read_persistence(files.persistence)
    problems += files.problems
    problems += itertools.chain.from_iterable(draft.document.problems for draft in drafts.values())
    names, naming = name_all(drafts, cache.ids, new_id, cache.breathe)
    problems += naming
    if len(names.monitors) > MAX_MONITORS:
        problems.append(Problem(file="groups", what=f"{len(names.monitors)} monitors; the limit is {MAX_MONITORS}"))
    cache.breathe()
    resolved = resolve(drafts, names, persistence, secrets, cache.breathe)
    problems += resolved.problems
    if problems:
        cache.keep_only(drafts, good=False)
        raise refuse(problems, "The configuration is invalid", str(root))
    cache.keep_only(drafts)
    found = files.groups.keys() | files.unread.keys()
    hashes = {group_file(folder): draft.document.sha256 for folder, draft in drafts.items() if folder in found}
    hashes |= _hashes(persistence)
    warnings = [*files.warnings, *resolved.warnings]
    if write_ids:
        written, failed = write_missing_ids(root, drafts, names, disk)
        hashes |= written
        cache.forget_ids(written)
        warnings += failed
    for draft in drafts.values():
        draft.document.release()
    tree = msgspec.structs.replace(resolved.tree, revision=tree_revision(hashes), warnings=tuple(warnings))
    return LoadedTree(tree=tree, names=names, drafts=drafts, documents=persistence.documents)


def _hashes(persistence: Persistence) -> dict[str, str]:
    return {document.file: document.sha256 for document in persistence.documents.values()}


def _drafts(files: TreeFiles, book: TypeBook, cache: ParseCache) -> dict[str, GroupDraft]:
    """Folder -> draft, parents first; "" is the top file."""
    drafts = {}
    for folder in ("", *files.folders):
        cache.breathe()
        content = files.groups.get(folder, None if folder else b"")
        if folder in files.unread:
            drafts[folder] = cache.drafts[folder, files.unread[folder]]
        else:
            drafts[folder] = cache.draft(folder, content, book) if content is not None else _bare_folder(folder)
    return drafts


def _bare_folder(folder: str) -> GroupDraft:
    """A folder without a file of its own, above groups that have one: a group named like it."""
    digest = hashlib.sha256(folder.encode()).hexdigest()
    return GroupDraft(
        folder=folder,
        document=Document(group_file(folder), b""),
        written=True,
        id=f"folder-{digest[:32]}",
        name=folder.rpartition("/")[2],
        depends_on="",
        depends_condition=Status.good,
        description="",
        monitors=(),
        alerts=(),
    )
