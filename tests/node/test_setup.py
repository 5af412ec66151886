"""Making a home: every check of the guide's wizard, and nothing half made."""

import shutil
import socket
import stat
from collections import namedtuple

import pytest

from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.model.status import Role
from sitescope_fo.node import setup as module
from sitescope_fo.node.setup import run_setup
from sitescope_fo.security.keys import load_keys
from sitescope_fo.store.config_toml import load_ha_config, load_node_config
from sitescope_fo.store.home import open_home
from sitescope_fo.store.lock import acquire


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def make(root, role=Role.primary, **options):
    return run_setup(root, role=role, **{"port": free_port(), **options})


@pytest.mark.parametrize("role", list(Role))
def test_a_home_is_complete_private_and_says_what_comes_next(home, role):
    port = free_port()
    report = make(home, role, port=port, host="node1")
    made = open_home(home)
    assert (report.role, report.port, report.host, report.backup) == (role, port, "node1", "")
    assert load_node_config(made).role is role
    assert load_ha_config(made).node_id == report.node_id
    assert load_keys(made.keys).lwsso == ()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert any("lwsso set" in step for step in report.next_steps)
    assert any(("profile add" if role is Role.failover else "monitor add") in step for step in report.next_steps)


@pytest.mark.parametrize(
    "name", ["sitescope", "SiteScope2", "Site Scope/SiteScope", "größe/SiteScope", "\u0441/SiteScope", "a\tb/SiteScope"]
)
def test_a_path_that_the_guide_forbids_is_refused(tmp_path, name):
    with pytest.raises(Usage) as caught:
        make(tmp_path / name)
    assert (caught.value.code, caught.value.exit_code) == ("bad_home_path", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(home, port):
    with pytest.raises(Usage) as caught:
        make(home, port=port)
    assert caught.value.code == "bad_port"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_that_somebody_listens_on_is_a_conflict(home, family):
    with socket.socket(family) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        sock.listen()
        with pytest.raises(Conflict) as caught:
            make(home, port=sock.getsockname()[1])
    assert (caught.value.code, caught.value.exit_code) == ("port_in_use", 6)
    assert not home.exists()


def test_an_existing_home_is_refused_and_with_force_kept_beside(home):
    first = make(home)
    (home / "groups" / "mine").mkdir()
    with pytest.raises(Refused) as caught:
        make(home)
    assert (caught.value.code, caught.value.exit_code) == ("home_exists", 5)
    second = make(home, force=True)
    assert second.node_id != first.node_id
    assert load_ha_config(open_home(home)).node_id == second.node_id
    [backup] = home.parent.glob("SiteScope.backup-*")
    assert second.backup == str(backup)
    assert (backup / "groups" / "mine").is_dir()


def test_a_running_node_is_not_pulled_away_from_under_itself(home):
    make(home)
    lock = acquire(open_home(home))
    try:
        with pytest.raises(Conflict) as caught:
            make(home, force=True)
        assert caught.value.code == "already_running"
    finally:
        lock.release()


def test_a_dry_run_checks_everything_and_makes_nothing(home):
    report = make(home, dry_run=True)
    assert report.dry_run
    assert not home.exists()
    make(home)
    for options, kind in (({}, Refused), ({"force": True}, None)):
        before = sorted(home.parent.iterdir())
        if kind is not None:
            with pytest.raises(kind):
                make(home, dry_run=True, **options)
        else:
            make(home, dry_run=True, **options)
        assert sorted(home.parent.iterdir()) == before


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_file_in_the_place_is_refused(home, dry_run):
    home.write_text("mine")
    with pytest.raises(Refused) as caught:
        make(home, dry_run=dry_run)
    assert caught.value.code == "home_exists"
    assert home.read_text() == "mine"


def test_too_little_room_is_refused(home, monkeypatch):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, module.LEAST_DISK_BYTES - 1))
    with pytest.raises(Refused) as caught:
        make(home)
    assert caught.value.code == "disk_full"
    assert not home.exists()
