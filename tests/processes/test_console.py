"""The console as a process on a real terminal: how it ends, what it leaves behind, and that the engine never notices."""

import os
import signal
import sys
import time
from itertools import pairwise

import pytest

from sitescope_fo.client.local import LocalClient
from sitescope_fo.model.command import CommandRequest, UserAdd
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import load_node_config, set_node_value
from sitescope_fo.store.lock import acquire, holder
from sitescope_fo.store.results import ResultLog
from tests.console.pty import Terminal, cpu_s
from tests.node.nodes import log_lines, make_home
from tests.node.test_daemon import free_port
from tests.processes.daemon import PROGRAM, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FRAGILE = [sys.executable, "-m", "tests.console.fragile"]
READY = "Quit"
F7, F9, F10 = "\x1b[18~", "\x1b[20~", "\x1b[21~"
DOWN = "\x1b[B"
STALL_S = 12.0
PASSWORD = "correct horse 12"
BEAT_S = 1.0
PULSE = """
[group]
name = "Pulse"
[[monitor]]
type = "port"
name = "Own port"
frequency = "1s"
settings = {{ host = "127.0.0.1", port = {port} }}
"""
IDLE_S = 2.0


@pytest.fixture
def home(tmp_path):
    """A primary's home that listens on loopback only."""
    home = make_home(tmp_path, Role.primary, port=free_port())
    set_node_value(home, "web.bind", "127.0.0.1")
    return home


class Desk:
    """Starts consoles on one home, and ends whatever is left."""

    def __init__(self, home, folder):
        self.home, self._folder = home, folder
        self.client = LocalClient(home)
        self.terminals = []

    def open(self, *, fragile=False, ready=True, **options):
        """A terminal with the console of the home on it."""
        words = [*FRAGILE, self.home.root] if fragile else [*PROGRAM, "--home", self.home.root]
        terminal = Terminal(words, XDG_CONFIG_HOME=str(self._folder), **options)
        self.terminals.append(terminal)
        if ready:
            terminal.shows(READY)
            until(self.answers, 30, "the engine to answer")
        return terminal

    def attach(self, url, user):
        """A terminal that asks for the password of `user` on another node."""
        terminal = Terminal([*PROGRAM, "--attach", url, "--user", user], XDG_CONFIG_HOME=str(self._folder))
        self.terminals.append(terminal)
        return terminal

    def answers(self):
        try:
            return self.client.query("status", timeout_s=5)
        except SiteScopeError:
            return None

    def node(self):
        """The process that runs the node, 0 when none does."""
        return holder(self.home) or 0

    def ended(self):
        """Waits until no node runs."""
        until(lambda: not self.node(), 20, "the node to end")

    def noted(self, text):
        return any(text in line for line in log_lines(self.home.run_log))

    def beats(self):
        """When the node checked its pulse, by its own records."""
        log = ResultLog(self.home.daily)
        found = sorted(row.wall - row.duration_s for day in log.days() for row in log.rows(day))
        log.close()
        return found

    def detached(self):
        """Waits until the node goes on without a console; its process."""
        until(lambda: self.noted("goes on without it"), 20, "the console to leave")
        return self.node()

    def close(self):
        for terminal in self.terminals:
            terminal.end()
        if pid := self.node():
            os.kill(pid, signal.SIGKILL)
            self.ended()


@pytest.fixture
def desk(home, tmp_path):
    desk = Desk(home, tmp_path)
    yield desk
    desk.close()


# ---------------------------------------------------------------- the ways out


def detach(terminal):
    terminal.type("q")
    terminal.shows("Detach:")
    terminal.type("\r")


def stop(terminal):
    terminal.type("q")
    terminal.shows("Detach:")
    terminal.type(DOWN + "\r")


def to_program(number):
    return lambda terminal: os.kill(terminal.program(), number)


def to_worker(number):
    return lambda terminal: os.kill(terminal.worker(), number)


