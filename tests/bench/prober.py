"""A peer that asks a node for its health over and over on one kept connection, as a failover does, and keeps the times.

`python -m tests.bench.prober HOME PORT EVERY_S` asks until its input ends, then prints a line of JSON: milliseconds of each
exchange, from before its token was sealed until its signed reply was read.
"""

import hashlib
import http.client
import json
import secrets
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from sitescope_fo.model import wire
from sitescope_fo.security.keys import load_keys
from sitescope_fo.security.lwsso import AUTHORIZATION, REPLY, RequestClaims, open_reply, seal_request
from sitescope_fo.store.config_toml import load_ha_config
from sitescope_fo.store.home import Home
from tests.bench.targets import ROOT

PEER = "prober-1"
NOBODY = hashlib.sha256(b"").hexdigest()


class Peer:
    """One connection and what its tokens are made of."""

    def __init__(self, home, port):
        self._root = load_keys(home.keys).lwsso[0]
        self._node = load_ha_config(home).node_id
        self._boot = ""
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self):
        """Milliseconds of one exchange; None when it was refused for want of the boot word, which is known from then on."""
        began = time.perf_counter()
        nonce = secrets.token_hex(12)
        claims = RequestClaims(
            iss=PEER,
            aud=self._node,
            method="GET",
            path=wire.HEALTH,
            body_sha256=NOBODY,
            nonce=nonce,
            iat=time.time(),
            boot=self._boot,
        )
        self._http.request("GET", wire.HEALTH, headers={AUTHORIZATION: seal_request(self._root, claims)})
        reply = self._http.getresponse()
        reply.read()
        took_ms = (time.perf_counter() - began) * 1000
        told = open_reply(self._root, reply.headers.get(REPLY, ""), aud=PEER, nonce=nonce)
        if told is None:
            raise SystemExit(f"no signed reply: {reply.status}")
        self._boot = told.boot
        return took_ms if reply.status == 200 else None


class Probes:
    """The times of a stretch of probing, in milliseconds; there once it is over."""

    times = ()


@contextmanager
def probing(home, port, every_s=0.1):
    """Probes the node while the block runs."""
    found = Probes()
    command = [sys.executable, "-m", "tests.bench.prober", str(home), str(port), str(every_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield found
        found.times = tuple(json.loads(process.communicate()[0]))


def main(home, port, every_s):
    peer = Peer(Home(Path(home)), int(port))
    times = []
    while not select.select([sys.stdin], [], [], float(every_s))[0]:
        if (took_ms := peer.ask()) is not None:
            times.append(took_ms)
    print(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
