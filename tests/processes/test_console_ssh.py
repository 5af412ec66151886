"""The console where people sit in front of it: over a real sshd, in a terminal that tmux plays, at the sizes terminals have."""

import os
import re
import signal

import pytest

from sitescope_fo.client.local import LocalClient
from sitescope_fo.model.command import CommandRequest, ProfileAdd
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import set_node_value
from sitescope_fo.store.lock import holder
from tests.console.pty import Terminal
from tests.node.nodes import make_home
from tests.node.test_daemon import free_port
from tests.processes import ssh, tmux
from tests.processes.daemon import PROGRAM, Daemon, environment, until
from tests.processes.ssh import Sshd
from tests.processes.tmux import Tmux

REASON = ssh.missing() or tmux.missing()
pytestmark = [
    pytest.mark.processes,
    pytest.mark.real_service,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(REASON), reason=REASON),
]

SIZES = ((80, 24), (100, 30), (200, 50))
PAGES = {"1": "by problems", "2": "nobody is proven to monitor", "3": "following", "4": "Snapshots of prod", "5": "LW-SSO"}
HELP = "type to search"
CLOCK = re.compile(r"\d\d:\d\d:\d\dZ$")
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|38|48|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
REVERSE = re.compile(rb"\x1b\[(?:[0-9;]*;)?7(?:;[0-9;]*)?m")