GOES_ON, ENDS = True, False
WAYS_OUT = {
    "q and detach": (detach, 0, GOES_ON),
    "q and stop": (stop, 0, ENDS),
    "SIGTERM": (to_program(signal.SIGTERM), 0, ENDS),
    "SIGTERM to the worker": (to_worker(signal.SIGTERM), 0, ENDS),
    "SIGINT": (to_program(signal.SIGINT), 0, ENDS),
    "SIGHUP": (to_program(signal.SIGHUP), 0, GOES_ON),
    "SIGHUP to the worker": (to_worker(signal.SIGHUP), 0, GOES_ON),
    "kill -9 of the worker": (to_worker(signal.SIGKILL), 70, ENDS),
    "kill -9 of the waiter": (to_program(signal.SIGKILL), -9, GOES_ON),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_way_out_gives_the_terminal_back_as_it_was(desk, way):
    leave, code, goes_on = WAYS_OUT[way]
    terminal = desk.open(fragile=True)
    assert not terminal.is_restored()
    leave(terminal)
    assert terminal.exit_code() == code
    until(terminal.is_restored, 10, "the terminal to be as before")  # the waiter may be gone first
    assert "Traceback" not in terminal.plain()
    if goes_on:
        assert desk.detached() > 0
        assert desk.answers()["node"]["pid"] == desk.node()
    else:
        desk.ended()
        acquire(desk.home).release()


# ---------------------------------------------------------------- detach and come back


def test_detaching_says_how_to_come_back_and_a_second_start_attaches(desk):
    terminal = desk.open()
    detach(terminal)
    assert terminal.exit_code() == 0
    pid = desk.detached()
    assert f"The node goes on in the background (pid {pid})" in terminal.after_screen()
    assert f"sitescope-fo --home {desk.home.root}" in terminal.after_screen()
    assert os.getsid(pid) == pid

    second = desk.open()
    second.shows("RUNNING")
    second.type("q")
    assert second.exit_code() == 0
    assert second.is_restored()
    assert desk.node() == pid

    os.kill(pid, signal.SIGTERM)
    desk.ended()
    assert desk.noted("stopping on SIGTERM")


def test_another_node_is_shown_after_login(desk):
    detach(desk.open())
    pid = desk.detached()
    made = UserAdd(name="ann", role="viewer", password=PASSWORD)
    assert desk.client.command(CommandRequest(id="1", body=made)).outcome == "done"
    url = f"http://127.0.0.1:{load_node_config(desk.home).port}"

    wrong = desk.attach(url, "ann")
    wrong.shows("Password")
    wrong.type("not that one\r")
    assert wrong.exit_code() == 5
    assert "error: The user or the password is wrong" in wrong.plain()

    right = desk.attach(url, "ann")
    right.shows("Password")
    right.type(f"{PASSWORD}\r")
    right.shows("RUNNING")
    right.type("q")
    assert right.exit_code() == 0
    assert right.is_restored()
    assert PASSWORD not in right.plain()
    assert desk.node() == pid


def test_a_detached_node_reads_its_configuration_again_on_sighup(desk):
    terminal = desk.open()
    to_program(signal.SIGHUP)(terminal)
    pid = desk.detached()
    set_node_value(desk.home, "checks.max", "7")
    os.kill(pid, signal.SIGHUP)
    until(lambda: desk.client.query("config")["checks.max"] == 7, 10, "the new value")
    assert desk.node() == pid


def test_a_hang_up_stops_the_node_where_it_is_set_so(desk):
    set_node_value(desk.home, "console.on_hangup", "stop")
    terminal = desk.open()
    os.kill(terminal.program(), signal.SIGHUP)
    desk.ended()
    assert desk.noted("stopping on hang-up: SIGHUP")


@pytest.mark.parametrize("loose", [False, True], ids=["with SIGHUP", "without SIGHUP"])
def test_a_terminal_that_vanishes_leaves_the_node_running_at_rest(desk, loose):
    terminal = desk.open(loose=loose)
    pid = terminal.worker()
    terminal.vanish()
    assert desk.detached() == pid
    before = cpu_s(pid)
    end = time.monotonic() + IDLE_S
    until(lambda: time.monotonic() > end, 2 * IDLE_S, "some seconds")
    assert cpu_s(pid) - before < 0.05 * IDLE_S
    assert desk.answers()["node"]["pid"] == pid


# ---------------------------------------------------------------- faults


def test_a_crash_of_the_console_shows_no_variables_and_says_how_to_come_back(desk):
    terminal = desk.open(fragile=True)
    terminal.type(F9)
    assert terminal.exit_code() == 70
    assert desk.detached() == desk.answers()["node"]["pid"]
    assert terminal.is_restored()
    said = terminal.after_screen()
    assert "error: The console crashed (ValueError at fragile.py:" in said
    assert str(desk.home.error_log) in said
    assert "Come back with: sitescope-fo --home" in said
    assert "planted-secret" not in terminal.plain()
    [line] = log_lines(desk.home.error_log)
    assert "event=console_crashed" in line
    assert 'what="ValueError: 14 letters"' in line
    assert "planted-secret" not in line


def test_a_crash_of_the_engine_is_one_line(desk):
    terminal = desk.open(fragile=True)
    terminal.type(F10)
    assert terminal.exit_code() == 70
    assert terminal.is_restored()
    desk.ended()
    said = terminal.after_screen().partition("[exit")[0].strip().splitlines()
    assert said == [f"error: The node crashed ({desk.home.error_log}). Please report the lines at its end"]
    assert "LookupError: the engine broke" in desk.home.error_log.read_text()


def test_a_node_that_cannot_start_says_why_on_the_terminal(desk, home):
    set_node_value(home, "web.bind", "192.0.2.1")
    terminal = desk.open(ready=False)
    assert terminal.exit_code() == 2
    assert "error: Cannot listen on '192.0.2.1'" in terminal.after_screen()
    assert terminal.is_restored()


def test_without_a_home_it_says_how_to_make_one(tmp_path):
    terminal = Terminal([*PROGRAM, "--home", tmp_path / "SiteScope"])
    try:
        assert terminal.exit_code() == 4
        assert "Make one with: sitescope-fo setup" in terminal.plain()
    finally:
        terminal.end()


# ---------------------------------------------------------------- a terminal that holds still


def test_a_terminal_that_stops_reading_delays_neither_the_engine_nor_the_stop(desk):
    group = desk.home.groups / "Pulse" / "group.toml"
    group.parent.mkdir()
    group.write_text(PULSE.format(port=load_node_config(desk.home).port))
    terminal = desk.open(fragile=True)
    until(desk.beats, 20, "the first check")
    terminal.type(F7)
    terminal.stall()
    stalled = desk.beats()[-1]
    until(lambda: desk.beats()[-1] - stalled > STALL_S, STALL_S + 20, "checks to go on while the terminal stands")
    beats = [beat for beat in desk.beats() if beat >= stalled]
    assert max(later - earlier for earlier, later in pairwise(beats)) < 2 * BEAT_S

    start = len(terminal.output)
    terminal.resume()
    terminal.shows(READY, start=start + 100_000)  # past what lay on the way: painted anew
    terminal.stall()
    os.kill(terminal.program(), signal.SIGTERM)
    desk.ended()
    terminal.resume()
    assert terminal.exit_code() == 0
    assert terminal.is_restored()
    assert desk.noted("stopping on SIGTERM")


def test_ctrl_z_and_stop_signals_from_the_terminal_do_not_stop_the_engine(desk):
    terminal = desk.open()
    terminal.type("\x1a")
    os.kill(terminal.worker(), signal.SIGTSTP)
    os.kill(terminal.program(), signal.SIGTSTP)
    assert desk.answers()
    detach(terminal)
    assert terminal.exit_code() == 0
    assert desk.detached()
