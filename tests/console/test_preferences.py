"""Preferences: every section lists what is set, and changes it by a command of the node."""

import pytest
from textual.widgets import Static, TextArea

from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.choice import Choice
from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.once import ShowOnce
from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.dialogs.working import Working
from sitescope_fo.console.taste import Taste, load_taste
from sitescope_fo.console.view.preferences.every import SECTIONS
from sitescope_fo.console.view.preferences.section import Fill, Scene, Sure
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import (
    CertFetch,
    CertImport,
    CommandReply,
    ConfigSet,
    DowntimeAdd,
    DowntimeEnd,
    LwssoSet,
    MailSet,
    MailTemplateSet,
    MailTest,
    Reload,
    ScheduleAdd,
    ScheduleEdit,
    SecretSet,
    TokenAdd,
    Unack,
    UserAdd,
    UserRemove,
)
from sitescope_fo.model.errors import Refused, SiteScopeError, Usage
from tests.console.fakes import NOW, FakeNode
from tests.console.set_up import ANSWERS

pytestmark = pytest.mark.anyio
AT = {section.name: at for at, section in enumerate(SECTIONS)}
VERBS = ("new", "edit", "remove", "test")


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Node(FakeNode):
    """Commands come to something."""

    def __init__(self, results=None, **others):
        super().__init__(**others)
        self.results = results or {}

    async def command(self, body, *, progress=None):
        reply = await super().command(body, progress=progress)
        result = self.results.get(type(body))
        return CommandReply(id="c1", outcome=reply.outcome, text=reply.text, error=reply.error, result=result)


class Opened:
    """The page with one section open."""

    def __init__(self, section, node=None, *, size=(80, 24), rows_down=0, **console):
        self.node = node or Node()
        self.app = Console(self.node, **console)
        self.keys = ["5", *["j"] * AT[section], "enter", *["j"] * rows_down]
        self.size = size

    async def __aenter__(self):
        self.running = self.app.run_test(size=self.size)
        self.pilot = await self.running.__aenter__()
        await self.press(*self.keys)
        return self

    async def __aexit__(self, *error):
        return await self.running.__aexit__(*error)

    async def press(self, *keys):
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def settle(self):
        await self.pilot.pause()
        if asked := [worker for worker in self.app.workers if worker.group == "section"]:
            await self.app.workers.wait_for_complete(asked)
            await self.pilot.pause()

    async def fill(self, **values):
        for name, value in values.items():
            entry = self.app.screen.query_one(f"#field-{name}")
            if isinstance(entry, TextArea):
                entry.text = value
            else:
                entry.value = value
        await self.press("ctrl+s")
        for _ in range(200):
            if not isinstance(self.app.screen, FormDialog) or self.trouble:
                break
            await self.pilot.pause()
        await self.settle()

    @property
    def trouble(self):
        found = self.app.screen.query("#trouble")
        return str(found.first(Static).content) if found else ""

    @property
    def said(self):
        return [f"{toast.title} {toast.message}".strip() for toast in self.app._notifications]

    @property
    def rows(self):
        table = self.app.page.query_one("#rows", Table)
        return [[cell.text for cell in table.source.cells(at)] for at in range(len(table.source))]

    def text(self, selector):
        return str(self.app.screen.query_one(selector, Static).content)


def scene(**changes):
    return Scene(answers=ANSWERS, now=NOW, themes=("harbour", "daylight"), **changes)


# --- the sections as values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_section_has_rows_that_fit_eighty_columns(section):
    shown = [head for head in section.heads if head.from_width <= 78]
    assert sum(head.width for head in shown) + len(shown) - 1 <= 78
    rows = section.rows(scene())
    assert rows
    assert all(len(row.cells) == len(section.heads) for row in rows)
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_key_does_something_or_says_why_not(section, verb):
    does = getattr(section, verb)
    for row in section.rows(scene()):
        step = does(scene(row=row)) if callable(does) else does
        assert step
        if isinstance(step, Fill):
            assert step.form.fields


def test_a_node_that_is_not_set_up_says_what_to_do_first():
    bare = {**ANSWERS, "lwsso": {**ANSWERS["lwsso"], "set": False, "peers": []}, "mail": {**ANSWERS["mail"], "servers": []}}
    [row] = SECTIONS[AT["LW-SSO"]].rows(Scene(answers=bare))
    assert (row.cells[1].text, row.cells[1].tone) == ("not set", "error")
    assert "no mail server yet" in SECTIONS[AT["Mail"]].test(Scene(answers=bare))


