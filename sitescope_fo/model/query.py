"""What operators can read: names of queries, their parameters and the JSON they give (see the contract for the first two).

| query | parameters | gives |
|---|---|---|
| `status` | - | `Status` (snapshot.py) |
| `monitors` | `profile group status type filter offset limit` | list of `MonitorRow`, at most 1,000 |
| `monitor_page` | the same | `{rows, total, offset, next}`: the same rows, how many fit, offset of the next page or null |
| `monitor` | `path` (may be `profile:path`) | `MonitorRow` plus `config`, `last` results, `depends`, `alerts`, `hanging_s` |
| `groups` | `profile` | list of `{path, name, monitors, depends_on, profile}` |
| `alerts` | `profile` | list of `{scope, name, on, when, to, enabled, profile}` |
| `profiles` | - | list as in status |
| `profile` | `name` | one profile: configuration with defaults spelled out, plus its status |
| `defaults` | - | Default Settings: `{notify}`, the recipients of role mails when a profile names nobody |
| `peers` | - | list of `PeerRow` |
| `history` | `name` | list of `{snapshot, at, bytes, monitors, revision, kind, base}`; kind `damaged`: it cannot be read |
| `config` | - | `{key: value}` of config.toml as it lies on disk, defaults included |
| `check` | `what` (`config`, `pair`, `node`) `name` | list of `CheckRow` |
| `log` | `name` (`high_availability error run audit`) `lines` `since` | `{lines: [...], next: offset}` |
| `results` | `path day limit` | list of results of a monitor, newest last |
| `export` | `day` `format` | `{lines: [...]}`: the guide-style daily log |
| `mail` | `profile` | settings of a tree without secrets; `templates` |
| `types` | - | monitor types with settings and values |
"""

from __future__ import annotations

from typing import Literal

import msgspec

QUERIES = (
    "status",
    "monitors",
    "monitor_page",
    "monitor",
    "groups",
    "alerts",
    "profiles",
    "profile",
    "defaults",
    "peers",
    "history",
    "config",
    "check",
    "log",
    "results",
    "export",
    "mail",
    "types",
)

OFFLINE_QUERIES = frozenset(QUERIES) - {"status", "monitor", "monitors", "monitor_page", "results"}
"""Those that a stopped node's files can answer (`profiles` and `profile` then without states)."""


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a check or test."""

    id: str
    verdict: Literal["good", "warning", "bad", "unknown"]
    evidence: str
    remedy: str = ""
