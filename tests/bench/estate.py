"""A large configuration for benchmarks: thousands of monitors on loopback, in as many group files as asked for."""

from dataclasses import dataclass
from pathlib import Path

KINDS = ("port", "url", "ping")
"""Taken in turn."""


@dataclass(frozen=True)
class Estate:
    """How many monitors, over how many group files, aimed at what. `with_ids` False leaves the ids to the product."""

    monitors: int = 10_000
    groups: int = 200
    frequency: str = "60s"
    host: str = "127.0.0.1"
    port: int = 9
    kinds: tuple[str, ...] = KINDS
    with_ids: bool = True
    enabled: bool = True

    def text(self, group: int) -> str:
        """The group file of one group: a [group], its monitors, one alert."""
        first, last = (self.monitors * (group + step) // self.groups for step in (0, 1))
        parts = [f'[group]\n{self._id("group", group)}name = "Site {group:05d}"\n']
        parts += [self._monitor(number) for number in range(first, last)]
        parts.append(
            f'\n[[alert]]\n{self._id("alert", group)}name = "mail ops"\non = "error"\n'
            'when = { kind = "once", after = 3 }\nactions = ["mail:ops@example.org"]\n'
        )
        return "".join(parts)

    def write(self, root: Path) -> Path:
        """Writes the group files below `root`/groups; gives the folder back."""
        for group in range(self.groups):
            folder = root / "groups" / f"site-{group:05d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "group.toml").write_text(self.text(group))
        return root

    def files(self, root: Path) -> list[Path]:
        """The group files, in order."""
        return [root / "groups" / f"site-{group:05d}" / "group.toml" for group in range(self.groups)]

    def _id(self, kind: str, number: int) -> str:
        return f'id = "{kind}-{number:08d}"\n' if self.with_ids else ""

    def _monitor(self, number: int) -> str:
        kind = self.kinds[number % len(self.kinds)]
        settings, thresholds = _SETTINGS[kind](self.host, self.port, number)
        return (
            f'\n[[monitor]]\n{self._id("monitor", number)}type = "{kind}"\nname = "{kind} {number:05d}"\n'
            f'frequency = "{self.frequency}"\nenabled = {str(self.enabled).lower()}\n'
            f'settings = {{ {settings}, timeout = "5s" }}\n{thresholds}'
        )


_SETTINGS = {
    "port": lambda host, port, _: (f'host = "{host}", port = {port}', 'warning_if = ["round_trip_time > 800ms"]\n'),
    "url": lambda host, port, number: (
        f'url = "http://{host}:{port}/page/{number}"',
        'error_if = ["status != 200", "round_trip_time > 2s"]\nwarning_if = ["round_trip_time > 800ms"]\n',
    ),
    "ping": lambda host, _port, _number: (f'host = "{host}"', 'warning_if = ["round_trip_time > 200ms"]\n'),
}

WORST = Estate(groups=10_000)
"""The worst shape: one monitor a file."""
