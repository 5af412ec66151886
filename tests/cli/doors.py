"""A door double with canned answers, and a small node behind the product's own unix socket."""

import threading
from contextlib import contextmanager

import anyio
import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import Bad, ConfigInvalid, Conflict, Problem, Refused, SiteScopeError, Usage
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.model.service import read_only_refusal
from sitescope_fo.model.status import Role
from sitescope_fo.security.local_socket import bind_local
from sitescope_fo.store.home import create_home
from sitescope_fo.store.lock import acquire
from sitescope_fo.web.app import local_app
from sitescope_fo.web.server import Listener, WebServer
from tests.cli.past_answers import HISTORY, LOGS, STEPS
from tests.security.ports import SetClock

NOON = 1795348800.0  # 2026-11-22T12:00:00Z
URL = TypeSpec(
    name="url",
    title="URL",
    help="Fetches a page.",
    settings=(
        SettingSpec(name="url", kind="text", help="Address.", required=True),
        SettingSpec(name="max_bytes", kind="integer", help="Most bytes.", least=1, most=1000),
        SettingSpec(name="share", kind="number", help="A share."),
        SettingSpec(name="verify_tls", kind="flag", help="Verify."),
        SettingSpec(name="headers", kind="list", help="Headers."),
        SettingSpec(name="method", kind="choice", help="Method.", choices=("GET", "HEAD")),
        SettingSpec(name="password", kind="secret", help="Password."),
    ),
    values=(ValueSpec(name="status", kind="number", help="Status."),),
)
PING = TypeSpec(
    name="ping",
    title="Ping",
    help="Sends echoes.",
    settings=(
        SettingSpec(name="host", kind="text", help="Host.", required=True),
        SettingSpec(name="max_bytes", kind="text", help="Something else than for url."),
    ),
    values=(),
)
PROFILE = {
    "name": "prod", "id": "p1", "primary_host": "primary.example", "primary_port": 8080, "tls": False, "node_id": "n-1",
    "preset": "classic", "misses": 3, "activate_after_s": 180.0, "check_every_s": 15.0, "soft_timeout_s": 5.0,
    "hard_timeout_s": 15.0, "stable_for_s": 60.0, "mirror_every_s": 14400.0, "merge_back": False, "backups": 2,
    "disable_apm": False, "self_targets": "retarget", "check_schedule": "", "mirror_schedule": "", "notify": [],
}  # fmt: skip
STATUS_PROFILE = {
    "name": "prod",
    "primary": {"host": "primary.example", "port": 8080, "tls": False, "node_id": "n-1", "state": "running", "version": "0.1.0"},
    "state": "standby", "position": "standby", "conditions": [], "may_check": False, "term": 3,
    "since": "2026-11-22T10:00:00Z", "last_proof_of_life": "2026-11-22T11:59:56Z", "activates_at": None,
    "evidence": [{"at": "2026-11-22T11:59:56Z", "kind": "probe_ok", "what": "scheduler progress 0.2 s"}],
    "mirror": {"revision": "ab" * 32, "at": "2026-11-22T11:00:00Z", "age_s": 4.1, "monitors": 120, "verified": True},
    "last_transition": {"from": "handback", "to": "standby", "at": "2026-11-22T10:00:00Z", "why": "the primary runs"},
    "merge": {"pending": 0, "conflicts": 0}, "next": "takes over when the primary gives no proof of life for 3m",
}  # fmt: skip
STATUS = {
    "node": {
        "id": "n-2", "role": "failover", "title": "SiteScope Failover", "host": "failover.example", "version": "0.1.0",
        "started": "2026-11-22T09:00:00Z", "pid": 4711, "home": "/opt/SiteScope", "url": "http://failover.example:8080",
    },
    "monitors": {"total": 120, "suspended": 120, "disabled": 120},
    "profiles": [STATUS_PROFILE],
    "peers": [],
    "health": {"scheduler_age_s": 0.2, "loop_lag_p99_ms": 3.1, "disk_free_bytes": 5 * 1024**3, "clock_skew_s": 0.01},
}  # fmt: skip
MONITOR = {
    "id": "m-1", "path": "Servers/Web/Home page", "name": "Home page", "type": "url", "status": "error",
    "state_string": "status 503", "value": 503, "frequency_s": 60.0, "enabled": True, "suspended": False, "waiting": False,
    "last_run": "2026-11-22T11:59:30Z", "next_run": "2026-11-22T12:00:30Z", "profile": "",
}  # fmt: skip
PEER = {
    "node_id": "n-2", "host": "failover.example", "port": 8080, "role": "failover", "listed_as": "prod",
    "last_seen": "2026-11-22T11:59:58Z", "accepted": True,
}  # fmt: skip
ANSWERS = {
    "status": STATUS,
    "monitor_page": {"rows": [MONITOR], "total": 1, "offset": 0, "next": None},
    "monitor": {
        **MONITOR,
        "config": {"settings": {"url": "https://shop.example/"}, "error_if": ["status != 200"]},
        "alerts": [{"name": "mail ops", "on": "error", "when": "once after 1"}],
        "last": [{"wall": NOON - 30, "status": "error", "state_string": "status 503", "duration_s": 0.2}],
    },
    "groups": [{"path": "Servers/Web", "name": "Web", "monitors": 1, "depends_on": "", "profile": ""}],
    "alerts": [
        {"scope": "/", "name": "mail ops", "on": "error", "when": "once after 1", "to": ["a@b.example"], "enabled": True,
         "profile": ""}
    ],
    "acks": [
        {"id": "m-1", "path": "Servers/Web/Home page", "profile": "prod", "status": "error", "by": "bob",
         "at": "2026-11-22T11:00:00Z", "comment": "disk is ordered", "until": None}
    ],
    "downtimes": [
        {"id": "3f2a9c1d", "scope": "Servers/Web", "profile": "prod", "reason": "new disks", "by": "bob",
         "at": "2026-11-22T11:00:00Z", "from": "2026-11-22T11:30:00Z", "until": "2026-11-22T13:30:00Z", "state": "running",
         "monitors": 12}
    ],
    "profiles": [STATUS_PROFILE],
    "profile": {**PROFILE, "status": STATUS_PROFILE},
    "defaults": {"notify": ["ops@example.org"]},
    "peers": [PEER],
    "history": [
        {"snapshot": "20261122T100000Z.zip", "at": "2026-11-22T10:00:00Z", "bytes": 2048, "monitors": 120,
         "revision": "ab" * 32, "kind": "scheduled", "verified": True}
    ],
    "history_show": {
        "snapshot": "20261122T100000Z.zip", "at": "2026-11-22T10:00:00Z", "kind": "scheduled", "revision": "ab" * 32, "base": "",
        "verified": True, "counts": {"groups": 1, "monitors": 1, "files": 3}, "left_off": 2,
        "monitors": [{"path": "Servers/Web/Home page", "id": "m-1", "type": "url", "enabled": True}],
    },
    "history_diff": {
        "a": {"snapshot": "20261122T100000Z.zip", "at": "2026-11-22T10:00:00Z", "revision": "ab" * 32},
        "b": {"snapshot": "current", "at": "2026-11-22T11:00:00Z", "revision": "cd" * 32},
        "same": False, "total": 3, "offset": 0, "next": 2,
        "changes": [
            {"kind": "group", "change": "added", "id": "g-1", "path": "Servers/Db", "was": "", "keys": []},
            {"kind": "monitor", "change": "changed", "id": "m-1", "path": "Servers/Web/Home", "was": "Servers/Web/Home page",
             "keys": [{"key": "frequency", "old": "1m", "new": "2m"}, {"key": "settings.match", "old": None, "new": "Hi"}]},
        ],
    },
    "config": {"web.port": 8080, "web.tls": False},
    "check": [{"id": "disk", "verdict": "good", "evidence": "5 GiB free"}],
    "log": {"lines": [], "offsets": [], "prev": 0, "next": 0, "size": 0, "end": True},
    "logs": LOGS,
    "monitor_history": HISTORY,
    "timeline": STEPS,
    "results": [],
    "export": {"day": "2026-11-22", "lines": ["a\tb", "c\td"]},
    "mail": {
        "servers": [{"host": "mail.example", "port": 25}],
        "to": ["ops@example.org"],
        "templates": {"alert": "A subject\n{{ path }}"},
    },
    "users": [{"name": "alice", "role": "operator", "changed": "2026-11-22T10:00:00.000Z"}],
    "tokens": [{"name": "grafana", "role": "viewer", "created": "2026-11-22T10:00:00.000Z", "expires": ""}],
    "schedules": [
        {"name": "business hours", "kind": "range", "windows": ["mon-fri 08:00-18:00"], "moments": [], "used_by": ["Web/Home"],
         "open": True, "next_on": "2026-11-23T08:00:00.000Z", "next_off": "2026-11-22T18:00:00.000Z", "profile": ""}
    ],
    "certificates": [
        {"role": "server", "name": "server", "file": "server.pem", "verdict": "warning", "says": "it expires in 20 days",
         "subject": "CN=h", "issuer": "CN=h", "self_signed": True, "names": ["h"], "not_before": "2026-11-01T00:00:00.000Z",
         "not_after": "2026-12-12T00:00:00.000Z", "days_left": 20, "fingerprint": "ab" * 32}
    ],
    "secrets": [{"name": "shop-password", "used_by": ["Web/Home (settings.password)"], "set": True, "opens": True}],
    "lwsso": {"set": True, "key_id": "0123456789abcdef", "since": "2026-11-22T10:00:00.000Z", "rotating": False, "peers": []},
    "license": {"edition": "community", "limits": "none", "file": "none is needed", "expires": "never"},
    "types": [msgspec.to_builtins(URL), msgspec.to_builtins(PING)],
}  # fmt: skip


