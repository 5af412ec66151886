"""One measured figure, and how it is timed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one thing in `unit`, and the median of what it is compared with (None: it stands by itself)."""

    name: str
    samples: tuple[float, ...]
    unit: str
    reference: float | None = None

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def p99(self) -> float:
        return quantiles(self.samples, n=100, method="inclusive")[-1] if len(self.samples) > 1 else self.samples[0]

    def row(self) -> tuple[str, ...]:
        """name, samples, median, p99, times the reference."""
        ratio = "" if self.reference is None else f"{self.median / self.reference:.2f}x"
        return self.name, str(len(self.samples)), f"{self.median:.3f} {self.unit}", f"{self.p99:.3f} {self.unit}", ratio


def timed_ms(work: Callable[[], object], rounds: int) -> tuple[float, ...]:
    """Milliseconds of `work`, once to warm up and then `rounds` times."""
    work()
    samples = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        samples.append((time.perf_counter() - start) * 1000)
    return tuple(samples)
