"""What a node that is set up answers to the queries of Preferences, as recorded from a real one."""

from datetime import UTC, datetime

from sitescope_fo.notify.built_in import BUILT_IN

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC).timestamp()


def stamp(seconds_from_now=0.0):
    return datetime.fromtimestamp(NOW + seconds_from_now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def certificate(role, name, verdict="good", says="it expires in 824 days", fingerprint="66f78f46" * 8):
    return {
        "role": role,
        "name": name,
        "file": f"{name}.pem",
        "verdict": verdict,
        "says": says,
        "subject": f"CN={name}",
        "issuer": f"CN={name}",
        "self_signed": True,
        "names": [name, "192.0.2.10"],
        "not_before": stamp(-86400),
        "not_after": stamp(824 * 86400),
        "days_left": 824,
        "fingerprint": fingerprint,
    }


ANSWERS = {
    "config": {
        "node.role": "failover",
        "node.host": "fo1.example",
        "web.bind": ["0.0.0.0", "::"],
        "web.port": 8080,
        "web.tls": False,
        "web.allow_plain": False,
        "logs.keep": "40d",
        "logs.max_size": "2GiB",
        "checks.max": 100,
        "checks.max_per_host": 10,
        "checks.ramp": 500.0,
        "pair.boot_check": "10s",
        "pair.goodbye": "30s",
        "pair.clock_skew": "30s",
        "files.watch_every": "1s",
        "console.on_hangup": "detach",
    },
    "license": {"edition": "community", "limits": "none", "file": "none is needed", "expires": "never"},
    "lwsso": {
        "set": True,
        "key_id": "5656312dbd5767f2",
        "since": stamp(-86400),
        "rotating": False,
        "peers": [
            {"node_id": "a1", "name": "prod", "key_id": "5656312dbd5767f2", "same": True},
            {"node_id": "a2", "name": "test", "key_id": "ffff312dbd5767f2", "same": False},
            {"node_id": "a3", "name": "", "key_id": "", "same": None},
        ],
    },
    "schedules": [
        {
            "name": "business hours",
            "kind": "range",
            "windows": ["mon-fri 08:00-18:00"],
            "moments": [],
            "used_by": ["Servers/Web/Home page"],
            "open": False,
            "next_on": stamp(22 * 3600),
            "next_off": stamp(32 * 3600),
            "profile": "",
        },
        {
            "name": "nights",
            "kind": "absolute",
            "windows": [],
            "moments": ["mon-sun 02:30"],
            "used_by": [],
            "open": None,
            "next_on": stamp(16.5 * 3600),
            "next_off": "",
            "profile": "",
        },
        {
            "name": "shop hours",
            "kind": "range",
            "windows": ["mon-sat 09:00-20:00"],
            "moments": [],
            "used_by": [],
            "open": True,
            "next_on": stamp(23 * 3600),
            "next_off": stamp(10 * 3600),
            "profile": "prod",
        },
    ],
    "mail": {
        "servers": [
            {"host": "mail.example.org", "port": 587, "security": "starttls", "user": "fo", "password": "set"},
            {"host": "mail2.example.org", "port": 25, "security": "none", "user": "", "password": ""},
        ],
        "from": "fo@example.org",
        "to": ["ops@example.org"],
        "timeout_s": 20.0,
        "templates": {**BUILT_IN, "role": "{{ subject }}\n\n{{ text }}\n"},
    },
    "certificates": [
        certificate("server", "server"),
        certificate("trusted", "primary.example", "warning", "it expires in 20 days"),
        certificate("trusted", "old.example", "bad", "it has expired"),
    ],
    "users": [
        {"name": "alice", "role": "administrator", "changed": stamp(-86400)},
        {"name": "bob", "role": "viewer", "changed": stamp(-3600)},
    ],
    "tokens": [
        {"name": "grafana", "role": "viewer", "created": stamp(-86400), "expires": stamp(364 * 86400)},
        {"name": "backup", "role": "operator", "created": stamp(-86400), "expires": stamp(-10)},
        {"name": "script", "role": "viewer", "created": stamp(-86400), "expires": ""},
    ],
    "secrets": [
        {"name": "shop-password", "used_by": ["Servers/Web/Shop (settings.password)"], "set": True, "opens": True},
        {"name": "unused", "used_by": [], "set": True, "opens": False},
        {"name": "forgotten", "used_by": ["Servers/DB (settings.password)"], "set": False, "opens": False},
    ],
    "acks": [
        {
            "by": "alice",
            "at": stamp(-3600),
            "comment": "disk is ordered",
            "until": None,
            "id": "m1",
            "path": "Servers/Web/Home page",
            "profile": "prod",
            "status": "error",
        }
    ],
    "downtimes": [
        {
            "id": "6d937ab9",
            "by": "alice",
            "reason": "new disks",
            "from": stamp(-3600),
            "until": stamp(3600),
            "scope": "Servers",
            "profile": "",
            "state": "running",
            "monitors": 12,
            "at": stamp(-7200),
            "ended_by": "",
        },
        {
            "id": "0359f3de",
            "by": "bob",
            "reason": "move",
            "from": stamp(36 * 3600),
            "until": stamp(37 * 3600),
            "scope": "/",
            "profile": "",
            "state": "planned",
            "monitors": 120,
            "at": stamp(-7200),
            "ended_by": "",
        },
    ],
    "check": [
        {"id": "config", "verdict": "good", "evidence": "configuration loads", "remedy": ""},
        {"id": "clock", "verdict": "warning", "evidence": "the clock is not kept", "remedy": "Install chrony"},
    ],
}