class CannedDoor:
    """Answers what `answers` says (a value, an exception, or a function of the parameters); notes every command."""

    def __init__(self, **answers):
        self.answers = {**ANSWERS, **answers}
        self.asked = []
        self.commands = []
        self.reply = CommandReply(id="1", outcome="done", text="it is done")

    def query(self, name, params):
        self.asked.append((name, dict(params)))
        answer = self.answers[name]
        if isinstance(answer, BaseException):
            raise answer
        return answer(params) if callable(answer) else answer

    def command(self, body, on_progress):
        self.commands.append(body)
        on_progress(CommandReply(id="1", outcome="running", text="half way", progress=0.5))
        if isinstance(body, commands.TokenAdd):
            made = {"name": body.name, "role": body.role, "token": "ab" * 32, "expires": ""}
            return msgspec.structs.replace(self.reply, result=made)
        if isinstance(body, commands.CertFetch):
            seen = {**self.answers["certificates"][0], "host": body.host, "port": body.port, "named": False, "pem": "-----BEGIN"}
            return msgspec.structs.replace(self.reply, result=seen)
        return self.reply


class SmallNode:
    """An OperatorService with one profile, one group and one monitor, that refuses as a node does."""

    def __init__(self):
        self.seen = []

    async def query(self, who, name, params):
        if name in {"profile", "timeline", "history", "history_show", "history_diff"}:
            _known("profile", params["name"], "prod")
        if name == "log":
            return {"lines": [] if "since" in params else ["first"], "next": 1, "end": True}
        if name in {"monitor", "monitor_history"}:
            _known("monitor", params["path"], "Servers/Web/Home page")
        if name == "check" and params["what"] == "config":
            problem = Problem(file="groups/web/group.toml", line=3, path="monitor.frequency", what="Not a duration", hint="1m")
            raise ConfigInvalid("The configuration is not valid", where="groups", hint="Mend the files", problems=(problem,))
        return ANSWERS[name]

    async def submit(self, who, request):
        self.seen.append((who, request))
        try:
            if who.read_only:
                raise read_only_refusal(who.name)
            text = self._carry_out(request.body)
        except SiteScopeError as error:
            outcome = "refused" if isinstance(error, Refused) else "failed"
            return CommandReply(id=request.id, outcome=outcome, error=error.body())
        return CommandReply(id=request.id, outcome="done", text=text, revision=7)

    async def progress(self, who, command_id):
        raise Refused("There is no such command", where=command_id, hint="Ask again", code="not_found")

    def _carry_out(self, body):
        match body:
            case commands.ProfileAdd(name="prod"):
                raise Conflict(
                    "There is a profile 'prod' already", where="profiles", hint="Choose another name", code="duplicate"
                )
            case commands.GroupAdd(path="Servers/Web"):
                raise Conflict(
                    "There is a group 'Servers/Web' already", where="groups", hint="Choose another name", code="duplicate"
                )
            case commands.MonitorAdd(table={"name": "Home page"}):
                raise Conflict(
                    "There is a monitor 'Home page' already", where="Servers/Web", hint="Choose another", code="duplicate"
                )
            case commands.Activate(name="prod"):
                raise Refused("The primary is alive", where="prod", hint="Use switchover", code="primary_alive")
            case commands.MailTest():
                raise Bad("No server took the mail", where="mail.example:25", hint="Is it running?", code="mail_failed")
            case commands.PeerAccept() | commands.PeerRemove():
                raise Refused("This node is a failover", where="peer", hint="Run it on the primary", code="wrong_role")
            case commands.DowntimeEnd(id=name):
                _known("downtime", name, "3f2a9c1d")
            case commands.ConfigSet(key=key):
                _known("setting", key, "web.port")
            case commands.MonitorAdd(group=path) | commands.GroupRemove(path=path):
                _known("group", path, "Servers/Web")
            case _ if path := getattr(body, "path", None):
                _known("monitor", path, "Servers/Web/Home page")
            case _ if scope := getattr(body, "scope", None):
                _known("scope", scope, "Servers/Web")
            case _ if (name := getattr(body, "name", None)) and not isinstance(body, commands.ProfileAdd):
                _known("template" if isinstance(body, commands.MailTemplateSet) else "profile", name, "prod")
        return "done"


def _known(kind, name, only):
    if name != only:
        raise Usage(f"There is no {kind} '{name}'", where=f"{kind}s", hint=f"Did you mean '{only}'?", code="not_found")


def make_home(root, role=Role.failover):
    return create_home(root, role=role, port=8080, tls=False, host="h", node_id="0198f7d2", force=False, wall=NOON)


@contextmanager
def running(root, service=None):
    """A node that serves `service` on the socket of a new home at `root`; gives the service."""
    home = make_home(root)
    service = service or SmallNode()
    lock = acquire(home)
    local = bind_local(home)
    ready, server = threading.Event(), []

    async def serve():
        server.append(WebServer([Listener((local.sock,), local_app(service, SetClock()))]))
        async with anyio.create_task_group() as group:
            await group.start(server[0].serve)
            server.append(anyio.lowlevel.current_token())
            ready.set()

    thread = threading.Thread(target=anyio.run, args=(serve,))
    thread.start()
    assert ready.wait(20)
    try:
        yield service
    finally:
        anyio.from_thread.run_sync(server[0].stop, token=server[1])
        thread.join()
        local.remove()
        lock.release()
