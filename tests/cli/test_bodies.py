"""What leaves for the node: typed settings, only the given changes, secrets never from an argument."""

import io

import msgspec
import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import Unreachable
from tests.cli.doors import CannedDoor


@pytest.fixture
def sent(run, door):
    """Runs a command and gives the one body it sent."""

    def send(*args):
        said = run(*args, door=door)
        assert said.code == 0, said.err
        return door.commands[-1]

    return send


@pytest.fixture
def typed_in(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_settings_arrive_in_the_types_own_kinds(sent):
    body = sent(
        "monitor", "add", "Web", "--type", "url", "--name", "x", "--frequency", "1m", "--error-if", "status != 200",
        "--error-if", "round_trip_time > 2s", "--timeout", "5s", "--set", "url=http://h/?a=b", "--set", "max_bytes=10",
        "--set", "verify_tls=no", "--set", "headers=A: 1", "--set", 'headers=["B: 2", "C: 3"]',
        "--set", "share=0.5", "--disabled",
    )  # fmt: skip
    assert body.group == "Web"
    assert body.table == {
        "type": "url", "name": "x", "frequency": "1m", "enabled": False,
        "error_if": ["status != 200", "round_trip_time > 2s"],
        "settings": {
            "url": "http://h/?a=b", "max_bytes": 10, "verify_tls": False, "headers": ["A: 1", "B: 2", "C: 3"],
            "share": 0.5, "timeout": "5s",
        },
    }  # fmt: skip


def test_a_secret_setting_comes_from_a_file_or_standard_input(sent, tmp_path, typed_in):
    (tmp_path / "password").write_text("from file\n")
    add = ("monitor", "add", "Web", "--type", "url", "--name", "x")
    assert sent(*add, "--set-from", f"password={tmp_path}/password").table["settings"] == {"password": "from file"}
    typed_in("from stdin\n")
    assert sent(*add, "--set-from", "password=-").table["settings"] == {"password": "from stdin"}


def test_an_edit_sends_only_what_was_given(sent):
    body = sent("monitor", "edit", "Web/x", "--frequency", "30s", "--set", "max_bytes=5", "--unset", "warning_if", "--name", "y")
    assert (body.changes, body.settings, body.unset) == ({"frequency": "30s", "name": "y"}, {"max_bytes": 5}, ("warning_if",))
    assert sent("profile", "edit", "prod", "--activate-after", "1m", "--no-merge-back").changes == {
        "activate_after_s": 60.0,
        "merge_back": False,
    }


def test_on_a_stopped_node_a_setting_is_typed_by_all_types_that_know_it(run):
    stopped = CannedDoor(monitor=Unreachable("The node is not running", where="h", hint="Start it", code="not_running"))
    assert run("monitor", "edit", "Web/x", "--set", "verify_tls=yes", door=stopped).code == 0
    assert stopped.commands[-1].settings == {"verify_tls": True}
    said = run("monitor", "edit", "Web/x", "--set", "max_bytes=5", door=stopped)
    assert said.code == 2
    assert "depends on the monitor's type" in said.err


def test_a_new_profile_takes_the_presets_timing_unless_told(sent):
    body = sent(
        "profile", "add", "prod", "--primary-host", "h", "--preset", "lan", "--notify", "a@b.example", "--notify", "c@d.example"
    )
    assert body == commands.ProfileAdd(name="prod", primary_host="h", preset="lan", notify=("a@b.example", "c@d.example"))
    body = sent("profile", "add", "prod", "--primary-host", "h", "--offline", "--check-every", "2s")
    assert (body.without_primary, body.check_every_s, body.activate_after_s) == (True, 2.0, None)


def test_what_people_say_about_monitors_is_sent_as_they_said_it(sent):
    assert sent("ack", "Web/x", "--comment", "disk is ordered") == commands.Ack(path="Web/x", comment="disk is ordered")
    assert sent("ack", "Web/x", "--comment", "c", "--for", "2h").for_s == 7200.0
    assert sent("ack", "Web/x", "--remove") == commands.Unack(path="Web/x")
    body = sent("downtime", "add", "/", "--reason", "new disks", "--from", "2026-11-22T22:00", "--for", "90m")
    assert body == commands.DowntimeAdd(scope="/", reason="new disks", start="2026-11-22T22:00", for_s=5400.0)
    assert msgspec.to_builtins(body)["from"] == "2026-11-22T22:00"
    assert sent("downtime", "end", "3f2a9c1d") == commands.DowntimeEnd(id="3f2a9c1d")


def test_a_mail_password_comes_from_standard_input(sent, typed_in):
    typed_in("pass word\n")
    body = sent("mail", "set", "--host", "m", "--starttls", "--user", "u", "--password-stdin")
    assert (body.password, body.security, body.user) == ("pass word", "starttls", "u")


def test_a_passphrase_comes_from_standard_input_in_canonical_form(sent, typed_in, run, door):
    typed_in("  correct horse battery\n")
    assert sent("lwsso", "set", "--passphrase-stdin").passphrase == "correct horse battery"
    typed_in("short\n")
    said = run("lwsso", "set", "--passphrase-stdin", door=door)
    assert said.code == 2
    assert len(door.commands) == 1
    assert "short" not in said.err
    typed_in("")
    assert run("lwsso", "set", "--passphrase-stdin", door=door).code == 2


def test_a_generated_passphrase_is_sent_and_shown_once(run, door):
    said = run("lwsso", "set", "--generate", door=door)
    assert said.out.strip() == door.commands[-1].passphrase
    assert run("lwsso", "set", "--generate", "--json", door=door).json() == {"passphrase": door.commands[-1].passphrase}


def test_progress_goes_to_standard_error_and_the_result_to_standard_output(run, door):
    said = run("mirror", "prod", door=door)
    assert (said.out, said.err) == ("it is done\n", " 50 %  half way\n")
    door.reply = CommandReply(id="1", outcome="done", result={"monitors": 3})
    assert run("mirror", "prod", "--json", door=door).json() == {"monitors": 3}


def test_a_test_with_bad_rows_shows_them_and_ends_with_one(run, door):
    rows = [{"id": "clock", "verdict": "bad", "evidence": "41 s apart", "remedy": "Set the clock"}]
    door.reply = CommandReply(id="1", outcome="done", result={"rows": rows, "bad": 1})
    said = run("profile", "test", "prod", door=door)
    assert said.code == 1
    assert "41 s apart" in said.out


def test_the_rows_of_a_test_are_printed_as_they_come_and_each_once(run, door):
    rows = [{"id": f"prod: {word}", "verdict": "good", "evidence": f"{word} seen"} for word in ("name", "connect", "service")]

    def command(body, on_progress):
        for count in (1, 1, 2):
            on_progress(CommandReply(id="1", outcome="running", text="", result={"rows": rows[:count], "bad": 0}))
        return CommandReply(id="1", outcome="done", result={"rows": rows, "bad": 0})

    door.command = command
    said = run("profile", "test", "prod", door=door)
    assert [line.split()[-2:] for line in said.out.splitlines()] == [
        ["name", "seen"],
        ["connect", "seen"],
        ["service", "seen"],
        ["3", "good"],
    ]
    assert (said.code, said.err) == (0, "")
    assert run("profile", "test", "prod", "--json", door=door).json() == {"rows": rows, "bad": 0}


def test_filters_of_a_list_are_the_nodes_work(run, door):
    run("monitor", "list", "--status", "error", "--group", "Servers", "--profile", "prod", door=door)
    assert door.asked == [("monitor_page", {"status": "error", "group": "Servers", "profile": "prod", "limit": "200"})]


def test_a_log_is_shown_whole_page_by_page(run):
    lines = [f"line\t{n}" for n in range(5)]

    def page(asked):
        start, end = int(asked["since"]), min(5, int(asked["since"]) + 2)
        return {"lines": lines[start:end], "start": start, "next": end, "end": end == 5}

    pages = CannedDoor(log=page)
    assert run("log", "show", door=pages).out.splitlines() == lines
    assert run("log", "show", "--json", door=pages).json() == {"lines": lines, "next": 5}


def test_a_password_of_a_user_comes_from_standard_input_or_is_made_and_shown_once(run, door, sent, typed_in):
    typed_in("correct horse battery\n")
    body = sent("user", "add", "alice", "--role", "operator", "--password-stdin")
    assert (body.name, body.role, body.password) == ("alice", "operator", "correct horse battery")
    said = run("user", "passwd", "alice", "--generate", door=door)
    assert said.out.strip() == door.commands[-1].password
    assert len(said.out.strip()) == 39
    assert "not shown again" in said.err
    assert run("user", "passwd", "alice", "--generate", "--json", door=door).json()["password"] == door.commands[-1].password


def test_a_weak_password_does_not_leave(run, door, typed_in):
    typed_in("short\n")
    said = run("user", "add", "alice", "--role", "viewer", "--password-stdin", "--json", door=door)
    assert (said.code, said.json()["error"]["code"], door.commands) == (2, "password_weak", [])
    assert "short" not in said.out


def test_a_token_goes_alone_to_standard_output(run, door):
    said = run("token", "add", "ci", "--role", "viewer", "--for", "30d", door=door)
    assert said.out == "ab" * 32 + "\n"
    assert door.commands[-1].for_s == 30 * 86400
    assert "not shown again" in said.err


def test_a_reference_to_a_sealed_secret_may_stand_on_the_command_line(sent, run, door):
    words = ("monitor", "add", "Web", "--type", "url", "--name", "x", "--frequency", "1m", "--set", "url=http://h/", "--set")
    assert sent(*words, "password=secret:shop").table["settings"]["password"] == "secret:shop"
    assert run(*words, "password=clear", door=door).code == 2
