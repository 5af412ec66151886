"""Ports for tests of tokens and transport: a clock whose wall time can be set, real chance, inline work."""

import secrets
import time

from sitescope_fo.model.ports import Now
from sitescope_fo.security.lwsso import Root

ROOT = Root.of(b"r" * 32)
OTHER_ROOT = Root.of(b"o" * 32)


class SetClock:
    """Real boot-time seconds plus `passed`, real wall seconds plus `skew_s` and `passed`."""

    def __init__(self):
        self.skew_s = 0.0
        self.passed_s = 0.0

    def mono(self):
        return time.monotonic() + self.passed_s

    def wall(self):
        return time.time() + self.skew_s + self.passed_s

    def now(self):
        return Now(self.mono(), self.wall())


class Chance:
    def token(self, size):
        return secrets.token_hex(size)


class InlineWork:
    def __init__(self):
        self.calls = []

    async def run_blocking(self, fn, *args, lane=""):
        self.calls.append(fn)
        return fn(*args)
