"""The compiled cache: checked group files on disk, so that a start decodes 10,000 monitors instead of parsing them.

One file a tree: a header with format, circumstances and checksum, then msgpack. It is only a cache: what is damaged, torn, from
other circumstances or not there counts as empty, and it may be deleted at any time. It holds what the group files say, no more.
Decoding takes 4 µs a monitor, parsing and checking 70 to 300.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from sitescope_fo.store.files import REAL, Disk, make_private_dir, read_bytes_limited, write_atomic
from sitescope_fo.store.toml_reader import Document
from sitescope_fo.store.tree_drafts import AlertDraft, GroupDraft, MonitorDraft
from sitescope_fo.store.tree_files import group_file

FORMAT = 1
MAX_BYTES = 256 * 1024 * 1024
"""A larger cache is neither written nor read: 100,000 monitors take 30 MB."""
LEAST_TEXT = 64 * 1024
"""Trees with fewer characters in their group files are not stored: they parse in 0.02 s."""
DraftKey = tuple[str, str]
"""(folder, SHA-256 of the group file)"""

_STORED = [field.name for field in msgspec.structs.fields(GroupDraft) if field.name != "document"]
_Stored: Any = msgspec.defstruct(
    "_Stored",
    [(field.name, field.type) for field in msgspec.structs.fields(GroupDraft) if field.name != "document"],
    frozen=True,
    array_like=True,
)
_DRAFT: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_Stored)
_TABLE = msgspec.msgpack.Decoder(tuple[tuple[str, str, msgspec.Raw], ...])
_ENCODER = msgspec.msgpack.Encoder()


class CompiledDrafts:
    """The compiled cache of one tree at `path`. Single-threaded; every method is blocking.

    `circumstances` names everything that the drafts depend on besides their files: release, monitor types, plug-ins. It is
    asked once, when it is needed.
    """

    def __init__(self, path: Path, circumstances: Callable[[], str], disk: Disk = REAL, *, least_text: int = LEAST_TEXT) -> None:
        self.path = path
        self._circumstances = circumstances
        self._disk = disk
        self._least_text = least_text
        self._found: dict[DraftKey, msgspec.Raw] | None = None
        self._kept: frozenset[DraftKey] = frozenset()
        """What the file holds, as far as is known."""

    @cached_property
    def _head(self) -> bytes:
        """The first line. The fields of a draft are part of it: a draft of another shape is never taken for one of this."""
        shape = [field.name for kind in (GroupDraft, MonitorDraft, AlertDraft) for field in msgspec.structs.fields(kind)]
        text = "\0".join([self._circumstances(), *shape])
        return f"sitescope-fo drafts {FORMAT} {hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}\n".encode()

    def draft(self, folder: str, sha256: str, content: bytes) -> GroupDraft | None:
        """The checked form of the group file with that content, None when it is not stored."""
        if self._found is None:
            self._found = self._read()
            self._kept = frozenset(self._found)
        data = self._found.get((folder, sha256))
        if data is None:
            return None
        try:
            stored = _DRAFT.decode(data)
        except msgspec.MsgspecError:
            return None
        document = Document(group_file(folder), content, sha256, sound=True)
        return GroupDraft(document=document, **{name: getattr(stored, name) for name in _STORED})

    def forget(self) -> None:
        """Gives the memory back: all that was wanted has been fetched."""
        self._found = {}

    def lacks(self, drafts: Mapping[DraftKey, GroupDraft]) -> bool:
        """Whether the file should be written anew to hold exactly these drafts; small trees are not worth it."""
        return drafts.keys() != self._kept and sum(len(d.document.text) for d in drafts.values()) >= self._least_text

    def write(self, drafts: Mapping[DraftKey, GroupDraft], breathe: Callable[[], None]) -> bool:
        """Makes the file hold exactly these drafts of a good load; False when it need not. Raises OSError."""
        if not self.lacks(drafts):
            return False
        body = _encoded(drafts.items(), breathe)
        if len(body) > MAX_BYTES:
            return False
        make_private_dir(self.path.parent, self._disk)
        write_atomic(self.path, self._head + hashlib.sha256(body).digest() + body, 0o600, self._disk)
        self._kept = frozenset(drafts)
        return True

    def _read(self) -> dict[DraftKey, msgspec.Raw]:
        try:
            data = read_bytes_limited(self.path, MAX_BYTES + 1024, follow=False)
        except OSError:
            return {}
        start = len(self._head) + hashlib.sha256().digest_size
        body = data[start:]
        if data[:start] != self._head + hashlib.sha256(body).digest():
            return {}
        try:
            return {(folder, sha256): raw for folder, sha256, raw in _TABLE.decode(body)}
        except msgspec.MsgspecError:
            return {}


def _encoded(drafts: Iterable[tuple[DraftKey, GroupDraft]], breathe: Callable[[], None]) -> bytes:
    rows = []
    for (folder, sha256), draft in drafts:
        breathe()
        try:
            rows.append((folder, sha256, msgspec.Raw(_ENCODER.encode(_Stored(*[getattr(draft, name) for name in _STORED])))))
        except OverflowError:  # a whole number beyond 64 bits: TOML allows it, msgpack does not
            continue
    return _ENCODER.encode(rows)
