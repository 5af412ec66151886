import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Unreachable, Usage
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import load_ha_config, load_node_config
from sitescope_fo.store.home import Home, check_home_path, create_home, find_home, open_home, profile_folder_name
from sitescope_fo.store.lock import acquire
from sitescope_fo.store.tree import load_tree
from tests.store.book import Ids, SmallBook
from tests.store.disks import Died, DyingDisk

WALL = 1_795_341_600.0  # 2026-11-22T10:00:00Z


def make(root, **changes):
    values = {"role": Role.primary, "port": 9000, "tls": False, "host": "", "node_id": "n-1", "force": False, "wall": WALL}
    return create_home(root, **(values | changes))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "SiteScope"


def test_a_new_home_loads_completely(root):
    home = make(root, role=Role.failover, tls=True, host="standby.example")
    assert open_home(root) == home
    assert load_node_config(home) == NodeConfig(
        role=Role.failover, port=9000, tls=True, host="standby.example", logs_keep_s=14 * 86400.0
    )
    assert load_ha_config(home) == HaConfig(node_id="n-1")
    tree = load_tree(root, SmallBook(), None, new_id=Ids(), write_ids=True)
    assert (tree.monitors, tree.warnings) == ((), ())


def test_a_new_home_is_readable_by_its_owner_only(root):
    make(root)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (root, *root.rglob("*"))}
    assert {mode for p, mode in modes.items() if p.is_dir()} == {0o700}
    assert {mode for p, mode in modes.items() if p.is_file()} == {0o600}


def test_a_home_is_made_in_an_empty_folder_that_is_there(root):
    root.mkdir()
    make(root)
    assert open_home(root)


def test_a_folder_with_something_in_it_is_refused_and_left_alone(root):
    root.mkdir()
    (root / "precious").write_text("x")
    with pytest.raises(Refused, match="not empty") as refusal:
        make(root)
    assert refusal.value.code == "home_exists"
    assert [p.name for p in root.iterdir()] == ["precious"]


def test_force_keeps_the_old_home_as_a_backup(root):
    make(root, node_id="old")
    make(root, node_id="new", force=True)
    make(root, node_id="newer", force=True)
    backups = sorted(root.parent.glob("SiteScope.backup-*"))
    assert [b.name for b in backups] == ["SiteScope.backup-20261122T100000Z", "SiteScope.backup-20261122T100000Z-2"]
    assert [load_ha_config(Home(b)).node_id for b in (*backups, root)] == ["old", "new", "newer"]


def test_force_refuses_a_home_that_a_node_runs_on(root):
    lock = acquire(make(root))
    try:
        with pytest.raises(Conflict) as refusal:
            make(root, force=True)
    finally:
        lock.release()
    assert refusal.value.code == "already_running"
    assert str(os.getpid()) in refusal.value.what


def test_a_home_stopped_at_any_step_is_whole_or_absent(tmp_path):
    disk = DyingDisk()
    make(tmp_path / "0" / "SiteScope", disk=disk)
    for step in range(1, disk.steps + 1):
        root = tmp_path / str(step) / "SiteScope"
        with pytest.raises(Died):
            make(root, disk=DyingDisk(step))
        if root.exists():
            load_node_config(open_home(root))
        else:
            make(root)
    assert disk.steps > 30


def test_a_forced_home_stopped_at_any_step_leaves_the_old_one_somewhere(tmp_path):
    disk = DyingDisk()
    make(tmp_path / "0" / "SiteScope", node_id="old")
    make(tmp_path / "0" / "SiteScope", force=True, disk=disk)
    for step in range(disk.steps - 6, disk.steps + 1):
        root = tmp_path / str(step) / "SiteScope"
        make(root, node_id="old")
        with pytest.raises(Died):
            make(root, force=True, disk=DyingDisk(step))
        homes = [p for p in root.parent.iterdir() if not p.name.startswith(".")]
        assert "old" in {load_ha_config(Home(p)).node_id for p in homes}


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/opt/sitescope", "does not end"),
        ("/opt/SiteScope2", "does not end"),
        ("/opt/my files/SiteScope", "a space"),
        ("/opt/d\u00f6ner/SiteScope", "Latin"),
        ("/opt/\u043a/SiteScope", "Latin"),
        ("/opt/a\x07/SiteScope", "Latin"),
        ("SiteScope", "absolute"),
    ],
)
def test_an_unfit_home_path_is_refused_with_the_reason(path, word):
    with pytest.raises(Usage, match=word) as refusal:
        check_home_path(Path(path))
    assert refusal.value.code == "bad_home_path"
    assert refusal.value.hint


def test_the_home_is_found_by_option_then_variable_then_default():
    env = {"SITESCOPE_HOME": "/env/SiteScope"}
    assert find_home("/cli/SiteScope", env) == Path("/cli/SiteScope")
    assert find_home(None, env) == Path("/env/SiteScope")
    assert find_home(None, {"SITESCOPE_HOME": ""}) == Path("/opt/SiteScope")
    assert find_home("rel/SiteScope", {}) == Path.cwd() / "rel/SiteScope"


def test_opening_what_is_no_home_says_how_to_make_one(tmp_path):
    with pytest.raises(Unreachable, match="no SiteScope home") as missing:
        open_home(tmp_path / "SiteScope")
    with pytest.raises(ConfigInvalid, match="not a SiteScope home") as strange:
        open_home(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigInvalid, match="a file"):
        open_home(tmp_path / "file")
    assert (missing.value.code, strange.value.code) == ("home_missing", "not_a_home")
    assert "sitescope-fo setup" in missing.value.hint
    assert "sitescope-fo setup" in strange.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_opening_a_home_of_somebody_else_names_the_permission(root):
    make(root)
    script = (
        "import os, sys; from pathlib import Path\n"
        "from sitescope_fo.store.home import open_home\n"
        "from sitescope_fo.model.errors import Refused\n"
        "os.setuid(65534)\n"
        "try: open_home(Path(sys.argv[1]))\n"
        "except Refused as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("home_unreadable Run as the user")


@pytest.mark.parametrize(
    ("host", "port", "taken", "folder"),
    [
        ("Prod.Example", 8080, (), "prod.example"),
        ("prod", 8443, (), "prod"),
        ("prod", 9000, (), "prod_9000"),
        ("prod", 8443, ("prod",), "prod_8443"),
        ("prod", 8443, ("prod", "prod_8443"), "prod_8443-2"),
        ("a_b", 8080, (), "a%5fb"),
        ("fe80::1", 8080, (), "fe80%3a%3a1"),
        ("../../etc", 8080, (), "%2e.%2f..%2fetc"),
        ("..", 8080, (), "%2e."),
    ],
)
def test_a_mirror_folder_is_named_by_its_primary(host, port, taken, folder):
    assert profile_folder_name(host, port, taken) == folder


@given(st.text(min_size=1), st.integers(1, 65535))
def test_no_host_name_leaves_the_failover_folder(host, port):
    if not host.strip():
        return
    name = profile_folder_name(host, port, ())
    assert Path("/x", name).parent == Path("/x")
    assert name not in {"", ".", ".."}
    assert len(name) < 255
    assert name.isascii()
