"""The program as a process: what it loads, how it ends, what it asks on a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys

import pytest

from tests.cli.doors import CannedDoor, make_home

PROGRAM = [sys.executable, "-m", "sitescope_fo"]
HEAVY = (
    "textual",
    "rich",
    "httpx",
    "starlette",
    "uvicorn",
    "cryptography",
    "sitescope_fo.monitors",
    "jinja2",
    "asyncio",
    "anyio",
)
LOADED = """
import json, sys
from sitescope_fo.cli.main import main
code = main(sys.argv[1:])
print("\\n" + json.dumps([code, sorted(name for name, module in sys.modules.items() if module is not None)]))
"""


def test_status_of_a_running_node_loads_nothing_heavy(node_home):
    run = subprocess.run(
        [sys.executable, "-c", LOADED, "--home", str(node_home), "status"], check=True, capture_output=True, text=True
    )
    code, modules = json.loads(run.stdout.splitlines()[-1])
    assert code == 0
    assert [m for m in modules if any(m == heavy or m.startswith(f"{heavy}.") for heavy in HEAVY)] == []


def test_a_reader_that_went_away_ends_it_quietly(node_home):
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run([*PROGRAM, "--home", str(node_home), "status"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (run.returncode, run.stderr) == (141, b"")


def test_ctrl_c_ends_it_quietly(node_home):
    terminal = ["env", "--default-signal=INT"]  # what runs in the background of a script ignores Ctrl-C
    follow = [*terminal, *PROGRAM, "--home", str(node_home), "log", "tail", "--follow"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"first\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_the_shell_completes_commands_and_options():
    env = {**os.environ, "_SITESCOPE_FO_COMPLETE": "bash_complete", "COMP_WORDS": "sitescope-fo prof", "COMP_CWORD": "1"}
    run = subprocess.run(PROGRAM, env=env, capture_output=True, text=True, check=False)
    assert run.stdout == "plain,profile\n"


def test_a_fault_of_its_own_is_one_line_with_the_details_in_the_log(run, home):
    made = make_home(home)

    def broken(params):
        secret = "hunter2"
        return [][len(secret)]

    said = run("--home", home, "status", door=CannedDoor(status=broken))
    assert said.code == 70
    assert said.err.count("\n") == 1
    assert str(made.error_log) in said.err
    [line] = made.error_log.read_text().splitlines()
    assert line.startswith('2026-11-22T12:00:00.000Z ERROR event=command_crashed what="IndexError: list index out of range"')
    assert "broken < " in line
    assert "hunter2" not in line + said.err
    assert run("--home", home, "status", "--json", door=CannedDoor(status=broken)).json()["error"]["code"] == "internal"


def test_a_fault_without_a_home_is_still_one_line(run, home):
    said = run("--home", home, "status", door=CannedDoor(status=RuntimeError("odd")))
    assert (said.code, home.exists()) == (70, False)
    assert "No home to write details to" in said.err


# ---------------------------------------------------------------- on a terminal


class Terminal:
    """The program on a pseudo terminal."""

    def __init__(self, *args, **env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execve(sys.executable, [*PROGRAM, *args], {**os.environ, "TERM": "xterm", **env})

    def until(self, text):
        """Reads until `text` has been shown; "" reads to the end."""
        while not text or text not in self.seen:
            assert select.select([self.fd], [], [], 30)[0], self.seen
            try:
                self.seen += os.read(self.fd, 4096).decode()
            except OSError:  # the other side is closed
                assert not text, self.seen
                return
        return

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit code, after all output was read."""
        self.until("")
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(node_home):
    return lambda *args, **env: Terminal("--home", str(node_home), *args, **env)


def test_a_dangerous_command_explains_itself_and_wants_the_profiles_name(terminal):
    one = terminal("switchover", "prod")
    one.until("Type prod to go on")
    assert "the primary stops monitoring and this node goes on" in one.seen
    assert "SiteScope Failover on failover.example: 120 monitors" in one.seen
    assert "primary primary.example:8080 is running, last proof of life" in one.seen
    one.type("prod\n")
    assert one.end() == 0


def test_another_answer_changes_nothing(terminal):
    one = terminal("switchover", "prod")
    one.until("Type prod to go on")
    one.type("yes\n")
    assert one.end() == 5
    assert "nothing was changed" in one.seen


def test_a_passphrase_is_asked_for_twice_and_not_shown(terminal):
    one = terminal("lwsso", "set")
    for prompt in ("Passphrase: ", "Repeat for confirmation: "):
        one.until(prompt)
        one.type("correct horse battery\n")
    assert one.end() == 0
    assert "correct horse" not in one.seen


@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_states_are_coloured_on_a_terminal_unless_it_wants_none(terminal, env, coloured):
    one = terminal("status", **env)
    assert one.end() == 0
    assert ("\x1b[32m" in one.seen) is coloured
    assert "standby" in one.seen
