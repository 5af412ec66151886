"""high_availability/ha.config.toml: this node's identity, its profiles and its peers."""

from __future__ import annotations

from sitescope_fo.model.config import DEFAULT_PORT, PRESETS, HaConfig, Peer, Profile, SelfTargets, Timing, timing_problems
from sitescope_fo.model.duration import format_duration
from sitescope_fo.store.edited_copy import keep_commented
from sitescope_fo.store.files import REAL, Disk, read_bytes_limited, write_atomic
from sitescope_fo.store.home_paths import Home
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES, Document, TableReader, fold, nearest, refuse
from sitescope_fo.store.toml_text import toml_block

FILE = "high_availability/ha.config.toml"
_HEAD = """\
# This node's identity and its pairs. Written by the program; it may be corrected by hand while the node is stopped.
# Reference: docs/configuration.md
"""
_TIMES = (
    ("check_every", "check_every_s"),
    ("soft_timeout", "soft_timeout_s"),
    ("hard_timeout", "hard_timeout_s"),
    ("activate_after", "activate_after_s"),
    ("stable_for", "stable_for_s"),
    ("mirror_every", "mirror_every_s"),
)


def load_ha_config(home: Home) -> HaConfig:
    """Identity, profiles and peers of a home. Raises ConfigInvalid with every problem, OSError when it cannot be read."""
    return parse_ha_config(read_bytes_limited(home.ha_config, MAX_FILE_BYTES))


def parse_ha_config(content: bytes) -> HaConfig:
    """The same from bytes."""
    document = Document(FILE, content)
    top = document.reader()
    node_id = top.text("node_id")
    if not node_id and not document.problems:
        top.problem("", "'node_id' is missing", "Restore the file; a home without its id is another node to its peers")
    config = HaConfig(
        node_id=node_id,
        failover_host=top.text("failover_host"),
        notify=top.texts("notify"),
        profiles=tuple(_profile(table) for table in top.each("profile")),
        peers=tuple(_peer(table) for table in top.each("peer")),
    )
    top.finish()
    _refuse_duplicates(document, config)
    if document.problems:
        raise refuse(document.problems, "ha.config.toml is invalid", FILE)
    return config


def _refuse_duplicates(document: Document, config: HaConfig) -> None:
    names: set[str] = set()
    ids: set[str] = set()
    for i, profile in enumerate(config.profiles):
        if profile.name and fold(profile.name) in names:
            document.problem(("profile", i, "name"), f"There is another profile '{profile.name}'")
        if profile.id and profile.id in ids:
            document.problem(("profile", i, "id"), f"Another profile has the id '{profile.id}'")
        names.add(fold(profile.name))
        ids.add(profile.id)
    peers: set[str] = set()
    for i, peer in enumerate(config.peers):
        if peer.node_id and peer.node_id in peers:
            document.problem(("peer", i, "node_id"), f"Another peer has the node id '{peer.node_id}'")
        peers.add(peer.node_id)


def _required(table: TableReader, key: str) -> str:
    value = table.text(key)
    if not value and not isinstance(table.table.get(key), int | float | list | dict):
        table.problem("", f"'{key}' is missing")
    return value


def _profile(table: TableReader) -> Profile:
    preset = table.text("preset", "classic")
    if preset not in PRESETS:
        table.problem("preset", f"Unknown preset '{preset}'", nearest(preset, PRESETS) or f"Use {', '.join(PRESETS)}")
        preset = "classic"
    profile = Profile(
        id=_required(table, "id"),
        name=table.name(),
        primary_host=_required(table, "primary_host"),
        primary_port=table.integer("primary_port", DEFAULT_PORT, least=1, most=65535),
        tls=table.flag("tls", default=False),
        folder=_folder(table),
        node_id=table.text("node_id"),
        preset=preset,
        timing=_timing(table, PRESETS[preset]),
        merge_back=table.flag("merge_back", default=False),
        backups=table.integer("backups", 2, least=1, most=1000),
        disable_apm=table.flag("disable_apm", default=False),
        self_targets=table.choice("self_targets", SelfTargets.retarget),
        check_schedule=table.text("check_schedule"),
        mirror_schedule=table.text("mirror_schedule"),
        notify=table.texts("notify"),
        takeover_when_unverifiable_s=table.duration_s("takeover_when_unverifiable", 0.0, off=True),
    )
    table.finish()
    return profile


