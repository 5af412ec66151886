"""Checks: how many one core does, and what they cost, beside the monitoring plugin that is forked for each.

Every check opens a connection of its own over loopback; what answers runs on the other core. One function a kind.
"""

import tempfile
from pathlib import Path

from tests.bench.rate import LOOPS, of_command, of_httpx, of_monitor
from tests.bench.targets import targets
from tests.monitors.conftest import Authority

PLUGINS = Path("/usr/lib/nagios/plugins")


def figures():
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        authority.server_context(days=30)
        with targets(Path(folder) / "server30.pem") as ports:
            yield from url_plain(ports["http"])
            yield from url_tls(ports["https"], authority.pem)
            yield from port(ports["tcp"])


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
