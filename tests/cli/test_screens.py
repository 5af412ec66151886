"""What people see: status, sheets, tables; within the terminal's width, with words beside colours."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.cli.paint import Paint
from sitescope_fo.cli.table import Column, table
from sitescope_fo.model.moment import ago, clock_time, size_text, spell
from sitescope_fo.model.width import cells, clean, fit, pad, wrap
from tests.cli.doors import MONITOR, NOON, PEER, PROFILE, STATUS, STATUS_PROFILE, CannedDoor

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def status_with(**changes):
    answer = copy.deepcopy(STATUS)
    answer["profiles"] = [{**copy.deepcopy(STATUS_PROFILE), **changes}]
    return CannedDoor(status=answer)


@pytest.fixture
def terminal80(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


# ---------------------------------------------------------------- status


def test_a_fit_standby_says_who_monitors_and_what_happens_next(run, door, terminal80):
    lines = run("status", door=door).out.splitlines()
    shown = "\n".join(lines)
    assert "primary.example monitors (proved 4.0 s ago)" in shown or "primary.example monitors (proved 4 s ago)" in shown
    assert "fit: verified mirror of 120 monitors" in shown
    assert "next          takes over when the primary gives no proof of life for 3m" in shown
    assert "probe_ok scheduler progress" in shown
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24


GONE = {**STATUS_PROFILE["primary"], "state": "unknown"}
HOLD = {"by": "unix:0", "reason": "network work", "until": "2026-11-22T14:00:00Z"}
GRACE = {"state": "grace", "position": "grace", "primary": GONE}
TROUBLE = [
    ({"mirror": {}, "conditions": ["no_mirror"], "state": "unprotected"}, "no_mirror blocks a takeover"),
    ({"mirror": {"last_error": "torn: a file is missing"}}, "unfit: torn: a file is missing"),
    ({"mirror": {"verified": True, "staged": "ab12"}}, "sitescope-fo mirror prod --accept"),
    ({"conditions": ["hold"], "hold": HOLD}, "network work (by unix:0, until 14:00:00)"),
    ({"state": "active", "position": "active", "may_check": True}, "this node monitors in place of primary.example"),
    ({"state": "frozen", "position": "active", "conditions": ["frozen"]}, "is not allowed to check"),
    ({**GRACE, "next": "", "activates_at": "2026-11-22T12:02:00Z"}, "takes over in 2 min unless"),
    (GRACE, "nobody is proven to monitor"),
]


@pytest.mark.parametrize(("changes", "said"), TROUBLE, ids=[said for _, said in TROUBLE])
def test_status_says_what_is_wrong_and_why(run, terminal80, changes, said):
    shown = run("status", door=status_with(**changes)).out
    assert said in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_failover_without_profiles_says_that_nothing_is_protected(run):
    door = CannedDoor(status={**STATUS, "profiles": []})
    assert "nothing is protected" in run("status", door=door).out


def test_a_primary_lists_its_failovers(run):
    node = {**STATUS["node"], "role": "primary", "title": "SiteScope", "state": "yielded", "why": "prod acts with term 4"}
    door = CannedDoor(status={**STATUS, "node": node, "profiles": [], "peers": [PEER]})
    shown = run("status", door=door).out
    assert "- yielded: this node does not monitor (prod acts with term 4)" in shown
    assert re.search(
        r"failover.example:8080 +prod +. accepted +2.0 s ago|failover.example:8080 +prod +. accepted +2 s ago", shown
    )
    alone = CannedDoor(status={**STATUS, "node": node, "profiles": [], "peers": []})
    assert "none protects this node" in run("status", door=alone).out


def test_configuration_problems_stand_in_the_status(run):
    problem = {"file": "config.toml", "line": 3, "path": "web.port", "what": "no number", "hint": ""}
    door = CannedDoor(status={**STATUS, "problems": [problem] * 7})
    shown = run("status", door=door).out
    assert "config.toml:3 web.port no number" in shown
    assert "and 2 more: sitescope-fo check config" in shown


def test_json_gives_the_nodes_answer_unchanged(run):
    answer = {**STATUS, "added_later": 1}
    assert run("status", "--json", door=CannedDoor(status=answer)).json() == answer


def test_an_answer_in_another_form_asks_for_a_restart(run):
    said = run("status", door=CannedDoor(status={"node": 1}))
    assert said.code == 70
    assert "Restart the node" in said.err


def test_without_a_command_a_running_node_shows_its_status(run, door):
    assert run(door=door).out.startswith("SiteScope Failover  failover.example")


def test_without_a_command_and_node_it_explains_itself(run, home):
    said = run("--home", home)
    assert said.code == 0
    assert said.out.startswith("Usage: sitescope-fo")
    assert "No node runs here" in said.out


# ---------------------------------------------------------------- sheets


def test_a_default_profile_shows_the_defaults_of_the_guide(run, door):
    shown = run("profile", "show", "prod", door=door).out
    assert re.search(r"^Activation +3 min +after the last proof of life$", shown, re.MULTILINE)
    assert re.search(r"^Mirroring +4 h ", shown, re.MULTILINE)
    assert re.search(r"^Backups +2$", shown, re.MULTILINE)
    assert re.search(r"^Merge back +off$", shown, re.MULTILINE)


def test_a_stopped_node_shows_its_profiles_without_states(run):
    door = CannedDoor(profiles=[PROFILE], profile={"config": PROFILE, "status": None})
    assert "primary.example:8080  never" in run("profile", "list", door=door).out
    assert "Activation          3 min" in run("profile", "show", "prod", door=door).out


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"suspended": True, "status": "disabled"}, "- suspended"),
        ({"waiting": True, "status": "disabled"}, "~ waiting"),
        ({}, "\u2717 error"),
    ],
)
def test_a_monitor_says_in_a_word_why_it_does_not_run(run, flags, word):
    shown = run("monitor", "list", door=CannedDoor(monitor_page=page_of([{**MONITOR, **flags}]))).out
    assert shown.splitlines()[1].startswith(word)


def page_of(rows):
    """The node's answers over a list of rows."""

    def answer(params):
        offset, limit = int(params.get("offset", 0)), int(params["limit"])
        part, end = rows[offset : offset + limit], offset + limit
        return {"rows": part, "total": len(rows), "offset": offset, "next": end if part and end < len(rows) else None}

    return answer


