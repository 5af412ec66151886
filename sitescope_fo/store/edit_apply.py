"""The last steps of every edit: the new content tried out on the whole tree, comments kept, files written."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import tomli_w

from sitescope_fo.model.errors import Conflict
from sitescope_fo.model.monitor_type import TypeBook
from sitescope_fo.store.edit_text import comments_lost
from sitescope_fo.store.edited_copy import keep_commented
from sitescope_fo.store.files import REAL, Disk, make_private_dir, read_bytes_limited, write_atomic
from sitescope_fo.store.free_name import free_name
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES
from sitescope_fo.store.tree import LoadedTree, ParseCache, load_whole


class EditContext(msgspec.Struct, frozen=True, kw_only=True):
    """What edits need from outside."""

    book: TypeBook
    new_id: Callable[[], str]
    cache: ParseCache = msgspec.field(default_factory=ParseCache)
    """The tree's own, so that an edit parses only what it changes."""
    keep_in: Path | None = None
    """Where copies go; None = high_availability/backups/edited/ below the tree root."""
    disk: Disk = REAL


class EditResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit did: files written or removed (relative), and the copy of one that lost comments."""

    files: tuple[str, ...]
    kept_copy: Path | None = None


def edited_text(text: str, in_text: Callable[[str], str], in_table: Callable[[dict[str, object]], None]) -> str:
    """`text` after an edit, given twice: as an operation on the text and on the parsed table.

    When the text operation does not give exactly what the table operation says (a layout it does not know), the file is
    written anew from the table.
    """
    wanted = copy.deepcopy(tomllib.loads(text))
    in_table(wanted)
    with suppress(KeyError, tomllib.TOMLDecodeError):
        new = in_text(text)
        if tomllib.loads(new) == wanted:
            return new
    return tomli_w.dumps(wanted)


def apply_edit(root: Path, loaded: LoadedTree, contents: Mapping[str, bytes | str | None], using: EditContext) -> EditResult:
    """Loads the tree with the new contents in front of the disk, then writes them.

    Raises ConfigInvalid, Conflict (`changed_meanwhile`), OSError.
    """
    new = {path: content.encode() if isinstance(content, str) else content for path, content in contents.items()}
    load_whole(root, using.book, None, new_id=using.new_id, cache=using.cache, overlay=new)
    before = {path: _current(root, path, loaded) for path in new}
    kept = None
    for path, content in new.items():
        if content is None or content == before[path]:
            continue
        if comments_lost(before[path].decode(), content.decode()):
            name = path.removeprefix("groups/").removeprefix("persistence/").replace("/", "-")
            kept = keep_commented(_keep_in(root, using), name, before[path], disk=using.disk)
        target = root / path
        make_private_dir(target.parent, using.disk)
        write_atomic(target, content, target.stat().st_mode & 0o777 if target.exists() else 0o600, using.disk)
    return EditResult(files=tuple(new), kept_copy=kept)


def _keep_in(root: Path, using: EditContext) -> Path:
    return using.keep_in or root / "high_availability" / "backups" / "edited"


def _current(root: Path, path: str, loaded: LoadedTree) -> bytes:
    """The file as it is now. Raises Conflict when it is not what the edit began with."""
    try:
        content = read_bytes_limited(root / path, MAX_FILE_BYTES)
    except FileNotFoundError:
        content = b""
    known = loaded.text_of(path).encode()
    if content != known:
        raise Conflict(
            "The file was changed by somebody else meanwhile", where=path, hint="Repeat the command", code="changed_meanwhile"
        )
    return content


def move_away(root: Path, folder: str, using: EditContext) -> EditResult:
    """Takes a group folder out of the tree in one rename; it is kept beside the other copies."""
    source = root / "groups" / folder
    keep_in = _keep_in(root, using)
    make_private_dir(keep_in, using.disk)
    target = free_name(keep_in / folder.replace("/", "-"))
    using.disk.replace(source, target)
    using.disk.fsync_dir(source.parent)
    using.disk.fsync_dir(keep_in)
    return EditResult(files=(f"groups/{folder}",), kept_copy=target)
