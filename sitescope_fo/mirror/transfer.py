"""What travels from the primary: the manifest, whole or only the parts that differ, and the missing files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
from anyio.abc import ObjectSendStream

from sitescope_fo.mirror.bundle import batches
from sitescope_fo.mirror.parts import combine, differing, digest_of_skipped
from sitescope_fo.mirror.rules import check_manifest
from sitescope_fo.model.errors import Bad, Refused, SiteScopeError
from sitescope_fo.model.ports import PeerAddress, PeerClient
from sitescope_fo.model.wire import (
    ENTRIES,
    FILES,
    MANIFEST,
    PARTS,
    Entries,
    EntriesRequest,
    FileEntry,
    FilesRequest,
    Manifest,
    Parts,
    PartsRequest,
    decode,
    encode,
)

MANIFEST_TIMEOUT_S = 60.0
FILES_TIMEOUT_S = 120.0
NOT_MODIFIED = 304

Progress = Callable[[float, str], None]
"""Share done (0..1) and what is going on, for people."""
Batch = tuple[FileEntry, ...]


def silent(_share: float, _text: str) -> None:
    """Shows progress to nobody."""


class Transfer:
    """The requests of one profile's mirror; `blocking` runs a function in the folder's lane."""

    def __init__(self, client: PeerClient, blocking: Callable[..., Awaitable[Any]]) -> None:
        self._client = client
        self._blocking = blocking

    async def manifest(self, peer: PeerAddress, base: Manifest | None, *, full: bool) -> Manifest:
        """The primary's manifest, checked. `base` is the one that this node trusts: only what differs from it is fetched.

        `full`: the primary hashes every file anew first, as it does for a peer without a base. Raises as the port and
        `check_manifest`.
        """
        if base is None:
            return await self._whole(peer, "")
        try:
            return await self._by_parts(peer, base, full=full)
        except Refused as error:
            if error.code != "not_found":
                raise
            return await self._whole(peer, "" if full else base.revision, base)  # a peer that knows no parts
        except Bad as error:
            if error.code != "manifest_tampered":
                raise
            return await self._whole(peer, base.revision, base)

    async def _by_parts(self, peer: PeerAddress, base: Manifest, *, full: bool) -> Manifest:
        asked = PartsRequest(full=full, skipped=digest_of_skipped(base.skipped))
        reply = await self._client.request(peer, "POST", PARTS, encode(asked), timeout_s=MANIFEST_TIMEOUT_S, etag=base.revision)
        if reply.status == NOT_MODIFIED:
            return base
        theirs = decode(reply.body, Parts)
        wanted: tuple[int, ...] = await self._blocking(differing, base, theirs)
        fresh: tuple[FileEntry, ...] = ()
        if wanted:
            body = encode(EntriesRequest(revision=theirs.revision, parts=wanted))
            reply = await self._client.request(peer, "POST", ENTRIES, body, timeout_s=MANIFEST_TIMEOUT_S)
            found: Entries = await self._blocking(decode, reply.body, Entries)
            fresh = found.files
        manifest: Manifest = await self._blocking(combine, base, theirs, wanted, fresh)
        await self._blocking(check_manifest, manifest, peer.node_id)
        return manifest

    async def _whole(self, peer: PeerAddress, etag: str, base: Manifest | None = None) -> Manifest:
        reply = await self._client.request(peer, "GET", MANIFEST, timeout_s=MANIFEST_TIMEOUT_S, etag=etag)
        if base is not None and reply.status == NOT_MODIFIED:
            return base
        manifest: Manifest = await self._blocking(decode, reply.body, Manifest)
        await self._blocking(check_manifest, manifest, peer.node_id)
        return manifest

    async def files(
        self,
        peer: PeerAddress,
        revision: str,
        missing: Sequence[FileEntry],
        add: Callable[[bytes, Batch], None],
        progress: Progress,
    ) -> int:
        """Fetches the missing files and gives each bundle to `add`, in order, while the next one is on its way.

        Returns their bytes. Raises as the port and `add`.
        """
        total, done = sum(entry.size for entry in missing), 0
        failure: SiteScopeError | OSError | None = None
        send, receive = anyio.create_memory_object_stream[tuple[Batch, bytes] | SiteScopeError](0)
        async with anyio.create_task_group() as tasks, receive:
            tasks.start_soon(self._ask_all, peer, revision, missing, send)
            try:
                while done < len(missing):
                    progress(0.05 + 0.7 * done / len(missing), f"fetching {len(missing)} files of {total} bytes: {done} are here")
                    found = await receive.receive()
                    if isinstance(found, SiteScopeError):
                        raise found
                    batch, body = found
                    await self._blocking(add, body, batch)
                    done += len(batch)
            except (SiteScopeError, OSError) as error:  # out of a task group it would come as a group
                failure = error
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return total

    async def _ask_all(
        self,
        peer: PeerAddress,
        revision: str,
        missing: Sequence[FileEntry],
        send: ObjectSendStream[tuple[Batch, bytes] | SiteScopeError],
    ) -> None:
        async with send:
            for batch in batches(missing):
                body = encode(FilesRequest(revision=revision, paths=tuple(entry.path for entry in batch)))
                try:
                    reply = await self._client.request(peer, "POST", FILES, body, timeout_s=FILES_TIMEOUT_S)
                except SiteScopeError as error:
                    await send.send(error)
                    return
                await send.send((batch, reply.body))