MANY = [{**MONITOR, "id": str(n), "path": f"Web/{n}"} for n in range(2500)]


def test_a_long_list_of_monitors_is_fetched_whole_for_scripts(run):
    door = CannedDoor(monitor_page=page_of(MANY))
    assert len(run("monitor", "list", "--json", door=door).json()) == 2500
    assert len(run("monitor", "list", "--json", "--limit", "1200", "--offset", "2000", door=door).json()) == 500
    assert len(run("monitor", "list", "--json", "--limit", "1200", door=door).json()) == 1200


@pytest.mark.parametrize(
    ("options", "rows", "last"),
    [
        ((), 200, "Rows 1..200 of 2500, next: --offset 200"),
        (("--limit", "20"), 20, "Rows 1..20 of 2500, next: --offset 20"),
        (("--offset", "200"), 200, "Rows 201..400 of 2500, next: --offset 400"),
        (("--offset", "2450"), 50, "Rows 2451..2500 of 2500"),
        (("--offset", "2500"), 0, "There are 2500 rows: nothing stands beyond offset 2500."),
    ],
)
def test_people_get_a_page_and_how_to_see_the_next_one(run, options, rows, last):
    door = CannedDoor(monitor_page=page_of(MANY))
    lines = run("monitor", "list", *options, door=door).out.splitlines()
    assert lines[-1] == last
    assert len(lines) == rows + 2
    assert len(door.asked) == 1


def test_what_fits_one_page_or_is_asked_for_whole_has_no_last_line(run):
    assert len(run("monitor", "list", door=CannedDoor(monitor_page=page_of(MANY[:150]))).out.splitlines()) == 151
    assert len(run("monitor", "list", "--all", door=CannedDoor(monitor_page=page_of(MANY))).out.splitlines()) == 2501
    assert run("monitor", "list", door=CannedDoor(monitor_page=page_of([]))).out == "No monitors.\n"


def test_filters_of_a_list_are_for_the_node_to_apply(run):
    door = CannedDoor(monitor_page=page_of(MANY))
    given = ("--status", "error", "--status", "waiting", "--type", "url", "--group", "Web", "--filter", "shop !test")
    run("monitor", "list", *given, "--limit", "5", door=door)
    [(name, params)] = door.asked
    assert name == "monitor_page"
    assert params == {"status": "error,waiting", "type": "url", "group": "Web", "filter": "shop !test", "limit": "5"}


