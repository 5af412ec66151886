"""Commands that edit a configuration tree, the node's own or a working one: groups, monitors, alerts, mail. Blocking."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.when import parse_when
from sitescope_fo.notify.built_in import BUILT_IN
from sitescope_fo.notify.templates import FOLDER, check_template
from sitescope_fo.security.secrets import TreeSecrets
from sitescope_fo.store import edit, edit_schedules
from sitescope_fo.store.edit import EditContext, EditResult
from sitescope_fo.store.files import make_private_dir, write_atomic
from sitescope_fo.store.toml_reader import fold
from sitescope_fo.store.tree import load_whole
from sitescope_fo.store.tree_resolve import SEALED

ElementCommand = (
    commands.GroupAdd
    | commands.GroupRemove
    | commands.MonitorAdd
    | commands.MonitorEdit
    | commands.MonitorRemove
    | commands.MonitorEnable
    | commands.AlertAdd
    | commands.AlertEdit
    | commands.AlertRemove
)
ScheduleCommand = commands.ScheduleAdd | commands.ScheduleEdit | commands.ScheduleRemove
TreeCommand = ElementCommand | ScheduleCommand
Done = tuple[str, Any]
Seal = Callable[[Path, str], str]
SMTP_SECRET = "smtp"  # noqa: S105  # the name of a secret


def target_of(body: TreeCommand) -> str:
    """The path in the tree that a command is about."""
    match body:
        case commands.MonitorAdd():
            return body.group
        case commands.AlertAdd() | commands.AlertEdit() | commands.AlertRemove():
            return body.scope.strip("/")
        case commands.ScheduleAdd() | commands.ScheduleEdit() | commands.ScheduleRemove():
            return body.name
        case _:
            return body.path


def edit_tree(root: Path, body: TreeCommand, path: str, using: EditContext, seal: Seal, users: Collection[str] = ()) -> Done:
    """Carries an edit out on the tree at `root`; `path` is the command's target without a profile prefix.

    `seal` seals a secret for the tree at a folder: none is written in clear. `users`: what outside the tree refers to the target.
    Raises SiteScopeError as `store.edit`; then nothing was changed.
    """
    body = _without_clear_secrets(root, body, path, using, seal)
    if isinstance(body, ScheduleCommand):
        text, done = _edit_schedule(root, body, path, using, users)
    else:
        text, done = _edit(root, body, path, using)
    result: dict[str, Any] = {"path": path, "files": list(done.files)}
    if done.kept_copy is not None:
        text += f"; the file's comments are kept in {done.kept_copy}"
        result["kept_copy"] = str(done.kept_copy)
    return text, result


def _without_clear_secrets(root: Path, body: TreeCommand, path: str, using: EditContext, seal: Seal) -> TreeCommand:
    """The command with the secrets among its settings sealed. References, and what is sealed already, stay."""
    if isinstance(body, commands.MonitorAdd):
        settings = body.table.get("settings")
        if not isinstance(settings, dict) or not (sealed := _sealed(root, str(body.table.get("type")), settings, using, seal)):
            return body
        return msgspec.structs.replace(body, table={**body.table, "settings": {**settings, **sealed}})
    if isinstance(body, commands.MonitorEdit):
        whole = body.changes.get("settings")
        settings = {**(whole if isinstance(whole, dict) else {}), **body.settings}
        kind = str(body.changes.get("type") or (_type_of(root, path, using) if settings else ""))
        return msgspec.structs.replace(body, settings={**body.settings, **_sealed(root, kind, settings, using, seal)})
    return body


def _sealed(root: Path, kind: str, settings: dict[str, Any], using: EditContext, seal: Seal) -> dict[str, str]:
    spec = using.book.specs.get(kind)
    secret = {setting.name for setting in spec.settings if setting.kind == "secret"} if spec is not None else set()
    clear = {key: value for key, value in settings.items() if key in secret and isinstance(value, str) and value}
    return {key: seal(root, value) for key, value in clear.items() if not value.startswith(SEALED)}


def _type_of(root: Path, path: str, using: EditContext) -> str:
    loaded = load_whole(root, using.book, None, new_id=using.new_id, cache=using.cache)
    place = loaded.names.monitors.get(fold(path.strip().strip("/")))
    found = (monitor.type for monitor in loaded.tree.monitors if place is not None and monitor.id == place.id)
    return next(found, "")


def _edit_schedule(
    root: Path, body: ScheduleCommand, name: str, using: EditContext, users: Collection[str]
) -> tuple[str, EditResult]:
    if isinstance(body, commands.ScheduleRemove):
        return f"schedule {name} removed", edit_schedules.remove_schedule(root, name, using=using, users=users)
    times = {key: list(value) for key, value in (("windows", body.windows), ("moments", body.moments)) if value}
    if len(times) > 1:
        what = "A schedule has windows (a range) or moments (absolute), not both"
        raise Usage(what, where=name, hint="Make two schedules", code="bad_schedule")
    if isinstance(body, commands.ScheduleAdd):
        if not times:
            raise Usage("A schedule needs times", where=name, hint="Give windows or moments", code="bad_schedule")
        done = edit_schedules.add_schedule(root, {"name": name, **times}, using=using)
        return f"schedule {name} added", done
    changes = {**({"name": body.new_name} if body.new_name else {}), **times}
    if not changes:
        raise Usage("There is nothing to change", where=name, hint="Give a name or times", code="nothing_to_change")
    return f"schedule {name} changed", edit_schedules.edit_schedule(root, name, changes, using=using, users=users)


def _edit(root: Path, body: ElementCommand, path: str, using: EditContext) -> tuple[str, EditResult]:
    match body:
        case commands.GroupAdd():
            done = edit.add_group(root, path, using=using, description=body.description, depends_on=body.depends_on)
            return f"group {path} added", done
        case commands.GroupRemove():
            return f"group {path} removed", edit.remove_group(root, path, recursive=body.recursive, using=using)
        case commands.MonitorAdd():
            done = edit.add_monitor(root, path, body.table, using=using)
            return f"monitor {path}/{body.table.get('name', '')} added", done
        case commands.MonitorEdit():
            done = edit.edit_monitor(root, path, body.changes, body.unset, settings=body.settings, using=using)
            return f"monitor {path} changed", done
        case commands.MonitorRemove():
            return f"monitor {path} removed", edit.remove_monitor(root, path, using=using)
        case commands.MonitorEnable():
            word = "enabled" if body.enabled else "disabled"
            return f"monitor {path} {word}", edit.set_enabled(root, path, enabled=body.enabled, using=using)
        case commands.AlertAdd():
            table = {"name": body.name, "on": body.on, "when": _when(body.when), "actions": _actions(body.to)}
            return f"alert {body.name} added to {path or '/'}", edit.add_alert(root, path or "/", table, using=using)
        case commands.AlertEdit():
            return f"alert {body.name} changed", edit.edit_alert(root, path or "/", body.name, _alert_changes(body), using=using)
        case commands.AlertRemove():
            return f"alert {body.name} removed", edit.remove_alert(root, path or "/", body.name, using=using)


def _when(text: str) -> dict[str, object]:
    when = parse_when(text, where="--when")
    table: dict[str, object] = {"kind": when.kind, "after": when.after}
    return table | ({"every": when.every} if when.kind == "repeat" else {})


def _actions(to: tuple[str, ...]) -> list[str]:
    return [address if address.startswith("mail:") or "@" not in address else f"mail:{address}" for address in to]


def _alert_changes(body: commands.AlertEdit) -> dict[str, object]:
    changes: dict[str, object] = {}
    if body.new_name:
        changes["name"] = body.new_name
    if body.on:
        changes["on"] = body.on
    if body.when:
        changes["when"] = _when(body.when)
    if body.to:
        changes["actions"] = _actions(body.to)
    if body.enabled is not None:
        changes["enabled"] = body.enabled
    return changes


def set_mail(root: Path, body: commands.MailSet, secrets: TreeSecrets, using: EditContext) -> Done:
    """E-mail settings of the tree; a password is sealed before anything refers to it."""
    known = _mail_table(root)
    servers = [dict(server) for server in known.get("servers", [])]
    if body.host or body.port or body.security or body.user or body.password:
        first = servers[0] if servers else {}
        if not (body.host or first.get("host")):
            raise Usage("A mail server needs a host", where="--host", hint="sitescope-fo mail set --host HOST", code="no_host")
        first |= _server(body, secrets)
        servers = [first, *servers[1:]]
    if body.backup:
        if not servers:
            raise Usage("A backup needs a main server first", where="--backup", hint="Add --host HOST", code="no_host")
        servers = [*servers[:1], _backup(body.backup, servers[0])]
    values: dict[str, object] = {}
    if servers:
        values["servers"] = servers
    if body.sender:
        values["from"] = body.sender
    if body.to:
        values["to"] = list(body.to)
    if not values:
        raise Usage("Nothing to set", where="mail set", hint="Give --host, --from or --to", code="nothing_to_change")
    done = edit.set_preferences(root, "mail", values, using=using)
    host = servers[0]["host"] if servers else "no server yet"
    return f"mail settings saved ({host})", {"files": list(done.files)}


def _mail_table(root: Path) -> dict[str, Any]:
    path = root / "persistence" / "preferences.toml"
    if not path.is_file():
        return {}
    found = tomllib.loads(path.read_text("utf-8")).get("mail", {})
    return found if isinstance(found, dict) else {}


def _server(body: commands.MailSet, secrets: TreeSecrets) -> dict[str, object]:
    fields: dict[str, object] = {"host": body.host, "port": body.port, "security": body.security, "user": body.user}
    given = {key: value for key, value in fields.items() if value}
    if body.password:
        given["password"] = secrets.put(SMTP_SECRET, body.password)
        secrets.write()
    return given


def _backup(text: str, first: dict[str, Any]) -> dict[str, object]:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, ""
    if not host or (port and not port.isdigit()):
        raise Usage(f"'{text}' is no mail server", where="--backup", hint="Write HOST or HOST:PORT", code="bad_server")
    server: dict[str, object] = {**first, "host": host}
    if port:
        server["port"] = int(port)
    return server


def set_template(root: Path, body: commands.MailTemplateSet) -> Done:
    """Replaces a mail template once it has rendered; an empty text puts the built-in one back."""
    if body.name not in BUILT_IN:
        raise Usage(
            f"There is no template '{body.name}'", where="mail template", hint=f"One of: {', '.join(BUILT_IN)}", code="not_found"
        )
    path = root / FOLDER / f"{body.name}.txt"
    if not body.text:
        path.unlink(missing_ok=True)
        return f"the built-in template {body.name} is back", {"name": body.name}
    check_template(body.name, body.text)
    make_private_dir(path.parent)
    write_atomic(path, body.text.encode("utf-8"))
    return f"template {body.name} saved", {"name": body.name, "file": str(path)}
