"""Who and what may ask this node: users, tokens for scripts, and the secrets that settings refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.preferences.section import (
    ROLES,
    Fill,
    Head,
    Row,
    Run,
    Scene,
    Section,
    Show,
    Step,
    Sure,
    text_of,
    twice,
    typed_twice,
)
from sitescope_fo.console.view.said import Cell
from sitescope_fo.model.command import (
    CommandReply,
    SecretRemove,
    SecretSet,
    TokenAdd,
    TokenRevoke,
    UserAdd,
    UserPasswd,
    UserRemove,
)
from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.width import clean

_ROLE = Field(
    name="role",
    label="Role",
    kind="choice",
    choices=ROLES,
    value="viewer",
    help="A viewer looks; an operator also acts on roles, monitors and alarms; an administrator also changes settings.",
)
_ONCE = "It is not shown again."
LONGEST_TOKEN_S = 3650 * 86400.0


def _users(scene: Scene) -> list[Row]:
    return [
        Row(
            key=one["name"],
            cells=(Cell(clean(one["name"])), Cell(one["role"]), Cell(scene.wording.moment(one["changed"], scene.now))),
            thing=one,
        )
        for one in scene.answers["users"]
    ]


def _password(values: Mapping[str, str], name: str) -> tuple[str, Show | None]:
    """What was typed, or a random one and how it is shown. Raises Usage."""
    from sitescope_fo.security.passphrase import generate_passphrase
    from sitescope_fo.security.passwords import check_password

    if typed := typed_twice(values):
        return check_password(typed, name), None
    made = generate_passphrase()
    return made, Show(heading=f"The password of {clean(name)}", text=_ONCE, secret=made)


def _password_fields() -> tuple[Field, ...]:
    return twice("Password", help="10 characters or more; empty: a random one is made and shown once.", needed=False)


def _added(values: Mapping[str, str]) -> Run:
    name = values["name"].strip()
    password, show = _password(values, name)
    return Run(body=UserAdd(name=name, role=values["role"], password=password), then=lambda _: show)  # type: ignore[arg-type]  # a choice


_ADD_USER = Fill(
    form=Form(
        title="New user",
        note="Users log in over the network. The owner of the home needs no login on its own machine.",
        fields=(Field(name="name", label="Name", needed=True, help="The login name."), _ROLE, *_password_fields()),
        verb="Add",
    ),
    made=_added,
)


def _passwd(scene: Scene) -> Step:
    row = scene.row

    def made(values: Mapping[str, str]) -> Run:
        password, show = _password(values, row.key)
        return Run(body=UserPasswd(name=row.key, password=password), then=lambda _: show)

    note = "Whoever is logged in with the old one is logged out."
    return Fill(form=Form(title=f"Password of {clean(row.key)}", note=note, fields=_password_fields()), made=made)


def _remove_user(scene: Scene) -> Step:
    row = scene.row
    users: Sequence[Mapping[str, Any]] = scene.answers["users"]
    last = row.thing["role"] == "administrator" and sum(one["role"] == "administrator" for one in users) == 1
    text = f"{clean(row.key)}, {row.thing['role']}, is logged out at once and cannot log in again."
    if last:
        text += "\n\nIt is the last administrator: nobody can change the configuration over the network after this."
    run = Run(body=UserRemove(name=row.key, force=last))
    return Sure(heading="Remove a user", text=text, verb="Remove", run=run, word=clean(row.key))


USERS = Section(
    name="Users",
    about="Who may log in over the network, and as what",
    queries=("users",),
    heads=(Head("user", 16, flex=1), Head("role", 14), Head("password set", 16)),
    rows=_users,
    empty="Nobody can log in over the network yet: press n to add somebody",
    new=_ADD_USER,
    edit=_passwd,
    remove=_remove_user,
)


# --- tokens ---------------------------------------------------------------------------------------------------------


def _tokens(scene: Scene) -> list[Row]:
    return [_token(one, scene) for one in scene.answers["tokens"]]


def _token(one: Mapping[str, Any], scene: Scene) -> Row:
    ends = wall_of(one["expires"])
    over = ends is not None and ends <= scene.now
    until = f"{scene.wording.moment(one['expires'], scene.now)}{' over' if over else ''}" if ends is not None else "never"
    made = Cell(scene.wording.moment(one["created"], scene.now))
    return Row(
        key=one["name"],
        cells=(Cell(clean(one["name"])), Cell(one["role"]), made, Cell(until, "error" if over else "")),
        thing=one,
    )


def _made(values: Mapping[str, str]) -> Run:
    name, life = values["name"].strip(), values["for"].strip()
    for_s = parse_duration(life, where="for") if life else 0.0
    text = f"A script sends it with each request:\nAuthorization: Bearer TOKEN\n\n{_ONCE}"

    def show(reply: CommandReply) -> Show:
        return Show(heading=f"The token {clean(name)}", text=text, secret=reply.result["token"])

    return Run(body=TokenAdd(name=name, role=values["role"], for_s=for_s), then=show)  # type: ignore[arg-type]  # a choice


_ADD_TOKEN = Fill(
    form=Form(
        title="New token",
        fields=(
            Field(name="name", label="Name", needed=True, help="What uses it: grafana, backup, a script."),
            _ROLE,
            Field(
                name="for", label="For", kind="duration", least=1, most=LONGEST_TOKEN_S, help="Like 365d; empty: it never ends."
            ),
        ),
        verb="Add",
    ),
    made=_made,
)


def _revoke(scene: Scene) -> Step:
    row = scene.row
    text = f"{clean(row.key)}, {row.thing['role']}: whatever uses it is refused from now on."
    return Sure(heading="Revoke a token", text=text, verb="Revoke", run=Run(body=TokenRevoke(name=row.key)), word=clean(row.key))


TOKENS = Section(
    name="Tokens",
    about="What scripts show instead of a login",
    queries=("tokens",),
    heads=(Head("token", 16, flex=1), Head("role", 14), Head("made", 16, from_width=70), Head("ends", 21)),
    rows=_tokens,
    empty="No token yet: press n to make one for a script",
    new=_ADD_TOKEN,
    edit="A token is not changed: revoke it with x, and make another with n",
    remove=_revoke,
)


# --- secrets --------------------------------------------------------------------------------------------------------


def _secrets(scene: Scene) -> list[Row]:
    return [_secret(one) for one in scene.answers["secrets"]]


def _secret(one: Mapping[str, Any]) -> Row:
    used = [clean(name) for name in one["used_by"]]
    state = Cell("sealed", "good") if one["opens"] else Cell("does not open", "error") if one["set"] else Cell("MISSING", "error")
    more = "" if one["opens"] or not one["set"] else " This node lacks the key that it was sealed with: set it anew."
    return Row(
        key=one["name"],
        cells=(Cell(clean(one["name"])), state, Cell(", ".join(used) or "-", "" if used else "quiet")),
        more=f"Settings refer to it as secret:{clean(one['name'])}.{more}",
        thing=one,
    )


def _seal(name: str) -> Fill:
    fields = (
        Field(name="name", label="Name", needed=True, value=name, locked=bool(name), help="Settings refer to it as secret:NAME."),
        *twice("Value", help="It is sealed, and never shown."),
    )
    form = Form(title=f"Secret {clean(name)}" if name else "New secret", fields=fields)
    return Fill(form=form, made=lambda values: Run(body=SecretSet(name=values["name"].strip(), password=typed_twice(values))))


def _remove_secret(scene: Scene) -> Step | str:
    row = scene.row
    if row.thing["used_by"]:
        return f"It is used by {text_of(row.thing['used_by'][:3])}: change that first"
    text = f"{clean(row.key)}\n\nNothing of this node's own configuration refers to it."
    return Sure(heading="Remove a secret", text=text, verb="Remove", run=Run(body=SecretRemove(name=row.key)))


SECRETS = Section(
    name="Secrets",
    about="Sealed values that settings refer to by name",
    queries=("secrets",),
    heads=(Head("secret", 18, flex=1), Head("state", 14), Head("used by", 20, flex=3)),
    rows=_secrets,
    empty="No secret yet: press n to seal one",
    new=_seal(""),
    edit=lambda scene: _seal(scene.row.key),
    remove=_remove_secret,
)