def test_a_schedule_says_what_comes_next():
    rows = SECTIONS[AT["Schedules"]].rows(scene())
    assert [row.cells[3].text for row in rows] == ["closed, opens in 22 h", "strikes in 16 h 30 min", "open, closes in 10 h"]
    assert rows[0].more == "mon-fri 08:00-18:00. Used by Servers/Web/Home page."


def test_a_mirrored_schedule_is_changed_only_where_its_profile_acts():
    section = SECTIONS[AT["Schedules"]]
    row = section.rows(scene())[2]
    assert "in standby here" in section.edit(scene(row=row))
    step = section.edit(scene(row=row, acting=("prod",)))
    body = step.made({"name": "shop hours", "times": "mon-sun 09:00-20:00\n"}).body
    assert body == ScheduleEdit(name="shop hours", windows=("mon-sun 09:00-20:00",), profile="prod")


def test_an_old_certificate_is_seen():
    rows = SECTIONS[AT["Certificates"]].rows(scene())
    assert [row.cells[3].tone for row in rows] == ["good", "warning", "error"]
    assert "66:F7:8F:46" in rows[0].more


def test_a_certificate_is_renewed_with_its_key():
    section = SECTIONS[AT["Certificates"]]
    step = section.edit(scene(row=section.rows(scene())[0]))
    body = step.made({"names": "server, 192.0.2.11", "days": "90", "new_key": "no"}).body
    assert (body.names, body.days, body.force, body.new_key) == (("server", "192.0.2.11"), 90, True, False)


def test_a_certificate_comes_from_a_file_or_as_text(tmp_path):
    file = tmp_path / "own.p12"
    file.write_bytes(b"\x30\x82\xff")
    step = SECTIONS[AT["Certificates"]].new(scene()).options[1][1]
    common = {"passphrase": "", "name": "", "force": "no", "role": "this node's own"}
    assert step.made({**common, "text": "", "file": str(file)}).body == CertImport(role="server", text="MIL/")
    pem = "-----BEGIN CERTIFICATE-----\n"
    assert step.made({**common, "role": "one to trust", "text": pem, "file": ""}).body.text == pem.strip()
    with pytest.raises(Usage, match="cannot be read"):
        step.made({**common, "text": "", "file": str(tmp_path / "none")})
    with pytest.raises(Usage, match="file or the text"):
        step.made({**common, "text": "", "file": ""})


def test_the_last_administrator_goes_only_knowingly():
    section = SECTIONS[AT["Users"]]
    first, second = section.rows(scene())
    step = section.remove(scene(row=first))
    assert isinstance(step, Sure)
    assert "last administrator" in step.text
    assert step.run.body == UserRemove(name="alice", force=True)
    assert section.remove(scene(row=second)).run.body == UserRemove(name="bob")


def test_what_is_in_use_is_not_removed():
    for name in ("Schedules", "Secrets"):
        section = SECTIONS[AT[name]]
        used, free = section.rows(scene())[:2]
        assert section.remove(scene(row=used)).startswith("It is used by ")
        assert isinstance(section.remove(scene(row=free)), Sure)


def test_secrets_that_differ_are_seen():
    step = SECTIONS[AT["Secrets"]].new
    with pytest.raises(SiteScopeError, match="not the same"):
        step.made({"name": "x", "secret": "one", "again": "two"})
    assert step.made({"name": "x", "secret": "one", "again": "one"}).body == SecretSet(name="x", password="one")


def test_a_weak_password_is_refused_before_it_travels():
    with pytest.raises(Usage, match="at least 10"):
        SECTIONS[AT["Users"]].new.made({"name": "eve", "role": "viewer", "secret": "short", "again": "short"})


def test_a_template_is_put_back_only_when_it_is_an_own_one():
    section = SECTIONS[AT["Templates"]]
    alert, *_, role = section.rows(scene())
    assert "built-in template already" in section.remove(scene(row=alert))
    assert section.remove(scene(row=role)).run.body == MailTemplateSet(name="role", text="")
    assert section.test(scene(row=alert)).text().startswith("Subject: [SiteScope] ERROR")


# --- the page -------------------------------------------------------------------------------------------------------


async def test_on_eighty_columns_a_section_takes_the_screen_and_esc_gives_it_back():
    async with Opened("General") as page:
        assert page.rows[3] == ["web.port", "8080"]
        assert not page.app.page.query_one("#sections").display
        await page.press("escape")
        assert page.app.page.query_one("#sections").display
        assert page.app.page.scope == "preferences"
        await page.press("escape")
        assert page.app.page.scope == "monitors"


async def test_on_a_wide_screen_the_section_under_the_cursor_is_shown():
    app = Console(Node())
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("5", "j", "j")
        await pilot.pause()
        assert app.page.query_one("#rows", Table).source.cells(1)[0].text == "nights"
        assert str(app.page.query_one("#about", Static).content).startswith("Schedules")


