"""A real primary behind the peer port, without HTTP: a home on disk, its manifest builder, and faults that tests switch on."""

import uuid
from pathlib import Path

import anyio

from sitescope_fo.mirror.manifest import ManifestBuilder
from sitescope_fo.mirror.parts import digest_of_skipped
from sitescope_fo.model.errors import Refused, Unreachable
from sitescope_fo.model.ports import Now, PeerAddress, PeerReply
from sitescope_fo.model.wire import ENTRIES, FILES, MANIFEST, PARTS, EntriesRequest, FilesRequest, PartsRequest, decode, encode
from sitescope_fo.store.home import Home
from sitescope_fo.store.tree import load_tree
from tests.store.book import SmallBook

NODE = "primary-1"
PEER = PeerAddress(host="primary", port=8080, node_id=NODE)
WALL = 1_795_341_600.0  # 2026-11-22 10:00 UTC


class InlineWork:
    """The work port of a simulation: in place, in order."""

    def __init__(self):
        self.lanes = set()

    async def run_blocking(self, fn, *args, lane=""):
        await anyio.lowlevel.checkpoint()
        self.lanes.add(lane)
        return fn(*args)


class LoopClock:
    """Follows the loop's clock, virtual under trio's MockClock; `step` moves the wall clock alone."""

    def __init__(self):
        self.step = 0.0
        self.ahead = 0.0

    def mono(self):
        return anyio.current_time() + self.ahead

    def wall(self):
        return WALL + self.mono() + self.step

    def now(self):
        return Now(self.mono(), self.wall())

    def local(self, wall):
        from datetime import UTC, datetime

        return datetime.fromtimestamp(wall, UTC)


def uid(name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def group_text(group, names, frequency="1m"):
    """A group file with one port monitor a name, ids derived from names."""
    text = f'[group]\nid = "{uid(group)}"\nname = "{group}"\n'
    for name in names:
        text += (
            f'\n[[monitor]]\nid = "{uid(f"{group}/{name}")}"\ntype = "port"\nname = "{name}"\n'
            f'frequency = "{frequency}"\nsettings = {{ host = "{name.lower().replace(" ", "-")}.example:80" }}\n'
        )
    return text


def dry_load(folder, proven=None):
    return load_tree(folder, SmallBook(), None, new_id=lambda: str(uuid.uuid4()), write_ids=False, proven=proven)


class Primary:
    """`files` of the home are changed by tests as an operator would; `request` is what a failover's peer client calls."""

    def __init__(self, folder: Path):
        self.home = Home(folder / "SiteScope")
        for path in (self.home.groups, self.home.persistence, self.home.scripts, self.home.templates):
            path.mkdir(parents=True, exist_ok=True)
        self.builder = ManifestBuilder(self.home, NODE)
        self.requests: list[tuple[str, str]] = []
        self.asked: list[str] = []
        """Paths of the files that were fetched."""
        self.down = False
        self.knows_parts = True
        self.on_parts = lambda parts: parts
        self.on_entries = lambda entries: entries
        self.on_manifest = lambda manifest: manifest
        self.on_files = lambda: None
        self.on_tar = lambda data: data
        self.on_request = None

    def write(self, path, content, mode=0o644):
        target = self.home.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)

    def group(self, group, names, frequency="1m"):
        self.write(f"groups/{group}/group.toml", group_text(group, names, frequency))

    def standard(self, groups=3, each=10):
        """A small site: groups of port monitors, a script, a template, mail settings."""
        for g in range(groups):
            self.group(f"Group {g}", [f"Monitor {n}" for n in range(each)])
        self.write("scripts/check.sh", "#!/bin/sh\nexit 0\n", 0o755)
        self.write("templates/mail.txt", "It is {{ status }}.\n")
        self.write("persistence/preferences.toml", '[mail]\nfrom = "a@example.org"\n')
        return self

    @property
    def revision(self):
        return self.builder.build().revision

    async def request(self, peer, method, path, body=b"", *, timeout_s, etag=""):
        await anyio.lowlevel.checkpoint()
        self.requests.append((method, path))
        if self.on_request is not None:
            await self.on_request()
        if self.down:
            raise Unreachable("Nobody answers", where=peer.host, code="refused")
        if path == MANIFEST:
            manifest = self.builder.build(full=not etag)
            if etag == manifest.revision:
                return PeerReply(status=304, body=b"", etag=etag, peer_id=NODE)
            made = self.on_manifest(manifest)
            data = made if isinstance(made, bytes) else encode(made)
            return PeerReply(status=200, body=data, etag=manifest.revision, peer_id=NODE)
        if path == PARTS and self.knows_parts:
            wanted = decode(body, PartsRequest)
            manifest = self.builder.build(full=wanted.full)
            if etag == manifest.revision and wanted.skipped == digest_of_skipped(manifest.skipped):
                return PeerReply(status=304, body=b"", etag=etag, peer_id=NODE)
            made = self.on_parts(self.builder.parts(manifest))
            return PeerReply(status=200, body=encode(made), etag=manifest.revision, peer_id=NODE)
        if path == ENTRIES and self.knows_parts:
            made = self.on_entries(self.builder.entries(decode(body, EntriesRequest)))
            return PeerReply(status=200, body=encode(made), peer_id=NODE)
        if path != FILES:
            raise Refused("There is no such route", where=path, code="not_found")
        self.on_files()
        wanted = decode(body, FilesRequest)
        data = self.builder.bundle(wanted)
        self.asked += wanted.paths
        return PeerReply(status=200, body=self.on_tar(data), peer_id=NODE)
