"""Calls to nodes: to peers over the network, to the local daemon over its socket."""

import sys

# On import httpx loads its own command line when its parts are installed, and with it rich: 56 of 145 ms, and a daemon that
# carries a terminal toolkit. None makes that import fail, which httpx is prepared for.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
