"""What must not differ between the two loops a daemon may run on."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.monitors.conftest import LOOPS

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
SILENT_HOST = "10.9.9.2"
NETWORK = (
    "ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.9.9.1/24 dev v0 && ip link set v0 up"
    " && ip link set v1 up && sysctl -qw net.ipv4.ping_group_range='0 2147483647' net.ipv4.neigh.v0.retrans_time_ms=20"
    ' net.ipv4.neigh.v0.mcast_solicit=1 && exec "$0" "$@"'
)
PROBE = """
import sys
from pathlib import Path
import anyio
from sitescope_fo.model.monitor import Monitor
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.runner import LiveChecks
from sitescope_fo.node.ports.clock import SystemClock

async def main():
    checks = LiveChecks(Registry(plugins=()), SystemClock(), on_internal_error=lambda monitor, error: print(repr(error)))
    for host in sys.argv[2:]:
        monitor = Monitor(id="m", name="m", path="m", type="ping", settings={"host": host, "count": 1, "reply_timeout": "2s"})
        print((await checks.run(monitor, home=Path("/"))).failure or "good")
    await checks.aclose()

anyio.run(main, backend_options={"use_uvloop": sys.argv[1] == "uvloop"})
"""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("loop", LOOPS)
async def test_an_icmp_error_for_one_host_silences_no_later_ping(loop):
    """libuv stops to watch a socket whose error queue holds something; the echo socket is for all hosts, and for good."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("needs root, unshare and setpriv")
    unprivileged = ["setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-all"]
    command = ["unshare", "-n", "sh", "-c", NETWORK, *unprivileged, sys.executable, "-c", PROBE, loop]
    hosts = ("127.0.0.1", SILENT_HOST, "127.0.0.1")
    done = await asyncio.to_thread(subprocess.run, [*command, *hosts], capture_output=True, text=True, cwd=ROOT, timeout=40)
    assert (done.stderr, done.stdout.split()) == ("", ["good", "unreachable", "good"])
