"""The ping monitor: real ICMP on loopback, with raw and datagram sockets, and without permission for either."""

import asyncio
import errno
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors import icmp
from sitescope_fo.monitors.icmp import Echo
from sitescope_fo.monitors.judge import judge
from sitescope_fo.monitors.ping import SPEC
from sitescope_fo.node.ports.clock import SystemClock

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "192.0.2.1"  # TEST-NET-1, RFC 5737


@pytest.fixture(autouse=True)
def _allowed():
    try:
        icmp._open(icmp._FAMILIES[2])[0].close()
    except PermissionError:
        pytest.skip("ICMP is not allowed here: run as root or set net.ipv4.ping_group_range")


def has_ipv6():
    return Path("/proc/net/if_inet6").exists() and "lo" in Path("/proc/net/if_inet6").read_text()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]
)
async def test_a_host_that_answers_gives_round_trip_and_no_loss(check, host):
    result = await check("ping", host=host, count=2)
    assert result.failure == ""
    assert (result.values["packet_loss"], result.values["packets"]) == (0, 2)
    assert 0 < result.values["round_trip_time"] < result.duration_s


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_many_pings_share_one_socket_and_each_gets_its_own_reply(check):
    results = []

    async def one(host):
        results.append((host, await check("ping", host=host, count=2)))

    before = open_files()
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(one, f"127.0.{number}.9")
        await anyio.sleep(0.02)
        assert open_files() <= before + 2  # the socket, and the set through which it is watched
    assert len(results) == 200
    assert {result.failure for _, result in results} == {""}


async def test_giving_up_on_an_echo_forgets_it():
    echo = Echo(SystemClock())
    await asyncio.wait_for(echo.send(2, "127.0.0.1"), 5)
    with anyio.move_on_after(0.05) as scope:
        door = echo._doors[2]
        door._received = lambda data, at: None  # the wire swallows every reply
        await echo.send(2, "127.0.0.1")
    assert scope.cancelled_caught
    assert door._waiting == {}
    echo.close()


async def test_no_reply_at_all_is_an_error_whatever_good_if_says(check):
    await check("ping", host="127.0.0.1", count=1)
    check.live._echo._doors[2]._received = lambda data, at: None  # the wire swallows every reply
    result = await check("ping", host="127.0.0.1", count=2, reply_timeout="100ms")
    assert (result.failure, result.summary) == ("timeout", "no reply to 2 echoes")
    assert result.values == {"packet_loss": 100, "packets": 2}
    monitor = Monitor(id="m", name="m", path="g/m", type="ping", good_if=("packet_loss > 50%",))
    assert judge(monitor, SPEC, result).status is Status.error


async def test_a_lost_echo_among_answered_ones_is_a_share(check):
    await check("ping", host="127.0.0.1", count=1)
    door = check.live._echo._doors[2]
    received, replies = door._received, []

    def lose_the_second(data, at):
        message = data[20:] if door._raw else data
        if message[:1] == b"\0" and door._matching(message):  # a raw socket sees the replies to others on this machine too
            replies.append(data)
            if len(replies) == 2:
                return
        received(data, at)

    door._received = lose_the_second
    result = await check("ping", host="127.0.0.1", count=4, reply_timeout="300ms")
    assert (result.failure, result.values["packet_loss"]) == ("", 25)
    assert "1 of 4 lost" in result.summary


async def test_a_forged_reply_without_the_random_bytes_is_no_reply():
    echo = Echo(SystemClock())
    await echo.send(2, "127.0.0.1")
    door = echo._doors[2]
    real, door._received = door._received, lambda data, at: None
    with anyio.move_on_after(0.1):
        async with anyio.create_task_group() as group:
            outcomes = []

            async def wait():
                outcomes.append(await echo.send(2, "127.0.0.1"))

            group.start_soon(wait)
            await anyio.sleep(0.01)
            (sequence,) = door._waiting
            header = b"\x45" + bytes(19) if door._raw else b""
            forged = struct.pack("!BBHHH", 0, 0, 0, door._identifier, sequence) + bytes(56)
            real(header + forged, 0.0)
            real(header + forged[:9], 0.0)
            real(b"", 0.0)
            await anyio.sleep(0.01)
            assert outcomes == []
    echo.close()


async def test_an_icmp_error_for_an_echo_is_undelivered_at_once():
    echo = Echo(SystemClock())
    await echo.send(2, "127.0.0.1")
    door = echo._doors[2]
    if not door._raw:
        pytest.skip("quoted packets reach raw sockets only")
    real, door._received = door._received, lambda data, at: None
    outcomes = []

    async def wait():
        outcomes.append(await echo.send(2, "127.0.0.1"))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.sleep(0.01)
        ((sequence, waiting),) = door._waiting.items()
        quoted = b"\x45" + bytes(19) + struct.pack("!BBHHH", 8, 0, 0, door._identifier, sequence) + waiting.token
        real(b"\x45" + bytes(19) + b"\3\1" + bytes(6) + quoted, 0.0)
    assert outcomes[0].undelivered == "unreachable"
    echo.close()


async def test_an_address_without_a_route_is_unreachable(check):
    result = await check("ping", host="255.255.255.255", count=1)
    assert result.failure in {"denied", "unreachable"}  # a broadcast needs a permission nobody gave
    assert result.duration_s < 5


