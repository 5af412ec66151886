"""The dns monitor: dnsmasq on loopback, and servers that misbehave."""

import asyncio
import shutil
import socket
import struct
import subprocess
import sys

import anyio
import pytest

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors import dns_exchange
from sitescope_fo.monitors.dns import SPEC
from sitescope_fo.monitors.judge import judge
from tests.monitors.server import serving

pytestmark = pytest.mark.anyio
LONG = [f"--txt-record=long.test,{'x' * 200}{number}" for number in range(20)]


def free_port():
    """For UDP and TCP both."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            if tcp.connect_ex(udp.getsockname()):  # nobody listens
                return udp.getsockname()[1]


@pytest.fixture(scope="module")
def name_server():
    if not shutil.which("dnsmasq"):
        pytest.skip("dnsmasq-base is not installed")
    port = free_port()
    command = [
        "dnsmasq", "--keep-in-foreground", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
        "--no-hosts", "--conf-file=/dev/null", "--pid-file", "--user=root", "--local=/test/", "--auth-ttl=77", "--local-ttl=55",
        "--host-record=web.test,192.0.2.1,2001:db8::1", "--host-record=web2.test,192.0.2.2", "--address=/two.test/192.0.2.7",
        "--cname=alias.test,web.test", "--mx-host=test,mail.test,10", "--txt-record=test,v=spf1 -all",
        "--ptr-record=1.2.0.192.in-addr.arpa,web.test", "--srv-host=_ldap._tcp.test,web.test,389", *LONG,
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert running.poll() is None, running.stderr.read()
        yield f"127.0.0.1:{port}"
        running.terminate()


def verdict(result, **lists):
    return judge(Monitor(id="m", name="m", path="g/m", type="dns", **lists), SPEC, result).status


@pytest.mark.real_service
@pytest.mark.parametrize(
    ("name", "record_type", "answer"),
    [
        ("web.test", "A", "192.0.2.1"),
        ("web.test.", "AAAA", "2001:db8::1"),
        ("alias.test", "CNAME", "web.test."),
        ("alias.test", "A", "192.0.2.1"),
        ("test", "MX", "10 mail.test."),
        ("test", "TXT", '"v=spf1 -all"'),
        ("192.0.2.1", "PTR", "web.test."),
        ("_ldap._tcp.test", "SRV", "0 0 389 web.test."),
    ],
)
async def test_records_of_a_real_name_server_are_told(check, name_server, name, record_type, answer):
    result = await check("dns", name=name, type=record_type, server=name_server)
    assert (result.failure, result.values["rcode"], result.values["answer"]) == ("", "NOERROR", answer)
    assert (result.values["answers"], verdict(result)) == (1, Status.good)
    assert 0 < result.values["round_trip_time"] <= result.duration_s
    assert 0 <= result.values["ttl"] <= 600
    assert answer in result.summary


@pytest.mark.real_service
@pytest.mark.parametrize(("expect", "match"), [("192.0.2.1", "yes"), (r"/^192\.0\.2\.\d$/", "yes"), ("192.0.2.9", "no")])
async def test_the_expected_record_is_looked_for(check, name_server, expect, match):
    result = await check("dns", name="web.test", server=name_server, expect=expect)
    assert result.values["match"] == match
    assert verdict(result) is (Status.good if match == "yes" else Status.error)


@pytest.mark.real_service
async def test_a_name_that_does_not_exist_is_an_answer_and_an_error(check, name_server):
    result = await check("dns", name="absent.test", server=name_server)
    assert (result.failure, result.values["rcode"], result.values["answers"]) == ("", "NXDOMAIN", 0)
    assert (verdict(result), verdict(result, error_if=("rcode != 'NXDOMAIN'",))) == (Status.error, Status.good)
    empty = await check("dns", name="web2.test", type="AAAA", server=name_server)
    assert (empty.values["rcode"], empty.values["answers"], "ttl" in empty.values) == ("NOERROR", 0, False)


@pytest.mark.real_service
async def test_an_answer_too_long_for_udp_comes_over_tcp(check, name_server):
    result = await check("dns", name="long.test", type="TXT", server=name_server)
    assert (result.failure, result.values["answers"]) == ("", len(LONG))


@pytest.mark.real_service
async def test_the_systems_servers_are_asked_in_turn(check, name_server, monkeypatch):
    """/etc/resolv.conf knows no ports, so the list it gives is stood in for."""
    monkeypatch.setattr("sitescope_fo.monitors.dns.PORT", int(name_server.rpartition(":")[2]))
    monkeypatch.setattr(dns_exchange, "system_servers", lambda: ["127.0.0.9", "127.0.0.1"])
    result = await check("dns", name="web.test", reply_timeout="1s")
    assert (result.failure, result.values["answer"]) == ("", "192.0.2.1")
    monkeypatch.setattr(dns_exchange, "system_servers", list)
    assert (await check("dns", name="web.test")).failure == "missing"


def test_the_systems_servers_are_those_of_its_resolver():
    assert all(isinstance(server, str) for server in dns_exchange.system_servers())


class Answering(asyncio.DatagramProtocol):
    """Answers each datagram with what `make(question)` gives."""

    def __init__(self, make):
        self.make = make

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        if reply := self.make(data):
            self.transport.sendto(reply, addr)


async def answering(make):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Answering(make), ("127.0.0.1", 0))
    return transport, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"


@pytest.mark.parametrize(
    "make",
    [
        lambda question: None,
        lambda question: b"\xff\xff" + question[2:],  # the id of another question
        lambda question: question[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, 9, 0, 0) + question[12:],  # nine records, says it
        lambda question: question[:2] + b"\x81",
    ],
    ids=["silence", "foreign", "short of records", "two bytes"],
)
async def test_nonsense_is_no_answer_and_no_defect(check, make):
    transport, server = await answering(make)
    result = await check("dns", name="web.test", server=server, reply_timeout="100ms")
    transport.close()
    await anyio.sleep(0)
    assert (result.failure, check.defects) == ("timeout", [])


async def test_nonsense_over_tcp_is_a_failure(check):
    async def talk(reader, writer):
        await reader.read(100)
        writer.write(b"\x00\x0chello, world")
        await writer.drain()

    async with serving(talk) as port:
        loop = asyncio.get_running_loop()
        cut = Answering(lambda question: question[:2] + b"\x83\x80" + question[4:])  # the bit that says: ask over TCP
        transport, _ = await loop.create_datagram_endpoint(lambda: cut, ("127.0.0.1", port))
        result = await check("dns", name="web.test", server=f"127.0.0.1:{port}")
        transport.close()
        await anyio.sleep(0)
    assert (result.failure, check.defects) == ("protocol", [])


async def test_a_server_that_is_not_there_is_refused(check):
    result = await check("dns", name="web.test", server=f"127.0.0.1:{free_port()}", reply_timeout="9s")
    assert result.failure == "refused"
    assert check.defects == []


async def test_without_dnspython_it_says_what_to_install(check, monkeypatch):
    monkeypatch.setitem(sys.modules, "sitescope_fo.monitors.dns_exchange", None)
    monkeypatch.delattr("sitescope_fo.monitors.dns_exchange", raising=False)
    result = await check("dns", name="web.test", server="127.0.0.1:1")
    assert (result.failure, "sitescope-fo[dns]" in result.summary) == ("missing", True)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"name": "a..b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "a", "server": "h:99999"}, "server"),
        ({"name": "a", "server": "h/x"}, "server"),
        ({"name": "a", "server": ""}, "server"),
        ({"name": "a", "expect": "/(a+)+/"}, "expect"),
        ({"name": "a", "type": "ANY"}, "type"),
    ],
)
async def test_settings_that_cannot_work_are_told_before(check, settings, name):
    assert [found for found, _ in check.registry.settings_problems("dns", settings)] == [name]
