"""Commands that set up one home, running or not: mail, templates, the passphrase, users, settings. Blocking."""

from __future__ import annotations

import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model.status import Role
from sitescope_fo.node import account_commands, certificate_commands, secret_commands
from sitescope_fo.node.account_commands import AccountCommand
from sitescope_fo.node.certificate_commands import CertificateCommand
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.secret_commands import SecretCommand
from sitescope_fo.node.tree_commands import Done, set_mail, set_template
from sitescope_fo.security.passphrase import derive_root
from sitescope_fo.security.secrets import TreeSecrets
from sitescope_fo.store.config_toml import set_node_value
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.home import Home

NodeCommand = (
    commands.MailSet
    | commands.MailTemplateSet
    | commands.LwssoSet
    | commands.ConfigSet
    | AccountCommand
    | CertificateCommand
    | SecretCommand
)


def apply(home: Home, body: NodeCommand, ring: KeyRing, using: EditContext, role: Role, wall: float) -> Done:  # what a home is
    """(text, result) of one command, asked for at `wall`. Raises SiteScopeError; then nothing was changed."""
    match body:
        case commands.MailSet():
            return set_mail(home.root, body, TreeSecrets.read(home.root, ring.keys), using)
        case commands.MailTemplateSet():
            return set_template(home.root, body)
        case commands.LwssoSet():
            return set_passphrase(home, ring, body.passphrase, role, wall)
        case commands.ConfigSet():
            field = set_node_value(home, body.key, body.value)
            restart = "; restart the node to use it" if field.restart else ""
            return f"{body.key} = {body.value}{restart}", {"key": body.key, "value": body.value, "restart": field.restart}
        case commands.CertCreate() | commands.CertImport() | commands.CertRemove():
            return certificate_commands.apply(home, body, wall)
        case commands.SecretSet() | commands.SecretRemove():
            return secret_commands.apply(home.root, body, ring)
        case _:
            return account_commands.apply(home.root, body, ring, wall)


def set_passphrase(home: Home, ring: KeyRing, passphrase: str, role: Role, wall: float) -> Done:
    """Derives and keeps the root of the passphrase, and seals the configuration key for whoever has it (primary)."""
    fresh = msgspec.structs.replace(derive_root(passphrase), since=wall)
    root = next((known for known in ring.roots() if known.id == fresh.id), fresh)
    ring.add_root(root)
    if role is Role.primary:
        secrets = TreeSecrets.read(home.root, ring.keys)
        if secrets.rewrap(ring.keys):
            secrets.write()
    return (
        f"passphrase set (key {root.id}); the other node needs the same one and shows the same key",
        {"key_id": root.id},
    )
