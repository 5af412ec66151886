"""What it costs to make a file durable: the store's whole protocol beside one write and fsync in place."""

import os
import tempfile
from functools import partial
from pathlib import Path

from sitescope_fo.store.files import write_atomic
from tests.bench.figure import Figure, timed_ms

ROUNDS = 200
SIZES = {"4 KiB": 4096, "1 MiB": 1024**2}


def in_place(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def figures():
    with tempfile.TemporaryDirectory(dir=".") as folder:  # /tmp is often memory, where fsync is free
        path = Path(folder) / "file"
        for label, size in SIZES.items():
            data = os.urandom(size)
            plain = timed_ms(partial(in_place, path, data), ROUNDS)
            reference = Figure(f"write and fsync in place, {label} (reference)", plain, "ms")
            yield reference
            whole = timed_ms(partial(write_atomic, path, data), ROUNDS)
            yield Figure(f"temp, fsync, rename, fsync folder, {label}", whole, "ms", reference.median)
