"""General: the settings of config.toml and the licence. LW-SSO: the passphrase that both nodes of a pair share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.preferences.section import (
    Choose,
    Fill,
    Head,
    Look,
    Row,
    Run,
    Scene,
    Section,
    Show,
    Step,
    text_of,
    twice,
    typed_twice,
    verdicts,
)
from sitescope_fo.console.view.said import Cell
from sitescope_fo.model.command import CommandReply, ConfigSet, LwssoCheck, LwssoSet
from sitescope_fo.model.errors import ConfigInvalid, Usage
from sitescope_fo.security.passphrase import check_passphrase, generate_passphrase
from sitescope_fo.store.config_toml import FIELDS, check_node_value
from sitescope_fo.store.config_toml import Field as Setting

_SETTINGS = {field.name: field for field in FIELDS}


def _settings(scene: Scene) -> list[Row]:
    rows = [
        Row(key=key, cells=(Cell(key), Cell(text_of(value))), more=_more(_SETTINGS.get(key)), thing=value)
        for key, value in scene.answers["config"].items()
    ]
    licence = scene.answers.get("license") or {}
    text = ", ".join(f"{key} {text_of(value)}" for key, value in licence.items())
    if licence:
        rows.append(Row(key="licence", cells=(Cell("licence"), Cell(text_of(licence.get("edition")))), more=f"Licence: {text}."))
    return rows


def _more(setting: Setting | None) -> str:
    if setting is None:
        return ""
    kind = setting.kind
    words = " or ".join(kind.choices) or kind.range
    restart = "The node has to be restarted for it." if setting.restart else "A running node uses it at once."
    return f"{setting.help}. {f'It takes {words}. ' if words else ''}{restart}"


def _edit_setting(scene: Scene) -> Step | str:
    row = scene.row
    key, setting = row.key, _SETTINGS.get(row.key)
    if setting is None:
        return "The community edition needs no licence" if key == "licence" else "This console does not know the setting"
    kind = setting.kind

    def check(text: str) -> None:
        try:
            check_node_value(key, text)
        except ConfigInvalid as error:
            first = error.problems[0]
            raise Usage(first.what, hint=first.hint, code=error.code) from error

    shown = text_of(row.thing)
    value = {"yes": "true", "no": "false"}.get(shown, shown) if kind.choices else shown.removeprefix("-")
    field = Field(
        name="value",
        label=key,
        kind="choice" if kind.choices else "text",
        choices=kind.choices,
        value=value,
        check=check,
        help=f"{kind.range[:1].upper()}{kind.range[1:]}." if kind.range else "",
    )
    form = Form(title=f"Set {key}", note=_more(setting), fields=(field,))
    return Fill(form=form, made=lambda values: Run(body=ConfigSet(key=key, value=values["value"].strip())))


def _check(scene: Scene) -> Step:
    def look(what: str, heading: str) -> Look:
        then = lambda rows: verdicts(heading, rows, scene.wording)  # noqa: E731
        return Look(query="check", params={"what": what}, then=then, saying="Checking \u2026")

    return Choose(
        heading="Check",
        options=(
            ("This node: address, port, clock, disk, permissions", look("node", "Check of this node")),
            ("All configuration files: every problem at once", look("config", "Check of the configuration")),
        ),
    )


GENERAL = Section(
    name="General",
    about="Address, port, retention and limits of this node; its licence",
    queries=("config", "license"),
    heads=(Head("setting", 20), Head("value", 20, flex=1)),
    rows=_settings,
    new="The settings are all here: change one with e",
    edit=_edit_setting,
    remove="A setting is not removed: change it with e",
    test=_check,
)


# --- LW-SSO ---------------------------------------------------------------------------------------------------------


def _lwsso(scene: Scene) -> list[Row]:
    answer, wording, now = scene.answers["lwsso"], scene.wording, scene.now
    if not answer["set"]:
        more = "Without a passphrase no other node can trust this one. Both nodes of a pair need the same: set it with e."
        return [Row(key="passphrase", cells=(Cell("passphrase"), Cell("not set", "error")), more=more)]
    since = f", since {wording.moment(answer['since'], now)}" if answer["since"] else ""
    rotating = ". The one before it still counts, until the other node has the new one" if answer["rotating"] else ""
    more = f"Its key is {answer['key_id']}{rotating}. The other node shows the same key when it has the same passphrase."
    rows = [Row(key="passphrase", cells=(Cell("passphrase"), Cell(f"set{since}", "good")), more=more)]
    return rows + [_peer(peer) for peer in answer["peers"]]


def _peer(peer: Mapping[str, Any]) -> Row:
    name = text_of(peer["name"] or peer["node_id"])
    said = {
        True: Cell("answered with the same passphrase", "good"),
        False: Cell("answered with ANOTHER passphrase", "error"),
        None: Cell("has not answered since the start of this node", "quiet"),
    }
    more = f"Node {peer['node_id']}" + (f", key {peer['key_id']}." if peer["key_id"] else ".")
    return Row(key=name, cells=(Cell(name), said[peer["same"]]), more=more)


def _passphrase(values: Mapping[str, str]) -> Run:
    if typed := typed_twice(values):
        return Run(body=LwssoSet(passphrase=check_passphrase(typed)))
    passphrase = generate_passphrase()
    text = "Set the same on the other node. It is not stored and not shown again."
    shown = Show(heading="The passphrase", text=text, secret=passphrase)
    return Run(body=LwssoSet(passphrase=passphrase), then=lambda _: shown)


_SET_PASSPHRASE = Fill(
    form=Form(
        title="Set the LW-SSO passphrase",
        note="Both nodes of a pair need the same. It is not stored, and cannot be shown later.",
        fields=twice(
            "Passphrase",
            help="12 characters or more; empty: a random one is made and shown once.",
            check=check_passphrase,
            needed=False,
        ),
    ),
    made=_passphrase,
)


def _check_peers(scene: Scene) -> Step:
    def then(reply: CommandReply) -> Step | None:
        rows = reply.result.get("rows") if isinstance(reply.result, dict) else reply.result
        return verdicts("LW-SSO", rows, scene.wording) if rows else None

    return Run(body=LwssoCheck(), saying="Asking the other nodes \u2026", then=then)


LWSSO = Section(
    name="LW-SSO",
    about="The passphrase by which the nodes of a pair trust each other",
    queries=("lwsso",),
    heads=(Head("of", 20), Head("state", 30, flex=1)),
    rows=_lwsso,
    new="Set the passphrase with e",
    edit=_SET_PASSPHRASE,
    remove="A passphrase is replaced, not removed: set another with e",
    test=_check_peers,
    live=True,
)
