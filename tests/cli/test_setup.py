"""`setup` makes a home or says what stands against it."""

import socket

import pytest

from sitescope_fo.store.home import open_home


@pytest.fixture
def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def busy_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


@pytest.mark.parametrize("role", ["primary", "failover"])
def test_a_home_is_made_and_the_next_steps_are_shown(run, home, free_port, role):
    said = run("setup", "--role", role, "--home", home, "--port", free_port, "--yes")
    assert said.code == 0
    assert open_home(home).config.exists()
    assert f"sitescope-fo --home {home} --daemon" in said.out
    assert "lwsso set" in said.out


def test_a_dry_run_makes_nothing(run, home, free_port):
    said = run("setup", "--role", "primary", "--home", home, "--port", free_port, "--dry-run", "--json")
    assert (said.code, home.exists()) == (0, False)
    answer = said.json()
    assert (answer["role"], answer["port"], answer["dry_run"]) == ("primary", free_port, True)


def test_a_busy_port_is_a_conflict(run, home, busy_port):
    said = run("setup", "--role", "primary", "--home", home, "--port", busy_port, "--yes", "--json")
    assert (said.code, said.json()["error"]["code"], home.exists()) == (6, "port_in_use", False)


def test_an_existing_home_is_refused_unless_forced(run, home, free_port):
    make = ("setup", "--role", "primary", "--home", home, "--port", free_port, "--yes", "--json")
    assert run(*make).code == 0
    said = run(*make)
    assert (said.code, said.json()["error"]["code"]) == (5, "home_exists")
    assert run(*make, "--force").code == 0
    assert len([path for path in home.parent.iterdir() if path.name.startswith("SiteScope.backup-")]) == 1


@pytest.mark.parametrize("name", ["sitescope", "Site Scope", "\u0421iteScope"])
def test_another_name_than_sitescope_is_refused(run, home, free_port, name):
    said = run("setup", "--role", "primary", "--home", home.parent / name, "--port", free_port, "--yes", "--json")
    assert (said.code, said.json()["error"]["code"]) == (2, "bad_home_path")
