"""Checks: how many one core does, and what they cost, beside the monitoring plugin that is forked for each.

Every check opens a connection of its own over loopback; what answers runs on the other core. One function a kind.
"""

import shutil
import tempfile
from pathlib import Path
from statistics import median

from tests.bench.rate import LOOPS, of_command, of_httpx, of_monitor
from tests.bench.targets import targets
from tests.monitors.conftest import Authority

PLUGINS = Path("/usr/lib/nagios/plugins")
SPAWN_LIMIT = 1.3
"""How many times the bare start and end of a process a script check may cost."""


def figures():
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        authority.server_context(days=30)
        with targets(Path(folder) / "server30.pem") as ports:
            yield from url_plain(ports["http"])
            yield from url_tls(ports["https"], authority.pem)
            yield from port(ports["tcp"])
        yield from ping()
        yield from script(Path(folder) / "SiteScope")


def url_plain(number):
    url = f"http://127.0.0.1:{number}/"
    plugin = of_command(f"{PLUGINS}/check_http", "-H", "127.0.0.1", "-p", str(number))
    yield from plugin.figures("url: check_http forked (reference)")
    for loop in LOOPS:
        yield from of_httpx(url, loop=loop).figures(f"url: httpx on {loop} (second reference)", plugin)
    for loop in LOOPS:
        ours = of_monitor("url", {"url": url}, loop=loop)
        yield from ours.figures(f"url on {loop}", plugin, least=2500, most=0.35)


def url_tls(number, trust):
    url = f"https://127.0.0.1:{number}/"
    plugin = of_command(f"{PLUGINS}/check_http", "-S", "-H", "127.0.0.1", "-p", str(number))
    yield from plugin.figures("url, TLS: check_http -S forked, verifies nothing (reference)")
    for loop in LOOPS:
        ours = of_monitor("url", {"url": url}, loop=loop, trust=trust, checks=1000)
        yield from ours.figures(f"url, TLS verified, on {loop}", plugin)


def port(number):
    plugin = of_command(f"{PLUGINS}/check_tcp", "-H", "127.0.0.1", "-p", str(number))
    yield from plugin.figures("port: check_tcp forked (reference)")
    for loop in LOOPS:
        ours = of_monitor("port", {"host": "127.0.0.1", "port": number}, loop=loop)
        yield from ours.figures(f"port on {loop}", plugin, least=4000, most=0.25)


def ping():
    """One echo each; the reference waits for its one reply, too."""
    plugin = of_command(f"{PLUGINS}/check_icmp", "-H", "127.0.0.1", "-n", "1")
    yield from plugin.figures("ping: check_icmp -n 1 forked (reference)")
    for loop in LOOPS:
        ours = of_monitor("ping", {"host": "127.0.0.1", "count": 1}, loop=loop, checks=20_000)
        yield from ours.figures(f"ping on {loop}", plugin, least=8000, most=0.12)


def script(home):
    """The least program there is, started bare and as a check; then a plugin that prints a line."""
    program = home / "scripts" / "true"
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", program)
    bare = of_command(str(program), checks=2000, rounds=5)
    yield from bare.figures("script: bare posix_spawn and waitpid of true (reference)")
    least, most = median(bare.per_second) / SPAWN_LIMIT, median(bare.cpu_per_1000) * SPAWN_LIMIT
    for loop in LOOPS:
        ours = of_monitor("script", {"script": "true"}, loop=loop, home=home)
        yield from ours.figures(f"script on {loop}", bare, least=least, most=most)
    words = [f"{PLUGINS}/check_dummy", "0", "fine"]
    plugin = of_command(*words, checks=1000)
    yield from plugin.figures("script: check_dummy forked (reference)")
    for loop in LOOPS:
        ours = of_monitor("script", {"script": words[0], "args": words[1:]}, loop=loop, checks=1000)
        yield from ours.figures(f"script check_dummy on {loop}", plugin)
