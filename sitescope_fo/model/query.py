"""What operators can read: names of queries, their parameters and the JSON they give (see the contract for the first two).

| query | parameters | gives |
|---|---|---|
| `status` | - | `Status` (snapshot.py) |
| `monitors` | `profile group status type filter offset limit` | list of `MonitorRow`, at most 1,000 |
| `monitor_page` | the same | `MonitorPage`: the same rows, how many fit, offset of the next page or null, `revision`, `tree` |
| `snapshot` | `since tree profile` | `MonitorChanges`: rows changed after revision `since`, or `whole` |
| `monitor` | `path` (may be `profile:path`) | `MonitorRow` plus the details below |
| `monitor_history` | `path from to points value` | `MonitorHistory` (record.py); `from` `to`: ISO, or back from now like `6h` |
| `timeline` | `name limit` | list of `TimelineStep` (record.py), newest last; without `name` the primary's own |
| `groups` | `profile` | list of `{path, name, monitors, depends_on, profile}` |
| `alerts` | `profile` | list of `{scope, name, on, when, to, enabled, profile}` |
| `acks` | `profile` | list of `AckRow` (snapshot.py): the acknowledgements that hold |
| `downtimes` | `profile all` | list of `DowntimeRow` (snapshot.py) by start; `all=yes`: also what is over (30 days) |
| `profiles` | - | list as in status |
| `profile` | `name` | one profile: configuration with defaults spelled out, plus its status |
| `defaults` | - | Default Settings: `{notify}`, the recipients of role mails when a profile names nobody |
| `peers` | - | list of `PeerRow` |
| `history` | `name` | list of `{snapshot, at, bytes, monitors, revision, kind, base}`; kind `damaged`: it cannot be read |
| `history_show` | `name snapshot` | what a configuration holds, see `node/history_view` |
| `history_diff` | `name a b offset limit` | what makes b of a, see `node/history_view` |
| `config` | - | `{key: value}` of config.toml as it lies on disk, defaults included |
| `check` | `what` (`config`, `pair`, `node`) `name` | list of `CheckRow` |
| `log` | `name lines since before at match level` | `LogPage` (record.py); `name` is one of `logs` |
| `logs` | - | list of `LogFile` (record.py): every log, its older parts as `error.1` and so on |
| `results` | `path day limit` | list of results of a monitor, newest last |
| `export` | `day` `format` | `{lines: [...]}`: the guide-style daily log |
| `mail` | `profile` | settings of a tree without secrets; `templates` |
| `schedules` | `profile` | list of `{name kind windows moments used_by open next_on next_off profile}`, times as text |
| `certificates` | - | rows of `node/certificate_commands.facts`, the listener's first |
| `secrets` | `profile` | list of `{name used_by set opens}`, never a value |
| `lwsso` | - | `{set key_id since rotating peers: [{node_id name key_id same}]}` |
| `license` | - | `{edition, limits, file, expires}`; the community edition has none of the latter |
| `types` | - | monitor types with settings and values |
| `users` | - | list of `{name, role, changed}` (administrator) |
| `tokens` | - | list of `{name, role, created, expires}`; "" = never ends (administrator) |

`monitor` adds to its row: `config`; `last` results; `depends` (a path) and `dependencies`, the whole chain (list of `Dependency`,
nearest first); `alerts`; `hanging_s`; `thresholds` (list of `ThresholdState`); `values` (list of `MeasuredValue`);
`error_frequency_s` (0: no difference); and of the last result `because`, `duration_s`, `since` (when its status began),
`counts` (`{status: results in a row}`), `skipped` (runs missed) and `unconfirmed` (an error waits for its second run).

`log` gives the last `lines` (20), also of older parts; or those after `since`, those above `before`, or those from the moment
`at` (ISO) on, in that one file. `match`: only lines with this text, in any case; `level`: only INFO, WARNING or ERROR and worse.
A call reads a few MiB at most: with `match` or `level` it may give fewer lines and still not be at the end.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.model.service import Level

QUERIES = (
    "status",
    "monitors",
    "monitor_page",
    "snapshot",
    "monitor",
    "monitor_history",
    "timeline",
    "groups",
    "alerts",
    "acks",
    "downtimes",
    "profiles",
    "profile",
    "defaults",
    "peers",
    "history",
    "history_show",
    "history_diff",
    "config",
    "check",
    "log",
    "logs",
    "results",
    "export",
    "mail",
    "schedules",
    "certificates",
    "secrets",
    "lwsso",
    "license",
    "types",
    "users",
    "tokens",
)

LEVELS = {"users": Level.administrator, "tokens": Level.administrator}
"""The least level of queries that need more than viewer; `log` needs administrator for the audit log."""

OFFLINE_QUERIES = frozenset(QUERIES) - {
    "status",
    "monitor",
    "monitors",
    "monitor_page",
    "snapshot",
    "monitor_history",
    "timeline",
    "results",
    "acks",
    "downtimes",
}
"""Those that a stopped node's files can answer (`profiles` and `profile` then without states)."""


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a check or test."""

    id: str
    verdict: Literal["good", "warning", "bad", "unknown"]
    evidence: str
    remedy: str = ""
