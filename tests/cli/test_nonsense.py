"""Whatever nonsense is typed: the right exit code, and what, where and hint in both forms."""

import os
import re
import shlex
from pathlib import Path

import pytest

from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.main import PROGRAM, root
from sitescope_fo.cli.reference import commands
from tests.cli.doors import make_home

LEAVES = {path.removeprefix(f"{PROGRAM} ") for path, command in commands(root, PROGRAM) if not isinstance(command, NodeGroup)}

# command line, exit code, error code
TABLE = [
    ("setup --role chief --yes", 2, "usage"),
    ("setup --yes", 2, "role_missing"),
    ("setup --role primary", 2, "confirmation_needed"),
    ("setup --role primary --port 99999 --yes", 2, "usage"),
    ("status now", 2, "usage"),
    ("check weather", 2, "unknown_check"),
    ("check profile", 2, "usage"),
    ("check pair prod", 2, "usage"),
    ("check config", 3, "config_invalid"),
    ("config show all", 2, "usage"),
    ("config set web.prot 1", 2, "not_found"),
    ("config set web.port", 2, "usage"),
    ("config validate", 3, "config_invalid"),
    ("config reload now", 2, "usage"),
    ("profile", 2, "usage"),
    ("profile add prod --primary-host h", 6, "duplicate"),
    ("profile add new", 2, "usage"),
    ("profile add new --primary-host h --activate-after soon", 2, "bad_duration"),
    ("profile add new --primary-host h --check-every 0s", 2, "bad_duration"),
    ("profile add new --primary-host h --preset slow", 2, "usage"),
    ("profile edit prod", 2, "nothing_to_change"),
    ("profile edit dev --backups 3", 2, "not_found"),
    ("profile list all", 2, "usage"),
    ("profile show dev", 2, "not_found"),
    ("profile timeline dev", 2, "not_found"),
    ("profile timeline prod --limit 0", 2, "usage"),
    ("profile remove dev", 2, "not_found"),
    ("profile rebind prod", 2, "confirmation_needed"),
    ("profile rebind dev --yes", 2, "not_found"),
    ("profile test dev", 2, "not_found"),
    ("profile defaults --notfy a@b.example", 2, "usage"),
    ("peer list all", 2, "usage"),
    ("peer accept n-9", 5, "wrong_role"),
    ("peer remove n-9", 5, "wrong_role"),
    ("mirror dev", 2, "not_found"),
    ("activate prod", 2, "confirmation_needed"),
    ("activate prod --yes", 5, "primary_alive"),
    ("standby prod", 2, "confirmation_needed"),
    ("standby dev --yes", 2, "not_found"),
    ("switchover prod", 2, "confirmation_needed"),
    ("switchover prod --yes --for 8d", 2, "bad_duration"),
    ("ack Servers/Nowhere --comment c", 2, "not_found"),
    ("ack Servers/Web", 2, "no_comment"),
    ("ack --comment c", 2, "no_path"),
    ("ack Servers/Web --comment c --remove", 2, "bad_options"),
    ("ack Servers/Web --comment c --for 366d", 2, "bad_duration"),
    ("downtime", 2, "usage"),
    ("downtime add / --for 1h", 2, "usage"),
    ("downtime add / --reason r", 2, "usage"),
    ("downtime add / --reason r --for 366d", 2, "bad_duration"),
    ("downtime add Nowhere --reason r --for 1h", 2, "not_found"),
    ("downtime end beef", 2, "not_found"),
    ("downtime list now", 2, "usage"),
    ("hold prod", 2, "usage"),
    ("hold prod --reason work --for 1y", 2, "bad_duration"),
    ("hold dev --reason work", 2, "not_found"),
    ("release dev", 2, "not_found"),
    ("unlock dev", 2, "not_found"),
    ("history list dev", 2, "not_found"),
    ("history verify dev", 2, "not_found"),
    ("history show dev", 2, "not_found"),
    ("history diff dev newest", 2, "not_found"),
    ("schedule list now", 2, "usage"),
    ("schedule show nights", 2, "not_found"),
    ("schedule add nights", 2, "bad_schedule"),
    ("schedule edit nights", 2, "nothing_to_change"),
    ("schedule remove nights", 2, "not_found"),
    ("lwsso show now", 2, "usage"),
    ("lwsso check dev", 2, "not_found"),
    ("cert list now", 2, "usage"),
    ("cert create", 2, "usage"),
    ("cert create h --days 0", 2, "usage"),
    ("cert import nothing.pem", 2, "bad_file"),
    ("cert import - --passphrase-stdin", 2, "usage"),
    ("cert fetch h --port 0", 2, "usage"),
    ("cert remove nobody", 2, "not_found"),
    ("secret list now", 2, "usage"),
    ("secret set shop", 2, "no_terminal"),
    ("secret set shop --file nothing.txt", 2, "bad_file"),
    ("secret remove shop", 2, "not_found"),
    ("license show now", 2, "usage"),
    ("group add Servers/Web", 6, "duplicate"),
    ("group list all", 2, "usage"),
    ("group remove Nowhere", 2, "not_found"),
    ("monitor add Nowhere --type url --name x --set url=http://h/", 2, "not_found"),
    ("monitor add Servers/Web --type url --name 'Home page'", 6, "duplicate"),
    ("monitor add Servers/Web --type ulr --name x", 2, "unknown_type"),
    ("monitor add Servers/Web --type url --name x --frequency often", 2, "bad_duration"),
    ("monitor add Servers/Web --type url --name x --set ulr=http://h/", 2, "unknown_setting"),
    ("monitor add Servers/Web --type url --name x --set url", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set max_bytes=many", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set max_bytes=1001", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set share=nan", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set verify_tls=perhaps", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set method=PUSH", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set 'headers=[1]'", 2, "bad_setting"),
    ("monitor add Servers/Web --type url --name x --set password=secret", 2, "secret_argument"),
    ("monitor add Servers/Web --type url --name x --set-from password=/no/such/file", 2, "bad_file"),
    ("monitor list --status broken", 2, "usage"),
    ("monitor list --limit 0", 2, "usage"),
    ("monitor show Nowhere", 2, "not_found"),
    ("monitor history Nowhere", 2, "not_found"),
    ("monitor history", 2, "usage"),
    ("monitor edit 'Servers/Web/Home page'", 2, "nothing_to_change"),
    ("monitor edit 'Servers/Web/Home page' --set nothing=1", 2, "unknown_setting"),
    ("monitor edit Nowhere --frequency 1m", 2, "not_found"),
    ("monitor remove Nowhere", 2, "not_found"),
    ("monitor enable Nowhere", 2, "not_found"),
    ("monitor disable Nowhere", 2, "not_found"),
    ("monitor run Nowhere", 2, "not_found"),
    ("monitor types all", 2, "usage"),
    ("alert add Servers/Web", 2, "usage"),
    ("alert add Nowhere --name n", 2, "not_found"),
    ("alert add Servers/Web --name n --when often", 2, "bad_when"),
    ("alert add Servers/Web --name n --on fire", 2, "usage"),
    ("alert list all", 2, "usage"),
    ("alert edit Servers/Web --name n", 2, "nothing_to_change"),
    ("alert edit Servers/Web --name n --when 'once after x'", 2, "bad_when"),
    ("alert remove Nowhere --name n", 2, "not_found"),
    ("alert test Nowhere --name n", 2, "not_found"),
    ("mail set", 2, "nothing_to_change"),
    ("mail set --host h --port 0", 2, "usage"),
    ("mail show all", 2, "usage"),
    ("mail test ops@example.org", 1, "mail_failed"),
    ("mail template show nothing", 2, "unknown_template"),
    ("mail template set alert /no/such/file", 2, "bad_file"),
    ("mail template set alert /dev/null", 2, "bad_file"),
    ("mail template reset nothing", 2, "not_found"),
    ("mail template preview nothing", 2, "unknown_template"),
    ("log tail secrets", 2, "unknown_log"),
    ("log tail --lines many", 2, "usage"),
    ("log show secrets", 2, "unknown_log"),
    ("log list all", 2, "usage"),
    ("log export --format xml", 2, "usage"),
    ("lwsso set", 2, "no_terminal"),
    ("lwsso set --generate --passphrase-stdin", 2, "usage"),
    ("user add bob --generate", 2, "usage"),
    ("user add bob --role king --generate", 2, "usage"),
    ("user add bob --role viewer", 2, "no_terminal"),
    ("user add bob --role viewer --password-stdin", 2, "no_secret"),
    ("user add bob --role viewer --generate --password-stdin", 2, "usage"),
    ("user list all", 2, "usage"),
    ("user passwd bob", 2, "no_terminal"),
    ("user passwd bob --generate", 2, "not_found"),
    ("user remove bob", 2, "not_found"),
    ("token add ci", 2, "usage"),
    ("token add ci --role viewer --for ever", 2, "bad_duration"),
    ("token add ci --role viewer --for 20000d", 2, "bad_duration"),
    ("token list all", 2, "usage"),
    ("token revoke ci", 2, "not_found"),
    ("demo --fast", 2, "usage"),
    ("version 2", 2, "usage"),
    ("--daemon status", 2, "usage"),
    ("stauts", 2, "usage"),
    ("--nonsense", 2, "usage"),
    ("--home", 2, "usage"),
]  # fmt: skip