def test_a_monitor_tells_its_closer_interval_in_error_a_hanging_check_and_what_was_not_confirmed(run):
    result = {"wall": 1795348800.0, "status": "error", "state_string": "refused", "duration_s": 0.1, "unconfirmed": True}
    config = {"error_frequency_s": 10.0, "error_frequency": "10s"}
    sheet = {**MONITOR, "frequency_s": 60.0, "config": config, "hanging_s": 90.0, "last": [result]}
    shown = run("monitor", "show", "Web/Home", door=CannedDoor(monitor=sheet)).out
    assert re.search(r"^Every +1 min, 10 s while in error$", shown, re.MULTILINE)
    assert re.search(r"^Hangs +a check of it was given up and has not ended since ", shown, re.MULTILINE)
    assert "unconfirmed: refused" in shown


def test_a_bad_row_of_a_check_ends_with_one_and_shows_its_remedy(run):
    rows = [{"id": "clock", "verdict": "bad", "evidence": "41 s apart", "remedy": "Set the clock"}]
    said = run("check", door=CannedDoor(check=rows))
    assert said.code == 1
    assert "-> Set the clock" in said.out
    assert run("check", "--json", door=CannedDoor(check=rows)).json() == rows


def test_escape_sequences_of_a_monitored_host_never_reach_the_terminal(run):
    evil = {**MONITOR, "state_string": "\x1b]0;owned\x07 \x9b31m \u202egood", "path": "a\nb"}
    shown = run("monitor", "list", door=CannedDoor(monitor_page=page_of([evil]))).out
    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert len(shown.splitlines()) == 2


# ---------------------------------------------------------------- words

TEXTS = st.text(max_size=40)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5), st.integers(20, 100), st.booleans())
def test_no_line_of_a_table_is_wider_than_the_terminal_or_has_control_characters(rows, width, colour):
    columns = [Column(title="STATE", state=True), Column(title="A", flexible=True), Column(title="B", flexible=True, right=True)]
    for line in table(columns, rows, Paint(colour=colour), width):
        plain = ANSI.sub("", line)
        assert cells(plain) <= width
        assert "\x1b" not in plain
        assert "\n" not in plain


def test_colour_changes_no_word_and_no_place():
    columns = [Column(title="STATE", state=True), Column(title="B")]
    rows = [["good", "x"], ["error", "y"]]
    plain, coloured = (list(table(columns, rows, Paint(colour=c))) for c in (False, True))
    assert [ANSI.sub("", line) for line in coloured] == plain
    assert coloured[1].startswith("\x1b[32m\u2713 good")


def test_a_terminal_without_utf8_gets_ascii_glyphs():
    assert Paint(utf8=False).word("good") == "+ good"


def test_wide_letters_take_two_columns():
    assert cells("\u76e3\u8996") == 4
    assert cells("e\u0301") == 1
    assert fit("\u76e3\u8996\u76e3", 4) == "\u76e3\u2026"
    assert pad("\u76e3", 4) == "\u76e3  "


@given(TEXTS, st.integers(0, 30))
def test_a_text_that_was_cut_fits(text, most):
    assert cells(fit(clean(text), most)) <= most


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.25, "250 ms"), (1.5, "1.5 s"), (15, "15 s"), (180, "3 min"), (5400, "1 h 30 min"), (14400, "4 h"),
     (3599.6, "1 h"), (90061, "1 d 1 h"), (86399, "1 d"), (-15, "-15 s")],
)  # fmt: skip
def test_durations_are_spelled_in_two_units_at_most(seconds, text):
    assert spell(seconds) == text


def test_moments_are_told_from_now():
    assert ago("2026-11-22T11:00:00Z", NOON) == "1 h ago"
    assert ago("2026-11-22T12:02:00.000Z", NOON) == "in 2 min"
    assert (ago("", NOON), ago(None, NOON)) == ("never", "never")
    assert clock_time("2026-11-22T11:00:00Z", NOON) == "11:00:00"
    assert clock_time("2026-11-20T11:00:00Z", NOON) == "2026-11-20 11:00:00"
    assert [size_text(n) for n in (310, 1536, 12 * 1024**3)] == ["310 B", "1.5 KiB", "12 GiB"]


@given(TEXTS, st.integers(2, 30), st.integers(1, 3))
def test_a_wrapped_text_keeps_to_its_lines_and_loses_no_word_that_fits(text, size, lines):
    parts = wrap(clean(text), size, lines)
    assert len(parts) <= lines
    assert max(map(cells, parts)) <= size
    assert wrap("one two three", 7, 2) == ["one two", "three"]


