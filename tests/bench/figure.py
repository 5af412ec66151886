"""One measured figure, and how it is timed."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True, kw_only=False)
class Figure:
    """Samples of one thing in `unit`, and the median of what it is compared with (None: it stands by itself).

    `most` and `least` bound the figure that a promise is about: the p99 when `promise_of` says so, else the median.
    """

    name: str
    samples: tuple[float, ...]
    unit: str
    reference: float | None = None
    most: float | None = None
    least: float | None = None
    promise_of: str = "median"

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def p99(self) -> float:
        return quantiles(self.samples, n=100, method="inclusive")[-1] if len(self.samples) > 1 else self.samples[0]

    @property
    def met(self) -> bool | None:
        """Whether the promise holds; None without one."""
        if self.most is None and self.least is None:
            return None
        value = self.p99 if self.promise_of == "p99" else self.median
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    @property
    def promise(self) -> str:
        """The bound in words, "" without one."""
        bounds = [f"<= {shown(self.most)}"] if self.most is not None else []
        bounds += [f">= {shown(self.least)}"] if self.least is not None else []
        what = "p99 " if self.promise_of == "p99" and bounds else ""
        return f"{what}{', '.join(bounds)}{'' if self.met is not False else ' MISSED'}"

    def row(self) -> tuple[str, ...]:
        """name, samples, median, p99, times the reference, promise."""
        ratio = "" if self.reference is None else f"{self.median / self.reference:.2f}x" if self.reference else "-"
        p99 = f"{shown(self.p99)} {self.unit}" if len(self.samples) > 1 else ""
        return self.name, str(len(self.samples)), f"{shown(self.median)} {self.unit}", p99, ratio, self.promise


def shown(value: float) -> str:
    """Four significant digits, never an exponent."""
    before = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    zeros = -math.floor(math.log10(abs(value))) - 1 if 0 < abs(value) < 1 else 0
    text = f"{value:,.{max(0, 4 - before + zeros)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def timed_ms(work: Callable[[], object], rounds: int) -> tuple[float, ...]:
    """Milliseconds of `work`, once to warm up and then `rounds` times."""
    work()
    samples = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        samples.append((time.perf_counter() - start) * 1000)
    return tuple(samples)
