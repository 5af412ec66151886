"""A node that answers the console from memory: enough to show every page, and it remembers what it was told to do."""

import random
from datetime import UTC, datetime

from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import Refused
from tests.console import set_up

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC).timestamp()


def stamp(seconds_ago=0.0):
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).isoformat().replace("+00:00", "Z")


def monitor(number, *, profile="", status=None):
    """A row of the monitors page, always the same for a number."""
    chance = random.Random(number)
    status = status or chance.choices(["good", "warning", "error", "nodata", "disabled"], [88, 5, 3, 2, 2])[0]
    kind = ("url", "port", "ping", "script")[number % 4]
    name = f"{kind} {number:05d}"
    return {
        "id": f"m{number}",
        "path": f"Servers/Rack {number % 12:02d}/{name}",
        "name": name,
        "type": kind,
        "status": status,
        "state_string": {"error": "connection refused", "warning": "812 ms"}.get(status, "12 ms"),
        "value": round(chance.random() * 100, 2),
        "frequency_s": 60.0,
        "enabled": status != "disabled",
        "suspended": False,
        "waiting": False,
        "last_run": stamp(chance.randrange(60)),
        "next_run": stamp(-chance.randrange(1, 60)),
        "profile": profile,
        "acknowledged": False,
    }


def profile(name="prod", **changes):
    """One profile of the status."""
    return {
        "name": name,
        "primary": {
            "host": "primary.example",
            "port": 8080,
            "tls": False,
            "node_id": "a1",
            "state": "running",
            "latency_ms": 2.1,
        },
        "state": "standby",
        "position": "standby",
        "conditions": [],
        "may_check": False,
        "term": 3,
        "since": stamp(86_400),
        "last_proof_of_life": stamp(2),
        "activates_at": None,
        "evidence": [
            {"at": stamp(2), "kind": "probe_ok", "what": "answered after 0.00 s, state running, term 3, scheduler 0.1 s"}
        ],
        "mirror": {"revision": "5e1f", "at": stamp(60), "age_s": 60.0, "monitors": 120, "verified": True},
        "last_transition": {
            "from": "handback",
            "to": "standby",
            "at": stamp(86_400),
            "why": "the primary runs again",
            "evidence": [],
        },
        "merge": {"pending": 0, "conflicts": 0},
        "next": "next probe in 12 s; takes over 3 min after the last proof of life",
        "preset": "classic",
        **changes,
    }


def status(*, role="failover", profiles=None, peers=(), total=120):
    """A whole status."""
    return {
        "node": {
            "id": "f1",
            "role": role,
            "title": "SiteScope Failover" if role == "failover" else "SiteScope",
            "host": "fo1.example",
            "version": "0.3.0",
            "started": stamp(90_000),
            "pid": 4711,
            "home": "/opt/SiteScope",
            "url": "http://fo1.example:8080",
            "state": "running" if role == "primary" else "",
        },
        "monitors": {"total": total, "good": total},
        "profiles": list(profiles if profiles is not None else ([profile()] if role == "failover" else [])),
        "peers": list(peers),
        "health": {"scheduler_age_s": 0.2, "loop_lag_p99_ms": 3.1, "disk_free_bytes": 42 * 1024**3},
    }


def log_line(number):
    """Line `number` of a log of 1,000, one every ten seconds."""
    level = "ERROR" if number % 50 == 0 else "WARNING" if number % 7 == 0 else "INFO"
    return f'{stamp(10 * (1000 - number))[:-1]}.000Z {level} profile=prod event=probe what="probe {number} answered"'


def config_of(row):
    """How a monitor is configured, as the node tells it: defaults filled in, durations of settings in seconds."""
    address = {"port": 443, "host": "web.example"} if row["type"] in {"port", "ping"} else {"script": "check.sh"}
    return {
        "id": row["id"],
        "name": row["name"],
        "path": row["path"],
        "type": row["type"],
        "frequency": "1m",
        "frequency_s": 60.0,
        "error_frequency": "20s",
        "error_frequency_s": 20.0,
        "verify_error": False,
        "schedule": "",
        "enabled": row["enabled"],
        "timeout": "10s",
        "timeout_s": 10.0,
        "settings": address,
        "error_if": [],
        "warning_if": ["round_trip_time > 800ms"] if row["type"] != "script" else [],
        "good_if": [],
        "depends_on": "",
        "depends_condition": "good",
        "description": "",
    }