async def test_a_setting_tells_its_range_and_is_set_by_the_node():
    async with Opened("General", rows_down=3) as page:
        assert "It takes 1 to 65535. The node has to be restarted for it." in page.text("#more")
        await page.press("e")
        await page.fill(value="80000")
        assert "it must be from 1 to 65535" in page.trouble
        await page.fill(value="9090")
        assert page.node.told == [ConfigSet(key="web.port", value="9090")]
        assert page.said == ["Done"]
        assert page.app.screen is page.app.page


async def test_the_licence_is_no_dead_end():
    async with Opened("General", rows_down=16) as page:
        assert page.rows[16] == ["licence", "community"]
        await page.press("e")
        assert page.said == ["Edit The community edition needs no licence"]


async def test_the_node_is_checked_from_here():
    async with Opened("General") as page:
        await page.press("t", "enter")
        await page.pilot.pause()
        assert isinstance(page.app.screen, ShowText)
        assert "the clock is not kept" in str(page.app.screen.query_one("#long Static", Static).content)
        assert ("check", {"what": "node"}) in page.node.asked


async def test_the_files_are_read_again():
    async with Opened("General") as page:
        await page.press("r")
        assert page.node.told == [Reload()]


async def test_a_random_passphrase_is_shown_once_and_can_be_copied():
    async with Opened("LW-SSO") as page:
        assert [row[1] for row in page.rows][1:] == [
            "answered with the same passphrase",
            "answered with ANOTHER passphrase",
            "has not answered since the start of this node",
        ]
        await page.press("e")
        await page.fill(secret="", again="")
        assert isinstance(page.app.screen, ShowOnce)
        [told] = page.node.told
        assert isinstance(told, LwssoSet)
        assert page.text("#secret") == told.passphrase
        await page.press("enter")
        assert page.app.clipboard == told.passphrase
        await page.press("escape")
        assert page.app.screen is page.app.page


async def test_a_schedule_is_added():
    async with Opened("Schedules") as page:
        await page.press("n")
        assert isinstance(page.app.screen, Choice)
        await page.press("down", "enter")
        await page.fill(name="weekly", times="sun 03:00\nwed 03:00")
        assert page.node.told == [ScheduleAdd(name="weekly", moments=("sun 03:00", "wed 03:00"))]


async def test_what_is_in_use_greys_its_key():
    async with Opened("Schedules") as page:
        action = page.app.actions["preferences.remove"]
        assert page.app.page.refusal(action).startswith("It is used by Servers/Web/Home page")
        await page.press("j")
        assert page.app.page.refusal(action) == ""


async def test_only_what_was_changed_of_the_mail_settings_travels():
    async with Opened("Mail") as page:
        await page.press("e")
        await page.fill(host="mail3.example.org", password="new")
        assert page.node.told == [MailSet(host="mail3.example.org", password="new")]


async def test_a_test_message_can_be_left_while_the_server_thinks():
    async with Opened("Mail") as page:
        await page.press("t")
        await page.fill(to="ops@example.org")
        for _ in range(20):
            await page.pilot.pause()
        assert page.node.told == [MailTest(to="ops@example.org")]
        assert page.app.screen is page.app.page
        assert page.said == ["Done"]


async def test_esc_leaves_what_takes_long():
    import anyio

    class Thinking(Node):
        async def command(self, body, *, progress=None):
            if isinstance(body, MailTest):
                await anyio.sleep_forever()

    async with Opened("Mail", Thinking()) as page:
        await page.press("t")
        await page.fill(to="")
        assert isinstance(page.app.screen, Working)
        await page.press("escape")
        assert page.app.screen is page.app.page
        assert page.said == []


async def test_a_template_is_edited_on_the_whole_screen_and_what_the_node_refuses_stays_typed():
    refusal = Usage("The template cannot be read: unexpected '}'", where="role:1", code="bad_template")
    async with Opened("Templates", Node(refuses=refusal), rows_down=3) as page:
        await page.press("e")
        text = page.app.screen.query_one(TextArea)
        assert text.text.startswith("{{ subject }}")
        assert text.size.height >= 10
        await page.fill(text="{{ subject }\n\nhello")
        assert "cannot be read" in page.trouble
        assert page.app.screen.query_one(TextArea).text == "{{ subject }\n\nhello"


