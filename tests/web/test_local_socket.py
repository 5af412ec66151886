"""Operators on the machine: the unix socket, who may use it, what its client says."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx
import msgspec
import pytest

from sitescope_fo.client.local import LocalClient
from sitescope_fo.model.command import CommandReply, CommandRequest, HoldProfile
from sitescope_fo.model.errors import Conflict, Internal, Refused, Unreachable
from sitescope_fo.model.service import Level
from sitescope_fo.security import local_socket
from sitescope_fo.security.local_socket import bind_local, find_local
from sitescope_fo.store.home import Home
from sitescope_fo.web.app import local_app
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.server import Listener, WebServer
from tests.security.ports import SetClock

pytestmark = pytest.mark.anyio


class Operators:
    """Commands end after `steps` looks at their progress."""

    def __init__(self):
        self.asked, self.steps, self.error, self.wait = [], 0, None, None

    async def query(self, who, name, params):
        self.asked.append((who, name, dict(params)))
        if self.wait:
            await self.wait.wait()
        if self.error:
            raise self.error
        return {"name": name, "params": dict(params)}

    async def submit(self, who, request):
        self.asked.append((who, request))
        return self._stands(request.id)

    async def progress(self, who, command_id):
        if command_id != "c1":
            raise Refused("No such command", code="not_found")
        self.steps -= 1
        return self._stands(command_id)

    def _stands(self, command_id):
        if self.steps > 0:
            return CommandReply(id=command_id, outcome="running", text=f"{self.steps} to go", progress=1 / self.steps)
        return CommandReply(id=command_id, outcome="done", result={"held": True}, progress=1.0)


@pytest.fixture
def long_home(tmp_path):
    return tmp_path / ("d" * 60) / ("e" * 60) / "SiteScope"


@asynccontextmanager
async def serving(root, service, limits=None, **kwargs):
    bound = bind_local(Home(root))
    server = WebServer([Listener((bound.sock,), local_app(service, SetClock(), limits=limits, **kwargs))], limits=limits)
    async with anyio.create_task_group() as group:
        await group.start(server.serve)
        try:
            yield bound
        finally:
            server.stop()
    bound.remove()


async def call(fn, *args, **kwargs):
    return await anyio.to_thread.run_sync(lambda: fn(*args, **kwargs))


async def code(kind, fn, *args, **kwargs):
    with pytest.raises(kind) as raised:
        await call(fn, *args, **kwargs)
    return raised.value.code


HOLD = CommandRequest(id="c1", body=HoldProfile(name="prod", reason="work"))

# ---------------------------------------------------------------- asking


async def test_a_query_comes_as_the_user_the_kernel_names(home):
    service = Operators()
    async with serving(home, service):
        answer = await call(LocalClient(home).query, "monitors", {"path": "Web/Ä & b", "group": ""})
        assert answer == {"name": "monitors", "params": {"path": "Web/Ä & b", "group": ""}}
        who = service.asked[0][0]
        assert (who.name, who.level) == (f"unix:{os.getuid()}", Level.administrator)


async def test_a_client_that_only_looks_says_so_to_the_node(home):
    service = Operators()
    async with serving(home, service):
        await call(LocalClient(home, read_only=True).query, "status")
        await call(LocalClient(home, read_only=True).command, HOLD)
        assert [entry[0].read_only for entry in service.asked] == [True, True]


async def test_a_short_command_is_one_exchange(home):
    service = Operators()
    async with serving(home, service):
        reply = await call(LocalClient(home).command, HOLD)
        assert (reply.outcome, reply.result) == ("done", {"held": True})
        assert service.asked[0][1] == HOLD


async def test_a_long_command_is_followed_with_its_progress(home):
    service, seen = Operators(), []
    service.steps = 3
    async with serving(home, service):
        reply = await call(LocalClient(home).command, HOLD, progress=lambda reply: seen.append(reply.text))
        assert reply.outcome == "done"
        assert seen[0] == "3 to go"


async def test_an_error_of_the_node_arrives_as_it_was_raised(home):
    service = Operators()
    service.error = Conflict("Two fit", where="prod", hint="Say which", code="ambiguous")
    async with serving(home, service):
        with pytest.raises(Conflict) as raised:
            await call(LocalClient(home).query, "status")
        assert raised.value.body() == service.error.body()


async def test_unknown_names_methods_and_nonsense_are_refused(home):
    async with serving(home, Operators()):
        client = LocalClient(home)
        assert await code(Refused, client.query, "nothing") == "not_found"
        assert await code(Refused, client.query, "../x") == "not_found"
        assert await code(Refused, client.query, "commands/c2") == "not_found"
        path = find_local(Home(home))
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://l") as raw:
            for method, target, status, word in [
                ("GET", "/api/v1/commands", 405, "method_not_allowed"),
                ("POST", "/api/v1/status", 405, "method_not_allowed"),
                ("GET", "/api/v1/commands/c1?wait=soon", 400, "bad_duration"),
                ("GET", "/elsewhere", 404, "not_found"),
                ("POST", "/api/v1/commands", 400, "bad_command"),
            ]:
                reply = await raw.request(method, target, content=b"{}")
                assert (reply.status_code, reply.json()["code"]) == (status, word), target
            running = await raw.post("/api/v1/commands", content=msgspec.json.encode(HOLD))
            assert running.status_code == 200
            assert (await raw.get("/healthz")).json() == {"status": "ok"}


async def test_a_command_that_still_runs_is_accepted_not_ok(home):
    service = Operators()
    service.steps = 1000
    async with serving(home, service):
        path = find_local(Home(home))
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://l") as raw:
            assert (await raw.post("/api/v1/commands", content=msgspec.json.encode(HOLD))).status_code == 202
            reply = await raw.get("/api/v1/commands/c1?wait=20")
            assert (reply.status_code, reply.json()["outcome"]) == (202, "running")


async def test_a_bug_behind_a_query_is_an_internal_error_without_details(home, caplog):
    service = Operators()
    service.error = ZeroDivisionError("secret detail")
    async with serving(home, service):
        with pytest.raises(Internal) as raised:
            await call(LocalClient(home).query, "status")
        assert "secret" not in str(raised.value)


async def test_a_body_over_the_limit_is_refused(home):
    async with serving(home, Operators(), Limits(body_bytes=100)):
        big = CommandRequest(id="c1", body=HoldProfile(name="prod", reason="x" * 200))
        assert await code(Refused, LocalClient(home).command, big) == "too_large"


@pytest.mark.parametrize("uid", [4242, None])
async def test_anybody_but_the_owner_and_root_is_refused(uid):
    app = local_app(Operators(), SetClock(), owner_uid=1000)
    sent = []

    async def send(message):
        sent.append(message)

    state = {} if uid is None else {"peer_uid": uid}
    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/status", "raw_path": b"/api/v1/status", "query_string": b"",
        "root_path": "", "headers": [], "state": state,
    }  # fmt: skip
    await app(scope, None, send)
    assert sent[0]["status"] == 403
    assert json.loads(b"".join(m.get("body", b"") for m in sent[1:]))["code"] == "not_owner"


# ---------------------------------------------------------------- nobody there


async def test_a_home_without_a_daemon_says_how_to_start_it(home):
    with pytest.raises(Unreachable, match="--daemon") as raised:
        LocalClient(home).query("status")
    assert raised.value.code == "not_running"


def leave_socket(path):
    """What a killed process leaves: a socket file nobody listens on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


