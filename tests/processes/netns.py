"""A pair in network namespaces of its own: links that go down, routes that swallow, a host that nobody hears any more.

            town   10.77.9.1: pages, mail, and the default gateway of both
           /    \\   a bridge
    primary      failover        10.77.9.2 and 10.77.9.3
           \\    /   the road, by which the two know each other: 10.77.1.2 and 10.77.2.2
            road   10.77.1.1 and 10.77.2.1: a router

Everything is the same in each region, so that a pair that was configured in one can live in any other. Names carry the id of
the process that made them: what a killed run left behind is found and removed by the next one.
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.processes.town import PostOffice, Web

PREFIX = "ssfo"
FOLDER = Path("/run/netns")
MOST = 24
"""Regions of one process: more would be a leak."""
TOWN, ROADS = "10.77.9.1", {"primary": "10.77.1", "failover": "10.77.2"}
HOMES = {"primary": "10.77.9.2", "failover": "10.77.9.3"}
PORT, WEB_PORT, MAIL_PORT = 8080, 8000, 2525
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there can be no namespaces here; "" when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip: apt-get install iproute2"
    probe = f"{PREFIX}{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"this kernel or container allows no network namespaces: {made.stderr.strip()}"
    ip("", f"netns delete {probe}")
    return ""


def ip(namespace, *lines):
    """Runs `ip` commands inside a namespace ("": this one); the first that fails ends the test."""
    where = ["-netns", namespace] if namespace else []
    given = "\n".join(lines) + "\n"
    done = subprocess.run(["ip", *where, "-batch", "-"], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip in {namespace or 'the root namespace'}: {given}{done.stderr}"


def run(*words):
    """The output of a command that must not fail."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def entered(namespace):
    """This thread, and every thread that it starts, opens its sockets inside the namespace meanwhile."""
    with Path("/proc/thread-self/ns/net").open() as own, (FOLDER / namespace).open() as other:
        _set_namespace(other)
        try:
            yield
        finally:
            _set_namespace(own)


def _set_namespace(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def sweep():
    """Removes the namespaces, and the daemons in them, of runs that have ended without doing so."""
    for path in FOLDER.glob(f"{PREFIX}*-*") if FOLDER.is_dir() else ():
        owner = path.name.removeprefix(PREFIX).partition("x")[0].partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            found = subprocess.run(["ip", "netns", "pids", path.name], capture_output=True, text=True, check=False)
            for pid in map(int, found.stdout.split()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", path.name], capture_output=True, check=False)


class Region:
    """A town as `town.Town`, the networks of two nodes, and what can happen to them. `close` removes all of it.

    Faults: `part`, `swallow`, `silence`, `isolate`; they add up, and `heal` ends them all.
    """

    host = TOWN
    primary_host, failover_host = (f"{net}.2" for net in ROADS.values())
    primary_port = failover_port = PORT

    def __init__(self):
        number = next(_numbers)
        self._names = {what: f"{PREFIX}{os.getpid()}x{number}-{what}" for what in ("town", "road", *HOMES)}
        self.web = self.mail = None
        mine = list(FOLDER.glob(f"{PREFIX}{os.getpid()}x*-town"))
        assert len(mine) < MOST, f"{len(mine)} regions were not closed"
        try:
            self._lay_out()
            with entered(self._names["town"]):
                self.web, self.mail = Web(WEB_PORT, TOWN), PostOffice(TOWN, MAIL_PORT)
        except BaseException:
            self.close()
            raise

    def _lay_out(self):
        town, road = self._names["town"], self._names["road"]
        ip("", *(f"netns add {name}" for name in self._names.values()))
        for name in self._names.values():
            ip(name, "link set lo up")
        with entered(road):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        ip(town, "link add square type bridge", f"address add {TOWN}/24 dev square", "link set square up")
        for node, net in ROADS.items():
            name = self._names[node]
            ip(town, f"link add {node} type veth peer name town netns {name}", f"link set {node} master square up")
            ip(road, f"link add {node} type veth peer name road netns {name}", f"address add {net}.1/24 dev {node}")
            ip(road, f"link set {node} up")
            ip(
                name,
                *(f"address add {HOMES[node]}/24 dev town", f"address add {net}.2/24 dev road"),
                *("link set town up", "link set road up"),
                *(f"route add default via {TOWN}", f"route add 10.77.0.0/22 via {net}.1"),
            )

    def inside(self, name):
        """The words that run a program in the network of the node `name`, as that very process."""
        return ("ip", "netns", "exec", self._names[name])

    def calm(self):
        self.heal()
        self.web.mend()
        self.mail.letters.clear()

    # --- what can happen ---

    def part(self, node="primary"):
        """The link of `node` to the road goes down: the two cannot hear each other, the town hears both."""
        ip(self._names["road"], f"link set {node} down")

    def swallow(self, sender):
        """What `sender` sends by the road vanishes; what is sent to it arrives."""
        ip(self._names["road"], f"rule add pref 100 iif {sender} blackhole")

    def silence(self, node):
        """As when `node` loses its power: everything from and to it vanishes, and nothing says so."""
        for one in HOMES:
            self.swallow(one)
        self._square(node, "disabled")

    def isolate(self, node):
        """Both links of `node` go down."""
        self.part(node)
        ip(self._names["town"], f"link set {node} down")

    def heal(self):
        """Everything passes again."""
        cuts = run("ip", "-netns", self._names["road"], "rule", "list").count("\n100:")
        if cuts:
            ip(self._names["road"], *["rule delete pref 100"] * cuts)
        for node in HOMES:
            ip(self._names["road"], f"link set {node} up")
            ip(self._names["town"], f"link set {node} up")
            self._square(node, "forwarding")

    def _square(self, node, state):
        """A disabled port of the bridge drops what it is given and keeps its carrier."""
        number = {"disabled": "0", "forwarding": "3"}[state]
        run("bridge", "-netns", self._names["town"], "link", "set", "dev", node, "state", number)

    def close(self):
        """Ends the town and removes the namespaces. The nodes have ended before."""
        for server in (self.web, self.mail):
            if server is not None:
                server.close()
        for name in self._names.values():
            if (FOLDER / name).exists():
                ip("", f"netns delete {name}")