async def test_a_fetched_certificate_is_trusted_only_after_its_fingerprint_was_confirmed():
    seen = {"host": "p.example", "port": 8443, "named": False, "pem": "PEM", **ANSWERS["certificates"][1]}
    async with Opened("Certificates", Node({CertFetch: seen})) as page:
        await page.press("n", "enter")
        await page.fill(host="p.example", name="primary")
        for _ in range(20):
            await page.pilot.pause()
        assert isinstance(page.app.screen, Confirm)
        assert "66:F7:8F:46" in page.text("#text")
        assert "NOT for p.example" in page.text("#text")
        assert page.node.told == [CertFetch(host="p.example", port=8443)]
        await page.press("tab", "enter")
        for _ in range(20):
            await page.pilot.pause()
        assert page.node.told[1:] == [CertImport(role="trusted", text="PEM", name="primary")]


async def test_a_viewer_is_told_that_users_are_the_administrators_matter():
    refusal = Refused("This needs an administrator", where="users", hint="You are logged in as a viewer", code="permission")
    async with Opened("Users", Node(answers={"users": refusal})) as page:
        table = page.app.page.query_one("#rows", Table)
        assert table.empty == "This needs an administrator (users). You are logged in as a viewer"
        await page.press("n")
        assert page.node.told == []
        assert page.said == ["New This needs an administrator (users). You are logged in as a viewer"]


async def test_a_user_with_a_password_of_somebodys_own_sees_no_secret():
    async with Opened("Users") as page:
        await page.press("n")
        await page.fill(name="eve", role="operator", secret="correct horse", again="correct horse")
        assert page.node.told == [UserAdd(name="eve", role="operator", password="correct horse")]
        assert page.said == ["Done"]


async def test_a_token_is_shown_once():
    async with Opened("Tokens", Node({TokenAdd: {"token": "0123abcd"}})) as page:
        assert [row[3] for row in page.rows] == ["2027-11-21 10:00", "09:59:50 over", "never"]
        await page.press("n")
        await page.fill(**{"name": "ci", "for": "30d"})
        assert page.node.told == [TokenAdd(name="ci", role="viewer", for_s=30 * 86400.0)]
        assert page.text("#secret") == "0123abcd"


async def test_an_acknowledgement_is_taken_back():
    async with Opened("Acknowledged") as page:
        await page.press("x", "tab", "enter")
        for _ in range(20):
            await page.pilot.pause()
        assert page.node.told == [Unack(path="prod:Servers/Web/Home page")]


async def test_downtimes_are_planned_and_ended():
    async with Opened("Downtimes") as page:
        await page.press("n")
        await page.fill(**{"scope": "/", "reason": "move", "for": "2h"})
        await page.press("x", "tab", "enter")
        for _ in range(20):
            await page.pilot.pause()
        assert page.node.told == [DowntimeAdd(scope="/", reason="move", for_s=7200.0), DowntimeEnd(id="6d937ab9")]


async def test_what_somebody_likes_is_kept_and_counts_at_once(tmp_path):
    taste = Taste(file=str(tmp_path / "sitescope-fo" / "console.toml"))
    async with Opened("Console", Node(read_only=True), taste=taste) as page:
        await page.press("e")
        await page.fill(theme="daylight", clock="local", ascii=True)
        assert (page.app.theme, page.app.wording.local, page.app.wording.plain) == ("daylight", True, True)
        assert page.node.told == []
        assert page.rows[0] == ["theme", "daylight"]
    kept = load_taste({"XDG_CONFIG_HOME": str(tmp_path)})
    assert (kept.theme, kept.clock, kept.ascii) == ("daylight", "local", True)


async def test_a_read_only_console_changes_nothing_of_the_node():
    async with Opened("General", Node(read_only=True)) as page:
        await page.press("e", "n", "x", "r")
        assert page.node.told == []
        assert {said.split(" ", 1)[1] for said in page.said} >= {"This console is read-only"}
        assert page.app.screen is page.app.page


async def test_a_section_that_the_node_does_not_know_is_absent():
    refusal = Usage("There is no query 'secrets'", code="not_found")
    async with Opened("Secrets", Node(answers={"secrets": refusal})) as page:
        names = page.app.page.query_one("#sections", Table)
        assert "Secrets" not in [names.source.cells(at)[0].text for at in range(len(names.source))]
        assert page.said == ["This node has no Secrets"]


async def test_the_cursor_stays_on_its_row_when_the_list_changes():
    node = Node()
    async with Opened("Schedules", node, rows_down=1) as page:
        node.answers["schedules"] = [{**ANSWERS["schedules"][0], "name": "another"}, *ANSWERS["schedules"]]
        await page.press("r")
        assert page.app.page.row().key == "nights"


async def test_a_row_is_copied_in_full():
    async with Opened("Certificates") as page:
        await page.press("y")
        assert "SHA-256 66:F7" in page.app.clipboard