async def test_the_socket_of_a_dead_daemon_is_not_running_and_is_replaced(home):
    leave_socket(home / "run" / "console.sock")
    assert await code(Unreachable, LocalClient(home).query, "status") == "not_running"
    async with serving(home, Operators()):
        assert (await call(LocalClient(home).query, "status"))["name"] == "status"
    assert not (home / "run" / "console.sock").exists()


async def test_a_daemon_that_is_stuck_is_a_timeout(home):
    service = Operators()
    service.wait = anyio.Event()
    async with serving(home, service):
        assert await code(Unreachable, LocalClient(home).query, "status", timeout_s=0.1) == "timeout"
        service.wait.set()


async def test_a_daemon_that_dies_while_asked_is_a_reset(home):
    (home / "run").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "run" / "console.sock"))
        listener.listen()

        def die():
            with suppress(OSError):
                listener.accept()[0].close()

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, die)
            assert await code(Unreachable, LocalClient(home).query, "status") == "reset"


async def test_two_daemons_cannot_serve_one_home(home):
    async with serving(home, Operators()):
        with pytest.raises(Conflict) as refused:
            bind_local(Home(home))
        assert refused.value.code == "already_running"
        assert (await call(LocalClient(home).query, "status"))["name"] == "status"


# ---------------------------------------------------------------- where it lies


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