@pytest.fixture
def no_terminal(monkeypatch):
    """Standard input of a script."""
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield


@pytest.mark.parametrize(("line", "code", "word"), TABLE, ids=[line for line, _, _ in TABLE])
def test_nonsense_is_refused_with_what_where_and_hint(run, node_home, no_terminal, line, code, word):
    home = [] if line == "--home" else ["--home", node_home]

    said = run(*home, *shlex.split(line))
    assert said.code == code
    assert re.match(r"error: [^(].* \(.+\)\. .+", said.err.splitlines()[0]), said.err
    assert said.out == ""

    said = run(*home, "--json", *shlex.split(line)) if home else run("--json", "--home")
    assert said.code == code
    error = said.json()["error"]
    assert error["code"] == word
    assert all((error["what"], error["where"], error["hint"]))
    assert said.err == ""


def test_the_table_walks_every_command():
    walked = {leaf for leaf in LEAVES for line, _, _ in TABLE if line == leaf or line.startswith(f"{leaf} ")}
    assert LEAVES - walked == set()


def test_every_problem_of_the_configuration_is_listed_below_the_error(run, node_home):
    said = run("--home", node_home, "check", "config")
    assert said.err.splitlines()[1] == "  Not a duration (groups/web/group.toml:3 monitor.frequency). 1m"
    [problem] = run("--home", node_home, "check", "config", "--json").json()["error"]["problems"]
    assert (problem["line"], problem["path"]) == (3, "monitor.frequency")