def test_a_long_evidence_of_a_check_is_wrapped_within_the_terminal(run, terminal80):
    rows = [{"id": "prod: service", "verdict": "bad", "evidence": "Nothing listens there " * 5 + "end", "remedy": "Start it"}]
    lines = run("check", door=CannedDoor(check=rows)).out.splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()).count("Nothing listens there") == 5


# ---------------------------------------------------------------- history


def test_a_difference_shows_what_came_went_and_changed_with_old_and_new(run, door):
    said = run("history", "diff", "prod", "2026", door=door).out.splitlines()
    assert said[0].startswith("from 20261122T100000Z.zip (2026-11-22T10:00:00Z, revision abababab) to current (")
    assert said[1:] == [
        "+ group Servers/Db",
        "~ monitor Servers/Web/Home (was Servers/Web/Home page)",
        "    frequency: 1m -> 2m",
        "    settings.match: - -> Hi",
        "1 more changes: --offset 2",
    ]
    assert door.asked[-1] == ("history_diff", {"name": "prod", "a": "2026", "b": "current"})


def test_a_snapshot_shows_what_it_holds_and_how_much_is_left_off(run, door):
    said = run("history", "show", "prod", door=door).out
    assert re.search("verified +yes", said)
    assert "Servers/Web/Home page" in said
    assert said.splitlines()[-1] == "2 more are not shown."
    assert door.asked[-1] == ("history_show", {"name": "prod", "snapshot": "newest"})


# ---------------------------------------------------------------- what people say about monitors


def test_acknowledgements_and_downtimes_are_listed_with_who_why_and_until_when(run, door, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    said = run("ack", door=door).out
    assert re.search(r"error\s+prod:Servers/Web/Home page\s+bob\s+1 h ago\s+good\s+disk is ordered", said)
    said = run("downtime", "list", "--all", door=door).out
    assert re.search(r"3f2a9c1d\s+running\s+prod:Servers/Web\s+12\s+11:30:00\s+13:30:00\s+bob\s+new disks", said)
    assert door.asked[-1] == ("downtimes", {"all": "yes"})


def test_nothing_to_list_says_so(run):
    door = CannedDoor(acks=[], downtimes=[])
    assert run("ack", door=door).out == "Nothing is acknowledged.\n"
    assert "downtime add SCOPE" in run("downtime", "list", door=door).out


def test_a_monitor_says_who_sees_to_it(run):
    ack = {"by": "bob", "at": "2026-11-22T11:00:00Z", "comment": "disk is ordered", "until": None}
    downtime = {
        "id": "3f2a9c1d", "by": "ann", "reason": "new disks", "from": "2026-11-22T11:30:00Z", "until": "2026-11-22T13:30:00Z"
    }  # fmt: skip
    row = {**MONITOR, "acknowledged": True, "ack": ack, "downtime": downtime}
    door = CannedDoor(monitor=row, monitor_page={"rows": [row], "total": 1, "offset": 0, "next": None})
    sheet = run("monitor", "show", "Servers/Web/Home page", door=door).out
    assert re.search("Acknowledged +by bob 1 h ago, until it is good: disk is ordered", sheet)
    assert re.search("Downtime +3f2a9c1d by ann, until 13:30:00: new disks", sheet)
    assert "status 503 [acknowledged by bob: disk is ordered] [downtime: new disks]" in run("monitor", "list", door=door).out


# ---------------------------------------------------------------- certificates


def test_a_certificate_is_trusted_only_when_somebody_says_so(run, door):
    said = run("cert", "fetch", "h", door=door)
    assert (said.code, door.commands[1:]) == (2, [])
    assert "--fingerprint" in said.err
    said = run("cert", "fetch", "h", "--fingerprint", "cd" * 32, door=door)
    assert said.code == 5
    assert "AB:AB:AB" in said.err
    said = run("cert", "fetch", "h", "--fingerprint", ":".join(["AB"] * 32), "--name", "there", door=door)
    assert (said.code, door.commands[-1].name, door.commands[-1].role) == (0, "there", "trusted")
    said = run("cert", "fetch", "h", "--yes", door=door)
    assert "It is not for h" in said.out
    assert "AB:AB:AB" in said.out


def test_the_list_of_certificates_says_when_they_end(run, door):
    assert re.search("server +server +h +2026-12-12 +. ?warning +it expires in 20 days", run("cert", "list", door=door).out)