class FakeNode:
    """A `NodeClient`. `answers` by query name win over the built-in ones; commands are kept in `told`."""

    where = "/opt/SiteScope"

    def __init__(self, monitors=120, *, status_answer=None, answers=None, read_only=False, refuses=None):
        self.rows = [monitor(number) for number in range(monitors)]
        self.status_answer = status_answer or status(total=monitors)
        self.answers = dict(answers or {})
        self.read_only = read_only
        self.refuses = refuses
        """What every command is refused with."""
        self.told = []
        self.asked = []
        self.revision = 1
        self.changes = []
        """Rows that the next look brings."""

    async def query(self, name, params=None, *, timeout_s=20.0):
        params = dict(params or {})
        self.asked.append((name, params))
        if name in self.answers:
            answer = self.answers[name]
            answer = answer(params) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer
        built_in = getattr(self, f"answer_{name}", None)
        if built_in is None and name in set_up.ANSWERS:
            return set_up.ANSWERS[name]
        if built_in is None:
            raise Refused(f"There is no query '{name}'", code="not_found")
        return built_in(params)

    def answer_status(self, params):
        return self.status_answer

    def answer_monitor_page(self, params):
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 1000))
        after = offset + limit
        return {
            "rows": self.rows[offset:after],
            "total": len(self.rows),
            "offset": offset,
            "next": after if after < len(self.rows) else None,
            "revision": self.revision,
            "tree": "t1",
        }

    def answer_snapshot(self, params):
        rows, self.changes = self.changes, []
        self.revision += bool(rows)
        return {"revision": self.revision, "tree": "t1", "whole": False, "more": False, "rows": rows}

    def answer_monitor(self, params):
        from tests.console import past

        row = next(row for row in self.rows if params["path"].endswith(row["path"]))
        sheet = past.sheet(row)
        own = config_of(row)
        return sheet | {"config": own | sheet["config"] | {"settings": own["settings"] | sheet["config"]["settings"]}}

    def answer_monitor_history(self, params):
        from tests.console import past

        return past.history(params)

    def answer_types(self, params):
        from sitescope_fo.monitors.registry import Registry
        from sitescope_fo.node.config_view import types

        return types(Registry())

    def answer_groups(self, params):
        return [
            {"path": f"Servers/Rack {rack:02d}", "name": f"Rack {rack:02d}", "monitors": 10, "depends_on": "", "profile": ""}
            for rack in range(12)
        ]

    def answer_alerts(self, params):
        common = {"when": "once after 1", "to": ["ops@shop.example"], "enabled": True, "profile": ""}
        return [
            {"scope": "/", "name": "mail all", "on": "error", **common},
            {"scope": "Servers/Rack 01", "name": "mail rack", "on": "warning", **common},
            {"scope": self.rows[1]["path"], "name": "mail one", "on": "nodata", **common},
        ]

    def answer_profile(self, params):
        part = next(one for one in self.status_answer["profiles"] if one["name"] == params["name"])
        return {
            "name": part["name"],
            "primary_host": part["primary"]["host"],
            "primary_port": part["primary"]["port"],
            "merge_back": False,
            "status": part,
        }

    def answer_logs(self, params):
        return [
            {"name": name, "bytes": 120_000, "from": stamp(86_400), "to": stamp()}
            for name in ("high_availability", "error", "run", "audit")
        ]

    def answer_log(self, params):
        """A log of 1,000 lines of 100 bytes each."""
        every = [log_line(number) for number in range(1000)]
        count = int(params.get("lines", 20))
        fits = [
            number
            for number, line in enumerate(every)
            if params.get("match", "").casefold() in line.casefold() and params.get("level", "") in line
        ]
        if "before" in params:
            chosen = [number for number in fits if number * 100 < int(params["before"])][-count:]
        elif "since" in params:
            chosen = [number for number in fits if number * 100 >= int(params["since"])][:count]
        elif "at" in params:
            chosen = [number for number in fits if every[number][:19] >= params["at"][:19]][:count]
        else:
            chosen = fits[-count:]
        after = (chosen[-1] + 1) * 100 if chosen else int(params.get("since", 100_000))
        return {
            "lines": [every[number] for number in chosen],
            "offsets": [number * 100 for number in chosen],
            "prev": chosen[0] * 100 if chosen else 0,
            "next": after,
            "size": 100_000,
            "end": after >= 100_000,
        }

    def answer_timeline(self, params):
        return [
            {
                "at": stamp(90_000),
                "from": "grace",
                "to": "activating",
                "why": "3 misses, 3 min without a proof of life, the gate is open",
                "term": 2,
                "evidence": [{"at": stamp(90_010), "kind": "miss_refused", "what": "connection refused"}],
            },
            {
                "at": stamp(86_400),
                "from": "handback",
                "to": "standby",
                "why": "the primary runs again",
                "term": 3,
                "evidence": [],
            },
        ]

    async def command(self, body, *, progress=None):
        self.told.append(body)
        if self.refuses is not None:
            return CommandReply(id="c1", outcome="refused", error=self.refuses.body(), progress=1.0)
        return CommandReply(id="c1", outcome="done", text="Done", progress=1.0)

    async def aclose(self):
        pass
