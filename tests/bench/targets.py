"""What the benchmarks of checks aim at: servers as small as can be, in a process of their own on the other core.

`python -m tests.bench.targets [FILE.pem]` prints a line of JSON with its ports and serves until its input ends.
"""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parents[2]
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CORES[0], CORES[-1]
"""The core of the process that is measured, and the one of what it talks to."""
_BODY = b"<html><body>Welcome</body></html>"
_PAGE = (
    b"HTTP/1.1 200 OK\r\nServer: target\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Page(asyncio.Protocol):
    """Answers the first bytes of each connection with one page."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(_PAGE)
        self.transport.close()


class Silent(asyncio.Protocol):
    """Takes connections and says nothing."""

    def eof_received(self):
        return False


async def serve(pem):
    loop = asyncio.get_running_loop()
    tls = None
    if pem:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pem)
    ports = {}
    for name, protocol, context in (("http", Page, None), ("https", Page, tls), ("tcp", Silent, None)):
        if name != "https" or pem:
            listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
            await loop.create_server(protocol, sock=listener, ssl=context, backlog=4096)
            ports[name] = listener.getsockname()[1]
    print(json.dumps(ports), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()


@contextmanager
def targets(pem=""):
    """Starts them; gives name -> port for http, https (with `pem`) and tcp."""
    command = [sys.executable, "-m", "tests.bench.targets", str(pem)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


if __name__ == "__main__":
    os.sched_setaffinity(0, {OTHER})
    uvloop.run(serve(sys.argv[1]))