def failover_home(folder):
    """A failover's home that listens on loopback only."""
    home = make_home(folder, Role.failover, port=free_port())
    set_node_value(home, "web.bind", "127.0.0.1")
    return home


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    sshd = Sshd(tmp_path_factory.mktemp("sshd") / "sshd")
    yield sshd
    sshd.end()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A failover as a daemon, with a profile for a primary that nobody has heard of."""
    node = Daemon("failover", failover_home(tmp_path_factory.mktemp("node")).root, 0)
    try:
        node.start()
        added = ProfileAdd(name="prod", primary_host="127.0.0.1", primary_port=free_port(), without_primary=True)
        assert node.client.command(CommandRequest(id="1", body=added)).outcome == "done"
        yield node
    finally:
        node.end()


@pytest.fixture
def window(tmp_path):
    """Call it for a window of tmux in which a program runs."""
    windows = []

    def opened(argv, size=SIZES[0]):
        folder = tmp_path / str(len(windows))
        folder.mkdir()
        windows.append(Tmux(folder, argv, size=size, XDG_CONFIG_HOME=str(tmp_path)))
        return windows[-1]

    yield opened
    for each in windows:
        each.end()


@pytest.fixture
def terminal(tmp_path):
    """Call it for a terminal whose bytes are looked at."""
    terminals = []

    def opened(argv, **env):
        terminals.append(Terminal(argv, **{"XDG_CONFIG_HOME": str(tmp_path), "LANG": "C.UTF-8", **env}))
        return terminals[-1]

    yield opened
    for each in terminals:
        each.end()


def console(root):
    """What one types after a login; the folder is the one of this checkout."""
    return ["env", "-C", environment()["PYTHONPATH"], *PROGRAM, "--home", root]


def walk(window, size):
    """Every page and the help, key by key; each fills a screen of `size` and says its keys."""
    for key, part in PAGES.items():
        window.press(key)
        window.shows(part, "q Quit", no=[HELP])
        lines = window.lines()
        assert len(lines) == size[1]
        assert len(lines[0]) == size[0] - 1, lines[0]
        assert CLOCK.search(lines[0])
        assert lines[0].startswith(" SiteScope Failover")
        assert "1 Monitors  2 Failover  3 Logs  4 History  5 Preferences" in lines[1]
        assert lines[-1].rstrip().endswith("q Quit")
    window.press("?")
    window.shows(HELP, "what it does", "Cancel")
    window.press("Escape")
    window.shows("LW-SSO", no=[HELP])


def test_every_page_is_whole_at_three_sizes_and_repainted_when_the_window_is_resized(sshd, node, window):
    screen = window(sshd.words(*console(node.home)))
    screen.shows("by problems", "q Quit")
    walk(screen, SIZES[0])
    for size in SIZES[1:]:
        screen.resize(*size)
        until(lambda size=size: len(screen.lines()[0]) == size[0] - 1, 10, f"a screen of {size}")
        walk(screen, size)
    screen.resize(*SIZES[0])
    until(lambda: len(screen.lines()[0]) == SIZES[0][0] - 1, 10, "the small screen again")
    assert screen.lines()[-1].rstrip().endswith("q Quit")


def test_what_is_copied_reaches_the_clipboard_at_the_other_end_of_the_line(sshd, node, window):
    screen = window(sshd.words(*console(node.home)))
    screen.shows("q Quit")
    screen.press("2")
    screen.shows(PAGES["2"])
    screen.press("y")
    screen.shows("Copied")
    assert PAGES["2"] in until(screen.clipboard, 10, "something in the clipboard")


def test_a_line_that_breaks_leaves_the_node_running_for_the_next_session(sshd, tmp_path, window):
    home = failover_home(tmp_path)
    first = window(sshd.words(*console(home.root)))
    try:
        first.shows("no profile yet", "q Quit")
        client = LocalClient(home)
        pid = until(lambda: _answers(client), 30, "the engine to answer")["node"]["pid"]
        os.kill(first.program(), signal.SIGKILL)
        until(lambda: "goes on without it" in home.run_log.read_text(), 20, "the console to leave")
        assert client.query("status")["node"]["pid"] == pid == holder(home)

        second = window(sshd.words(*console(home.root)))
        second.shows("no profile yet", "q Quit")
        second.press("q")
        second.ended()
        assert client.query("status")["node"]["pid"] == pid
    finally:
        if pid := holder(home):
            os.kill(pid, signal.SIGKILL)


def _answers(client):
    try:
        return client.query("status", timeout_s=5)
    except SiteScopeError:
        return None


def test_no_color_sends_no_colour_and_a_cursor_in_reverse_video(sshd, node, terminal):
    shown = terminal(sshd.words(*console(node.home)), NO_COLOR="1")
    shown.shows("q Quit")
    shown.type("2")
    shown.shows(PAGES["2"])
    shown.type("\x14")  # Ctrl+T: a list to choose from
    shown.shows("daylight")
    assert not COLOUR.findall(shown.output)
    assert REVERSE.search(shown.output)
    assert ">prod" in shown.plain()


def test_colours_are_there_without_no_color(sshd, node, terminal):
    shown = terminal(sshd.words(*console(node.home)))
    shown.shows("q Quit")
    assert COLOUR.search(shown.output)


@pytest.mark.parametrize("way", ["locale", "setting"])
def test_in_ascii_no_byte_above_127_is_sent(sshd, node, terminal, tmp_path, way):
    if way == "setting":
        (tmp_path / "sitescope-fo").mkdir()
        (tmp_path / "sitescope-fo" / "console.toml").write_text("ascii = true\n")
    shown = terminal(sshd.words(*console(node.home)), LANG="C" if way == "locale" else "C.UTF-8")
    shown.shows("q Quit")
    for key, part in (*PAGES.items(), ("?", HELP)):
        start = len(shown.output) if key != "1" else 0
        shown.type(key)
        shown.shows(part, start=start)
    assert shown.output.isascii()


def test_the_help_is_whole_in_a_small_tmux(node, window):
    screen = window([*PROGRAM, "--home", node.home])
    screen.shows("q Quit")
    screen.press("?")
    text = screen.shows(HELP, "what it does", "Cancel")
    framed = [line for line in text.splitlines() if "\u2502" in line]
    assert len(framed) > 15
    assert len({(line.index("\u2502"), line.rindex("\u2502")) for line in framed}) == 1
    assert all(len(line) <= 80 for line in text.splitlines())
