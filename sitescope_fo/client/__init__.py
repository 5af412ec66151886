"""Calls to nodes: to peers over the network, to the local daemon over its socket."""
