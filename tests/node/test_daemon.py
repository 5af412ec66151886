"""The daemon as a process: what it says when it cannot start, and how it obeys its signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import anyio
import pytest

from sitescope_fo.client.local import LocalClient
from sitescope_fo.client.remote import connect
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import load_node_config, set_node_value
from sitescope_fo.store.lock import acquire
from tests.node.nodes import group_file, log_lines, make_home

pytestmark = pytest.mark.processes


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def home(tmp_path):
    """A primary's home that listens on loopback only."""
    home = make_home(tmp_path, Role.primary, port=free_port())
    set_node_value(home, "web.bind", "127.0.0.1")
    return home


def command(home):
    return [sys.executable, "-m", "sitescope_fo", "--home", str(home.root), "--daemon"]


def fails(home, *options):
    """Starts the daemon, which must not run; gives exit code and stderr."""
    done = subprocess.run([*command(home), *options], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def one_line(said):
    assert "Traceback" not in said
    assert said.startswith("error: ")
    return said


def test_a_port_that_is_taken_is_a_conflict_with_the_way_to_find_who_has_it(home):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = str(sock.getsockname()[1])
        set_node_value(home, "web.port", port)
        code, said = fails(home)
    assert code == 6
    assert port in one_line(said)


def test_a_lost_key_store_is_bad_configuration(home):
    (home.keys / "keys.toml").unlink()
    code, said = fails(home)
    assert code == 3
    assert "key store is missing" in one_line(said)


def test_a_home_that_runs_already_is_a_conflict(home):
    lock = acquire(home)
    try:
        code, said = fails(home)
    finally:
        lock.release()
    assert code == 6
    assert str(os.getpid()) in one_line(said)


def test_a_bad_config_toml_is_told_with_its_line(home):
    home.config.write_text(home.config.read_text() + "\n[wbe]\nport = 1\n")
    code, said = fails(home)
    assert code == 3
    assert "config.toml" in one_line(said)


def test_an_event_loop_that_is_none_is_bad_configuration(home, monkeypatch):
    monkeypatch.setenv("SITESCOPE_LOOP", "twisted")
    code, said = fails(home)
    assert code == 3
    assert "SITESCOPE_LOOP" in one_line(said)


def test_a_lost_ha_config_is_bad_configuration(home):
    home.ha_config.unlink()
    code, said = fails(home)
    assert code == 3
    assert "ha.config.toml" in one_line(said)


class Daemon:
    """A running daemon with a service manager that listens."""

    def __init__(self, home, folder):
        self.home = home
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(20)
        env = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "3000000"}
        with (folder / "output").open("ab") as output:
            self.process = subprocess.Popen(command(home), env=env, stdout=output, stderr=output, start_new_session=True)

    def hears(self, wanted):
        """Reads messages until one holds `wanted`; gives them all."""
        heard = []
        while not any(wanted in message for message in heard):
            heard.append(self.manager.recv(4096).decode())
        return heard

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.manager.close()


@pytest.fixture
def loop():
    """The event loop asked for; tests that try several ask by parameter."""
    return "auto"


@pytest.fixture
def daemon(home, tmp_path, loop, monkeypatch):
    monkeypatch.setenv("SITESCOPE_LOOP", loop)
    group_file(home, "Web", "Home")
    daemon = Daemon(home, tmp_path)
    yield daemon
    daemon.end()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_daemon_is_ready_reloads_on_sighup_and_ends_on_sigterm_on_either_loop(daemon, home, loop):
    ready = daemon.hears("READY=1")[-1]
    assert "STATUS=primary" in ready
    daemon.hears("WATCHDOG=1")
    client = LocalClient(home.root)
    assert client.query("status")["monitors"]["total"] == 1

    set_node_value(home, "files.watch_every", "1h")
    group_file(home, "Web", "Home", "Shop")
    daemon.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while client.query("status")["monitors"]["total"] != 2:
        assert time.monotonic() < deadline, log_lines(home.event_log)

    daemon.process.send_signal(signal.SIGTERM)
    daemon.hears("STOPPING=1")
    assert daemon.process.wait(20) == 0
    assert any(f"on {loop}" in line for line in log_lines(home.run_log))
    assert any("stopping on SIGTERM" in line for line in log_lines(home.run_log))
    with pytest.raises(SiteScopeError):
        client.query("status")
    acquire(home).release()


def test_somebody_added_on_the_machine_logs_in_over_the_network(daemon, home):
    daemon.hears("READY=1")
    add = [*command(home)[:-1], "user", "add", "alice", "--role", "viewer", "--generate", "--json"]
    told = subprocess.run(add, capture_output=True, text=True, timeout=30, check=True)
    url = f"http://127.0.0.1:{load_node_config(home).port}"

    async def look():
        client = await connect(url, user="alice", password=json.loads(told.stdout)["password"])
        found = await client.query("status")
        await client.aclose()
        return found["monitors"]["total"]

    assert anyio.run(look) == 1
    assert any(
        "who=alice command=Login outcome=done" in line for line in LocalClient(home.root).query("log", {"name": "audit"})["lines"]
    )


def test_a_mail_server_that_hangs_does_not_hold_the_end_up(daemon, home):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        daemon.hears("READY=1")
        sitescope = command(home)[:-1]
        server = ["--host", "127.0.0.1", "--port", str(silent.getsockname()[1])]
        mail = [*sitescope, "mail", "set", *server, "--from", "a@x.example", "--to", "b@x.example", "--json"]
        told = subprocess.run(mail, capture_output=True, text=True, timeout=30, check=False)
        assert told.returncode == 0, told
        assert json.loads(told.stdout)
        asked = subprocess.Popen([*sitescope, "mail", "test"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection, _ = silent.accept()
        try:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(20) == 0
        finally:
            connection.close()
            asked.wait(30)
