"""Secrets by name: set, removed, listed with who refers to them; never told. Blocking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sitescope_fo.mirror.tree_outline import outline
from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import Refused, Usage
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.security.secrets import REFERENCE, TreeSecrets
from sitescope_fo.store.tree_files import group_file, read_tree_files

SecretCommand = commands.SecretSet | commands.SecretRemove
LONGEST = 4096


def apply(tree: Path, body: SecretCommand, ring: KeyRing) -> Done:
    """(text, result) of one command on the configuration at `tree`. Raises SiteScopeError; then nothing was changed."""
    secrets = TreeSecrets.read(tree, ring.keys)
    if isinstance(body, commands.SecretSet):
        if not body.password or len(body.password) > LONGEST:
            raise Usage("A secret has 1 to 4096 characters", where=body.name, hint="Give it on one line", code="bad_secret")
        known = body.name in secrets.names
        reference = secrets.put(body.name, body.password)
        secrets.write()
        ring.secrets_for(tree)
        text = f"secret {body.name} {'changed' if known else 'set'}; settings refer to it as {reference}"
        return text, {"name": body.name, "reference": reference}
    if users := references(tree).get(body.name):
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        what = f"The secret '{body.name}' is used: {', '.join(users[:5])}{more}"
        raise Refused(what, where=body.name, hint="Change them first", code="in_use")
    secrets.drop(body.name)
    secrets.write()
    return f"secret {body.name} removed", {"name": body.name}


def secrets(tree: Path, ring: KeyRing) -> list[dict[str, Any]]:
    """Rows of the `secrets` query: names, what refers to each, whether it opens here. Raises ConfigInvalid, OSError."""
    known, users = TreeSecrets.read(tree, ring.keys), references(tree)
    rows = [{"name": name, "used_by": users.get(name, []), "set": True, "opens": known.opens(name)} for name in known.names]
    missing = sorted(users.keys() - set(known.names))
    return rows + [{"name": name, "used_by": users[name], "set": False, "opens": False} for name in missing]


def references(tree: Path) -> dict[str, list[str]]:
    """Secret -> who refers to it: `Web/Home (settings.password)`. Only files that do are parsed, with the groups above them."""
    found = read_tree_files(tree, {})
    word = REFERENCE.encode()
    folders = {folder for folder, content in found.groups.items() if word in content}
    for folder in tuple(folders):
        parts = folder.split("/")
        folders |= {"/".join(parts[:depth]) for depth in range(1, len(parts))} & found.groups.keys()
    contents = {group_file(folder): found.groups[folder] for folder in folders}
    contents |= {f"persistence/{name}": content for name, content in found.persistence.items() if name == "preferences.toml"}
    users: dict[str, list[str]] = {}
    for thing in outline(contents, {}, {}):
        for key, value in thing.keys.items():
            if isinstance(value, str) and value.startswith(REFERENCE):
                users.setdefault(value.removeprefix(REFERENCE), []).append(f"{thing.path} ({key})")
    return {name: sorted(paths) for name, paths in users.items()}
