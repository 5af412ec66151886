"""The two homes of a pair as `setup`, `profile add` and an editor leave them. Made once for each shape, then copied."""

import random
import shutil
import tempfile
import uuid
from functools import cache
from pathlib import Path

import msgspec

from sitescope_fo.model.config import PRESETS, HaConfig, Profile
from sitescope_fo.model.status import Role
from sitescope_fo.security.keys import new_keys, save_keys
from sitescope_fo.store.config_toml import save_ha_config, set_node_value
from sitescope_fo.store.home import create_home
from tests.simulation.ports import START_WALL

SHARED_MEMORY = Path("/dev/shm")
OPS = "ops@example.org"
MAIL = f"""\
[mail]
from = "sitescope@example.org"
to = ["{OPS}"]
servers = [{{ host = "mail.example", port = 25 }}]
"""


def stable_id(name):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def group_text(pages, frequency):
    """A group with one alert over `pages` (names), checked every `frequency`."""
    lines = ["[group]", f'id = "{stable_id("group")}"', 'name = "Web"', ""]
    for page in pages:
        host = page.lower().replace(" ", "-")
        lines += [
            "[[monitor]]", f'id = "{stable_id(page)}"', 'type = "port"', f'name = "{page}"', f'frequency = "{frequency}"',
            f'settings = {{ host = "{host}.example", port = 443, timeout = "2s" }}', "",
        ]  # fmt: skip
    lines += [
        "[[alert]]", f'id = "{stable_id("alert")}"', 'name = "mail ops"', 'on = "error"',
        'when = { kind = "once", after = 1 }', f'actions = ["mail:{OPS}"]', "",
    ]  # fmt: skip
    return "\n".join(lines)


@cache
def _store():
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    return tempfile.TemporaryDirectory(prefix="sitescope-simulation-", dir=place)


def folder():
    """Where homes are made; gone with the process."""
    return Path(_store().name)


@cache
def template(preset, pages, frequency, changes, watch_files):
    """A folder with `primary/SiteScope` and `failover/SiteScope`."""
    place = Path(tempfile.mkdtemp(dir=folder()))
    for role in (Role.primary, Role.failover):
        root = place / role.value / "SiteScope"
        home = create_home(
            root, role=role, port=8080, tls=False, host=role.value, node_id=stable_id(f"node {role.value}"), force=False,
            wall=START_WALL,
        )  # fmt: skip
        save_keys(home.keys, new_keys(random.Random(role.value).randbytes))
        set_node_value(home, "files.watch_every", watch_files)
        (home.persistence / "preferences.toml").write_text(MAIL)
        if role is Role.primary:
            (home.groups / "Web").mkdir(mode=0o700)
            (home.groups / "Web" / "group.toml").write_text(group_text(pages, frequency))
        else:
            timing = msgspec.structs.replace(PRESETS[preset], **dict(changes))
            profile = Profile(id=stable_id("profile"), name="prod", primary_host="primary", preset=preset, timing=timing)
            save_ha_config(home, HaConfig(node_id=stable_id("node failover"), profiles=(profile,)))
    return place


def make_pair(*shape):
    """Fresh copies: (home of the primary, home of the failover, the folder to remove afterwards)."""
    source = template(*shape)
    place = Path(tempfile.mkdtemp(dir=folder()))
    shutil.copytree(source, place, dirs_exist_ok=True, symlinks=True)
    return place / "primary" / "SiteScope", place / "failover" / "SiteScope", place
