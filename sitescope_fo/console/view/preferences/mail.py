"""Mail: the server and the addresses. Templates: the texts that mails are made from."""

from __future__ import annotations

from collections.abc import Mapping

from sitescope_fo.console.view.form import Field, Form, changed
from sitescope_fo.console.view.mail_form import mail_fields, mail_set
from sitescope_fo.console.view.preferences.section import Fill, Head, Row, Run, Scene, Section, Show, Step, Sure, text_of
from sitescope_fo.console.view.said import Cell
from sitescope_fo.model.command import MailTemplateSet, MailTest
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.width import clean
from sitescope_fo.notify.built_in import BUILT_IN


def _settings(scene: Scene) -> list[Row]:
    fields = mail_fields(scene.answers["mail"])
    servers = scene.answers["mail"]["servers"]
    rows = []
    for field in fields:
        value = field.value
        if field.name == "password":
            value = "set, sealed" if servers and servers[0]["password"] else ""
        missing = field.name in {"host", "sender", "to"} and not value
        cell = Cell(text_of(value), "warning" if missing else "")
        rows.append(Row(key=field.name, cells=(Cell(field.label), cell), more=field.help))
    return rows


def _edit(scene: Scene) -> Step:
    form = Form(
        title="Mail",
        note="What is left empty stays as it is.",
        fields=mail_fields(scene.answers["mail"]),
    )

    def made(values: Mapping[str, str]) -> Run:
        if not (new := changed(form, values)):
            raise Usage("Nothing was changed", hint="Esc leaves the form", code="nothing_to_change")
        return Run(body=mail_set(new))

    return Fill(form=form, made=made)


def _test(scene: Scene) -> Step | str:
    if not scene.answers["mail"]["servers"]:
        return "There is no mail server yet: set it with e"
    known = text_of(scene.answers["mail"]["to"])
    field = Field(name="to", label="To", help=f"One address; empty: the default recipients ({known}).")
    form = Form(title="Send a test message", fields=(field,), verb="Send")
    return Fill(form=form, made=lambda values: Run(body=MailTest(to=values["to"].strip()), saying="Sending \u2026"))


MAIL = Section(
    name="Mail",
    about="The mail server, its backup, sender and recipients",
    queries=("mail",),
    heads=(Head("setting", 20), Head("value", 20, flex=1)),
    rows=_settings,
    new="The settings are all here: change them with e",
    edit=_edit,
    remove="A mail setting is not removed: change it with e",
    test=_test,
)


# --- templates ------------------------------------------------------------------------------------------------------


def _templates(scene: Scene) -> list[Row]:
    return [_template(name, text) for name, text in sorted(scene.answers["mail"]["templates"].items())]


def _template(name: str, text: str) -> Row:
    own = text != BUILT_IN.get(name)
    subject = clean(text.partition("\n")[0])
    cells = (Cell(clean(name)), Cell("own", "acting") if own else Cell("built-in", "quiet"), Cell(subject))
    more = (
        "This node's own text; x puts the built-in one back." if own else "The built-in text; e replaces it by one of your own."
    )
    return Row(key=name, cells=cells, more=more, thing=text)


def _edit_template(scene: Scene) -> Step:
    row = scene.row
    name = row.key

    note = "The first line is the subject, then an empty line, then the text. It must render with sample data."
    field = Field(name="text", label="Text", kind="lines", needed=True, value=row.thing)
    form = Form(title=f"Template {clean(name)}", note=note, fields=(field,))
    return Fill(form=form, made=lambda values: Run(body=MailTemplateSet(name=name, text=values["text"])), tall=True)


def _reset(scene: Scene) -> Step | str:
    row = scene.row
    if row.thing == BUILT_IN.get(row.key):
        return "It is the built-in template already"
    text = f"The own text of the template {clean(row.key)} is deleted, and the built-in one is used again."
    run = Run(body=MailTemplateSet(name=row.key, text=""))
    return Sure(heading="Reset a template", text=text, verb="Reset", run=run)


def _preview(scene: Scene) -> Step:
    row = scene.row

    def text() -> str:
        from sitescope_fo.notify.templates import preview

        letter = preview(row.key, row.thing)
        body = "\n".join(clean(line, keep="\t") for line in letter.text.splitlines())
        return f"Subject: {clean(letter.subject)}\n\n{body}"

    return Show(heading=f"A mail from the template {clean(row.key)}", text=text)


TEMPLATES = Section(
    name="Templates",
    about="The texts of mails: alert, recovery, change of role",
    queries=("mail",),
    heads=(Head("template", 12), Head("from", 8), Head("subject", 20, flex=1)),
    rows=_templates,
    new="Templates have fixed names: replace the text of one with e",
    edit=_edit_template,
    remove=_reset,
    test=_preview,
    tests_rows=True,
)