# ---------------------------------------------------------------- homes

LIVE = ["status", "monitor list", "mirror prod", "hold prod --reason work", "monitor run x", "mail test", "config reload"]


@pytest.mark.parametrize("line", [*LIVE, "profile list", "group add x", "config show"])
def test_without_a_home_it_says_how_to_make_one(run, home, line):
    said = run("--home", home, "--json", *shlex.split(line))
    error = said.json()["error"]
    assert (said.code, error["code"]) == (4, "home_missing")
    assert f"setup --role primary --home {home}" in error["hint"]


@pytest.mark.parametrize("line", LIVE)
def test_what_needs_a_daemon_says_how_to_start_it(run, home, line):
    make_home(home)
    said = run("--home", home, "--json", *shlex.split(line))
    error = said.json()["error"]
    assert (said.code, error["code"]) == (4, "not_running")
    assert f"--home {home} --daemon" in error["hint"]


def test_a_socket_and_a_lock_file_that_a_dead_process_left_say_nothing(run, home):
    made = make_home(home)
    made.lock.write_text("1\n")
    made.socket.write_text("/tmp/gone.sock\n")
    assert run("--home", home, "--json", "status").json()["error"]["code"] == "not_running"


def test_a_node_that_holds_the_lock_without_a_socket_is_not_taken_for_stopped(run, home):
    from sitescope_fo.store.lock import acquire

    made = make_home(home)
    lock = acquire(made)
    try:
        for line in ("status", "group add x"):
            said = run("--home", home, "--json", *line.split())
            assert (said.code, said.json()["error"]["code"]) == (4, "not_ready")
    finally:
        lock.release()


def test_a_folder_that_is_no_home_is_told_apart_from_a_missing_one(run, home):
    home.mkdir()
    said = run("--home", home, "--json", "status")
    assert (said.code, said.json()["error"]["code"]) == (3, "not_a_home")


@pytest.fixture
def as_somebody_else(home):
    """The home exists and this process may not read it."""
    if os.geteuid():
        home.chmod(0)
        yield
        home.chmod(0o700)
    else:
        os.seteuid(65534)
        yield
        os.seteuid(0)


@pytest.fixture
def foreign_home(home):
    return make_home(home)


def test_a_home_that_cannot_be_read_is_refused(foreign_home, as_somebody_else, run):
    said = run("--home", foreign_home.root, "--json", "status")
    assert (said.code, said.json()["error"]["code"]) == (5, "home_unreadable")


def test_an_argument_that_is_not_utf8_is_refused(run, door):
    said = run("group", "add", "caf\udce9", door=door)
    assert (said.code, door.commands) == (2, [])
    assert "UTF-8" in said.err


def test_a_home_of_an_unknown_user_is_refused(run):
    said = run("--home", "~no-such-user-here/SiteScope", "--json", "status")
    assert (said.code, said.json()["error"]["code"]) == (2, "bad_home_path")