def _folder(table: TableReader) -> str:
    folder = table.text("folder")
    if folder.startswith(".") or "/" in folder or "\0" in folder:
        table.problem("folder", f"{folder!r} is no name of a folder", "It lies in high_availability/failover/")
    return folder


def _timing(table: TableReader, preset: Timing) -> Timing:
    times = {field: table.duration_s(key, getattr(preset, field)) for key, field in _TIMES}
    timing = Timing(misses=table.integer("misses", preset.misses, least=1, most=1000), **times)
    for what in timing_problems(timing):
        table.problem("", what)
    return timing


def _peer(table: TableReader) -> Peer:
    peer = Peer(
        node_id=_required(table, "node_id"),
        host=_required(table, "host"),
        port=table.integer("port", DEFAULT_PORT, least=1, most=65535),
        tls=table.flag("tls", default=False),
        listed_as=table.text("listed_as"),
        accepted=table.flag("accepted", default=True),
        activate_after_s=table.duration_s("activate_after", 180.0),
        merge_back=table.flag("merge_back", default=False),
    )
    table.finish()
    return peer


def save_ha_config(home: Home, config: HaConfig, disk: Disk = REAL) -> None:
    """Writes the file whole. Comments that a person put there go to a copy in backups/edited/. Raises ConfigInvalid, OSError."""
    content = ha_config_text(config).encode()
    parse_ha_config(content)
    if home.ha_config.exists():
        old = read_bytes_limited(home.ha_config, MAX_FILE_BYTES)
        if old == content:
            return
        keep_commented(home.edited, "ha.config.toml", old, known=_HEAD, disk=disk)
    write_atomic(home.ha_config, content, disk=disk)


def ha_config_text(config: HaConfig) -> str:
    """The file for these values; timings that equal the preset's are left to it."""
    text = _HEAD + toml_block(
        "", {"node_id": config.node_id, "failover_host": config.failover_host, "notify": list(config.notify)}
    )
    for profile in config.profiles:
        text += "\n" + toml_block("[[profile]]", _profile_table(profile))
    for peer in config.peers:
        table = {
            "node_id": peer.node_id,
            "host": peer.host,
            "port": peer.port,
            "tls": peer.tls,
            "listed_as": peer.listed_as,
            "accepted": peer.accepted,
            "activate_after": format_duration(peer.activate_after_s),
            "merge_back": peer.merge_back,
        }
        text += "\n" + toml_block("[[peer]]", table)
    return text


def _profile_table(profile: Profile) -> dict[str, object]:
    preset = PRESETS.get(profile.preset, PRESETS["classic"])
    table: dict[str, object] = {
        "id": profile.id,
        "name": profile.name,
        "primary_host": profile.primary_host,
        "primary_port": profile.primary_port,
        "tls": profile.tls,
        "folder": profile.folder,
        "node_id": profile.node_id,
        "preset": profile.preset,
    }
    for key, field in _TIMES:
        value = getattr(profile.timing, field)
        if value != getattr(preset, field):
            table[key] = format_duration(value)
    if profile.timing.misses != preset.misses:
        table["misses"] = profile.timing.misses
    unverifiable = profile.takeover_when_unverifiable_s
    return table | {
        "merge_back": profile.merge_back,
        "backups": profile.backups,
        "disable_apm": profile.disable_apm,
        "self_targets": profile.self_targets.value,
        "check_schedule": profile.check_schedule,
        "mirror_schedule": profile.mirror_schedule,
        "notify": list(profile.notify),
        "takeover_when_unverifiable": format_duration(unverifiable) if unverifiable else "off",
    }