PROBE = """
import asyncio, sys
from pathlib import Path
from sitescope_fo.model.monitor import Monitor
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.runner import LiveChecks
from sitescope_fo.node.ports.clock import SystemClock

async def main():
    checks = LiveChecks(Registry(plugins=()), SystemClock(), on_internal_error=lambda monitor, error: print(repr(error)))
    for host in sys.argv[1:]:
        monitor = Monitor(id="m", name="m", path="m", type="ping", settings={"host": host, "count": 2})
        result = await checks.run(monitor, home=Path("/"))
        print(host, result.failure or "good", result.summary)
    print("raw:", [door._raw for door in checks._echo._doors.values()])
    await checks.aclose()

asyncio.run(main())
"""


def as_root():
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("needs root, unshare and setpriv")


def probe(prefix, *hosts):
    done = subprocess.run(
        [*prefix, sys.executable, "-c", PROBE, *hosts], capture_output=True, text=True, cwd=ROOT, timeout=40, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


UNPRIVILEGED = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-all"]


async def test_a_node_without_permission_says_how_to_give_it():
    as_root()
    lines = await asyncio.to_thread(
        probe, ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$0" "$@"', *UNPRIVILEGED], "127.0.0.1"
    )
    assert lines[0].startswith("127.0.0.1 denied")
    assert "net.ipv4.ping_group_range" in lines[0]
    assert "CAP_NET_RAW" in lines[0]


async def test_a_datagram_socket_is_enough_where_the_group_range_allows_it():
    as_root()
    setup = 'ip link set lo up; sysctl -qw net.ipv4.ping_group_range="0 2147483647"; exec "$0" "$@"'
    hosts = ["127.0.0.1", "::1", NOWHERE, "127.0.0.2"]
    lines = await asyncio.to_thread(probe, ["unshare", "-n", "sh", "-c", setup, *UNPRIVILEGED], *hosts)
    assert lines[0].startswith("127.0.0.1 good")
    assert lines[1].startswith("::1 good")
    assert lines[2].startswith(f"{NOWHERE} unreachable")
    assert lines[3].startswith("127.0.0.2 good")
    assert lines[4] == "raw: [False, False]"


@given(st.integers(1, 40).flatmap(lambda words: st.binary(min_size=2 * words, max_size=2 * words)))
def test_a_packet_with_its_checksum_sums_to_all_ones(data):
    """RFC 1071: the receiver adds all words, the checksum too, with end-around carry."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data)) + icmp.checksum(data)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


class FullAtFirst:
    """A socket whose first `refusals` packets find no room, as with a full send buffer or device queue."""

    def __init__(self, real, number, refusals):
        self._real, self._number, self._refusals = real, number, refusals

    def sendto(self, packet, address):
        if self._refusals:
            self._refusals -= 1
            raise OSError(self._number, os.strerror(self._number))
        return self._real.sendto(packet, address)

    def __getattr__(self, name):
        return getattr(self._real, name)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
async def test_echoes_wait_for_room_in_the_socket_in_their_order(number):
    echo = Echo(SystemClock())
    await asyncio.wait_for(echo.send(2, "127.0.0.1"), 5)
    door = echo._doors[2]
    door._socket = FullAtFirst(door._socket, number, 3)
    futures = [echo.start(2, f"127.0.0.{last}", 5) for last in range(1, 30)]
    gone = futures.pop(7)
    gone.cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*futures), 5)
    assert all(outcome.round_trip_s > 0 for outcome in outcomes)
    assert door._waiting == {}
    echo.close()


async def test_a_socket_without_room_until_the_end_is_no_reply():
    echo = Echo(SystemClock())
    await asyncio.wait_for(echo.send(2, "127.0.0.1"), 5)
    door = echo._doors[2]
    door._socket = FullAtFirst(door._socket, errno.ENOBUFS, 1_000_000)
    assert await asyncio.wait_for(echo.start(2, "127.0.0.1", 0.05), 5) is None
    echo.close()


async def test_a_late_a_repeated_and_a_foreign_reply_are_nobodys():
    echo = Echo(SystemClock())
    await asyncio.wait_for(echo.send(2, "127.0.0.1"), 5)
    door = echo._doors[2]
    real, replies = door._received, []
    start = 20 if door._raw else 0
    door._received = lambda data, at: replies.append(data)
    silent = echo.start(2, "127.0.0.1", 0.1)
    ((_, waiting),) = door._waiting.items()
    assert await asyncio.wait_for(silent, 5) is None
    (reply,) = [data for data in replies if waiting.token in data]  # others of this machine ping, too
    real(reply, 0.0)  # late: nobody waits
    following = echo.start(2, "127.0.0.1", 5)
    (sequence,) = door._waiting
    reused = bytearray(reply)
    reused[start + 6 : start + 8] = sequence.to_bytes(2, "big")
    real(bytes(reused), 0.0)  # the number of an echo on its way, the random bytes of another
    if door._raw:
        foreign = bytearray(reply)
        foreign[start + 4 : start + 6] = (door._identifier ^ 1).to_bytes(2, "big")
        real(bytes(foreign), 0.0)
    assert not following.done()
    door._received = real
    while not following.done():
        await anyio.sleep(0)
        for data in replies[1:]:
            real(data, door._clock.mono())
            real(data, door._clock.mono())  # a repeated one changes nothing
    assert following.result().round_trip_s >= 0
    echo.close()
