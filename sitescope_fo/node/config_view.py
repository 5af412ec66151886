"""What a home's files say, for people: groups, alerts, mail, settings, profiles. Works on a running and on a stopped node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model.config import HaConfig, NodeConfig, Profile
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import Monitor, When
from sitescope_fo.model.monitor_type import TypeBook, TypeSpec
from sitescope_fo.security.accounts import Accounts
from sitescope_fo.security.lwsso import Root
from sitescope_fo.store.config_toml import FIELDS, show_value
from sitescope_fo.store.stamp import iso_millis

SECRET = "(secret)"  # noqa: S105  # what is shown instead of one


def groups(catalogue: Catalogue, profile: str | None) -> list[dict[str, Any]]:
    """Rows of the `groups` query."""
    rows = []
    for name in catalogue.profiles if profile is None else (profile,):
        tree = catalogue.tree(name)
        paths = {monitor.id: monitor.path for monitor in tree.monitors}
        count = Counter(monitor.group for monitor in tree.monitors)
        rows += [
            {
                "path": group.path,
                "name": group.name,
                "monitors": count[group.path],
                "depends_on": paths.get(group.depends_on, group.depends_on),
                "profile": name,
            }
            for group in sorted(tree.groups, key=lambda g: g.path)
        ]
    return rows


def when_text(when: When) -> str:
    """`once after 3`, as it is typed."""
    if when.kind == "repeat":
        return f"first after {when.after} then every {when.every}"
    return f"{when.kind} after {when.after}"


def alerts(catalogue: Catalogue, profile: str | None) -> list[dict[str, Any]]:
    """Rows of the `alerts` query."""
    return [
        {
            "scope": alert.scope or "/",
            "name": alert.name,
            "on": alert.on.value,
            "when": when_text(alert.when),
            "to": list(catalogue.recipients(name, alert)),
            "enabled": alert.enabled,
            "profile": name,
        }
        for name in (catalogue.profiles if profile is None else (profile,))
        for alert in catalogue.tree(name).alerts
    ]


def monitor_config(monitor: Monitor, specs: Mapping[str, TypeSpec]) -> dict[str, Any]:
    """A monitor's configuration with durations as people write them and without secrets, which a loaded monitor holds opened."""
    spec = specs.get(monitor.type)
    hidden = (
        {setting.name for setting in spec.settings if setting.kind == "secret"} if spec is not None else set(monitor.settings)
    )
    table = msgspec.to_builtins(monitor)
    table["frequency"] = format_duration(monitor.frequency_s)
    if monitor.error_frequency_s:
        table["error_frequency"] = format_duration(monitor.error_frequency_s)
    table["timeout"] = format_duration(monitor.timeout_s)
    table["settings"] = {
        key: SECRET
        if (value and key in hidden) or (isinstance(value, str) and value.startswith(("sealed:", "secret:")))
        else value
        for key, value in monitor.settings.items()
    }
    return dict(table)


def settings(config: NodeConfig) -> dict[str, Any]:
    """`config show`: every key of config.toml with its value, defaults included."""
    return {field.name: show_value(config, field) for field in FIELDS}


def profile_config(profile: Profile) -> dict[str, Any]:
    """A profile's settings with every default spelled out, durations in seconds and as text."""
    timing = profile.timing
    durations = {
        "check_every": timing.check_every_s,
        "soft_timeout": timing.soft_timeout_s,
        "hard_timeout": timing.hard_timeout_s,
        "activate_after": timing.activate_after_s,
        "stable_for": timing.stable_for_s,
        "mirror_every": timing.mirror_every_s,
    }
    return {
        "name": profile.name,
        "id": profile.id,
        "primary_host": profile.primary_host,
        "primary_port": profile.primary_port,
        "tls": profile.tls,
        "node_id": profile.node_id,
        "preset": profile.preset,
        "misses": timing.misses,
        **{name: format_duration(seconds) for name, seconds in durations.items()},
        **{f"{name}_s": seconds for name, seconds in durations.items()},
        "merge_back": profile.merge_back,
        "backups": profile.backups,
        "disable_apm": profile.disable_apm,
        "self_targets": profile.self_targets.value,
        "check_schedule": profile.check_schedule,
        "mirror_schedule": profile.mirror_schedule,
        "notify": list(profile.notify),
    }


def mail(catalogue: Catalogue, profile: str = "") -> dict[str, Any]:
    """E-mail settings of a tree without passwords."""
    found = catalogue.mail(profile)
    return {
        "servers": [
            {
                "host": server.host,
                "port": server.port,
                "security": server.security,
                "user": server.user,
                "password": "set" if server.password else "",
            }
            for server in found.servers
        ],
        "from": found.sender,
        "to": list(found.to),
        "timeout_s": found.timeout_s,
    }


def accounts(found: Accounts) -> dict[str, list[dict[str, str]]]:
    """Users and tokens without anything secret."""
    return {
        "users": [{"name": row.name, "role": row.role, "changed": row.changed} for row in found.user],
        "tokens": [{"name": row.name, "role": row.role, "created": row.created, "expires": row.expires} for row in found.token],
    }


def lwsso(roots: Sequence[Root], ha: HaConfig, used: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The `lwsso` query: whether a passphrase is set, since when, and which key each peer used last (since the start).

    `same` is null for a peer that was not heard of yet. One that rarely asks may have asked with the key before this one: what
    it answered with counts as well.
    """
    newest = roots[0] if roots else None
    names = {profile.node_id: profile.name for profile in ha.profiles} | {peer.node_id: peer.listed_as for peer in ha.peers}
    peers = []
    for node_id, name in names.items():
        ids = used.get(node_id, ())
        same = newest is not None and newest.id in ids
        key_id = newest.id if same and newest is not None else "".join(ids[:1])
        peers.append({"node_id": node_id, "name": name, "key_id": key_id, "same": same if ids else None})
    return {
        "set": newest is not None,
        "key_id": newest.id if newest is not None else "",
        "since": iso_millis(newest.since) if newest is not None and newest.since else "",
        "rotating": len(roots) > 1,
        "peers": [peer for peer in peers if peer["node_id"]],
    }


def licence() -> dict[str, str]:
    """The `license` query. No licence is needed by this edition."""
    return {"edition": "community", "limits": "none", "file": "none is needed", "expires": "never"}


def types(book: TypeBook) -> list[Any]:
    """Every monitor type with settings and values."""
    return [msgspec.to_builtins(spec) for _, spec in sorted(book.specs.items()) if not spec.hidden]


def peers(ha: HaConfig) -> list[dict[str, Any]]:
    """The failovers a primary has on file."""
    return [{**msgspec.to_builtins(peer), "role": "failover", "last_seen": ""} for peer in ha.peers]
