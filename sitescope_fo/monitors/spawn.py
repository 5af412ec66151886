"""Starts a process by posix_spawn(3), whose cost does not grow with the memory of the node.

libc is called directly: `os.posix_spawn` can set no working folder, and asyncio's and uvloop's own ways cost two to five times
the CPU (measured: 0.06 ms a start here, 0.7 ms and 1.9 ms there). The call gives the interpreter lock free while it lasts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from functools import cache, lru_cache

_SETSIGDEF, _SETSIGMASK, _SETSID = 0x04, 0x08, 0x80  # <spawn.h>, the same in glibc and musl
_OPAQUE_BYTES = 512  # more than any libc's posix_spawnattr_t (336), posix_spawn_file_actions_t (80) and sigset_t (128)


class Surroundings:
    """An environment as execve(2) takes it, made once for many starts."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.block = _strings(tuple(f"{name}={value}" for name, value in variables.items()))


class _Libc:
    """The functions used, and the attributes that all processes have: a session of their own and default signals."""

    def __init__(self) -> None:
        self.lib = ctypes.CDLL(None)
        self.attributes = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self.lib.posix_spawnattr_init(self.attributes)
        self.lib.posix_spawnattr_setflags(self.attributes, ctypes.c_short(_SETSIGDEF | _SETSIGMASK | _SETSID))
        signals = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self.lib.sigemptyset(signals)
        self.lib.posix_spawnattr_setsigmask(self.attributes, signals)
        self.lib.sigfillset(signals)  # Python ignores two; behind nohup, or begun by a script in the background, more are
        self.lib.posix_spawnattr_setsigdefault(self.attributes, signals)
        # glibc 2.34. Without it only files that were inherited and not marked close-on-exec reach a script.
        self.close_from = getattr(self.lib, "posix_spawn_file_actions_addclosefrom_np", None)


@cache
def _libc() -> _Libc:
    return _Libc()


def spawn(command: tuple[str, ...], surroundings: Surroundings, *, folder: str, output: int, errors: int) -> int:
    """The id of a new process that runs `command` in `folder`, in a session of its own, without input.

    No shell, no search along PATH; open files but `output` and `errors` stay behind. Raises OSError as execve(2) and chdir(2) do.
    """
    libc = _libc()
    lib = libc.lib
    actions = ctypes.create_string_buffer(_OPAQUE_BYTES)
    lib.posix_spawn_file_actions_init(actions)
    try:
        lib.posix_spawn_file_actions_addopen(actions, 0, os.fsencode(os.devnull), os.O_RDONLY, 0)
        lib.posix_spawn_file_actions_adddup2(actions, output, 1)
        lib.posix_spawn_file_actions_adddup2(actions, errors, 2)
        lib.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(folder))
        if libc.close_from is not None:
            libc.close_from(actions, 3)
        process = ctypes.c_int()
        path = os.fsencode(command[0])
        failed = lib.posix_spawn(ctypes.byref(process), path, actions, libc.attributes, _strings(command), surroundings.block)
    finally:
        lib.posix_spawn_file_actions_destroy(actions)
    if failed:
        raise OSError(failed, os.strerror(failed), command[0])
    return process.value


@lru_cache(maxsize=1024)
def _strings(texts: tuple[str, ...]) -> ctypes.Array[ctypes.c_char_p]:
    """An array of C strings that ends with NULL."""
    words = [os.fsencode(text) for text in texts]
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)
