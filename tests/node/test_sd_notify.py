"""systemd hears how the service is, on a real datagram socket."""

import socket

import pytest

from sitescope_fo.node.sd_notify import SdNotify


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """The socket a service manager listens on, and what NOTIFY_SOCKET says."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@sitescope-test-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if name.startswith("@") else name)
        sock.settimeout(5)
        yield sock, name


def test_fields_travel_in_one_datagram(manager):
    sock, name = manager
    SdNotify({"NOTIFY_SOCKET": name}).send(READY=1, STATUS="primary, running")
    assert sock.recv(1000) == b"READY=1\nSTATUS=primary, running"


def test_a_value_cannot_smuggle_another_field_in(manager):
    sock, name = manager
    SdNotify({"NOTIFY_SOCKET": name}).send(STATUS="a\nMAINPID=1", EMPTY="")
    assert sock.recv(1000) == b"STATUS=a\nEMPTY="


def test_the_watchdog_is_fed_three_times_in_its_limit(manager):
    _, name = manager
    assert SdNotify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"}).watchdog_every_s == 10.0
    for env in ({}, {"WATCHDOG_USEC": "30000000"}, {"NOTIFY_SOCKET": name}, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "soon"}):
        assert SdNotify(env).watchdog_every_s == 0.0


def test_without_a_manager_nothing_happens(tmp_path):
    SdNotify({}).send(READY=1)
    SdNotify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send(READY=1)


def test_a_manager_that_does_not_read_delays_nothing(manager):
    sock, name = manager
    notify = SdNotify({"NOTIFY_SOCKET": name})
    for _ in range(2000):  # more than any queue of datagrams holds
        notify.send(WATCHDOG=1)
    assert sock.recv(1000) == b"WATCHDOG=1"