async def test_only_the_owner_can_reach_the_socket(home):
    async with serving(home, Operators()) as bound:
        assert bound.path == home / "run" / "console.sock"
        assert (mode(home / "run"), mode(bound.path)) == (0o700, 0o600)


async def test_a_long_path_leads_through_a_file_to_a_private_folder(long_home):
    pointer = long_home / "run" / "console.sock"
    async with serving(long_home, Operators()) as bound:
        assert len(os.fsencode(pointer)) > 100 >= len(os.fsencode(bound.path))
        assert Path(pointer.read_text().strip()) == bound.path
        assert (mode(pointer), mode(bound.path), mode(bound.path.parent)) == (0o600, 0o600, 0o700)
        assert (await call(LocalClient(long_home).query, "status"))["name"] == "status"
    assert not pointer.exists()
    assert not bound.path.parent.exists()
    assert await code(Unreachable, LocalClient(long_home).query, "status") == "not_running"


def test_what_a_killed_daemon_left_behind_a_long_path_is_cleaned_up(long_home):
    dead = bind_local(Home(long_home))
    dead.sock.close()
    with pytest.raises(Unreachable):
        LocalClient(long_home).query("status")
    living = bind_local(Home(long_home))
    try:
        assert living.path == dead.path or not dead.path.parent.exists()
        with pytest.raises(Conflict):
            bind_local(Home(long_home))
    finally:
        living.remove()


@pytest.mark.parametrize(("permissions", "used"), [(0o700, True), (0o755, False)])
def test_only_a_private_runtime_folder_is_used(long_home, monkeypatch, permissions, used):
    with tempfile.TemporaryDirectory() as short:
        Path(short).chmod(permissions)
        monkeypatch.setattr(local_socket, "runtime_folder", lambda: Path(short))
        bound = bind_local(Home(long_home))
        assert (Path(short) in bound.path.parents) is used
        bound.remove()


def test_a_stopped_server_does_not_remove_the_socket_of_its_successor(home):
    first = bind_local(Home(home))
    first.sock.close()
    second = bind_local(Home(home))
    first.remove()
    assert second.path.exists()
    second.remove()
    assert not second.path.exists()


def test_a_command_line_loads_no_http_framework_to_ask_its_daemon():
    run = subprocess.run(
        [sys.executable, "-c", "import sys, sitescope_fo.client.local; print(*sys.modules)"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    loaded = set(run.stdout.split())
    assert not loaded & {"httpx", "httpcore", "anyio", "starlette", "uvicorn", "cryptography", "asyncio"}


def test_a_long_temporary_folder_still_gives_a_socket(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    home = Home(deep / "SiteScope")
    home.root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(local_socket, "runtime_folder", lambda: tmp_path / "nobody is logged in")
    local = bind_local(home)
    try:
        assert find_local(home) == local.path
        assert len(os.fsencode(local.path)) <= 100
    finally:
        local.remove()
        local.sock.close()
