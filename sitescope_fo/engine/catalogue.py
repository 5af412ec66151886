"""What this node runs: the loaded trees by profile name, with the look-ups that engine, mail and commands need.

A `Catalogue` is never changed: a new tree gives a new one that shares the rest.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from sitescope_fo.model.config import MailSettings, Tree
from sitescope_fo.model.errors import Conflict, Usage
from sitescope_fo.model.monitor import Alert, Group, Monitor, MonitorKey
from sitescope_fo.model.schedule import Schedule

INLINE = "mail:"
_NAMES_COMPARED = 3000
_NO_TREE = Tree()


class _Shelf:
    """One tree, indexed. The alert lists are worked out at first use: they depend on nothing but the tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.monitors: Mapping[str, Monitor] = MappingProxyType({monitor.id: monitor for monitor in tree.monitors})
        self.by_path = {_folded(monitor.path): monitor.id for monitor in tree.monitors}
        self.groups = {group.path: group for group in tree.groups}
        self.actions = {action.name: action for action in tree.actions}
        followed = {monitor.schedule for monitor in tree.monitors} if tree.schedules else frozenset()
        self.schedules = {schedule.name: schedule for schedule in tree.schedules if schedule.name in followed}
        self._scopes: dict[str, list[int]] = {}
        for number, alert in enumerate(tree.alerts):
            if alert.enabled:
                self._scopes.setdefault(alert.scope, []).append(number)
        self._alerts: dict[str, tuple[Alert, ...]] = {}
        self._told: dict[tuple[str, ...], tuple[str, ...]] = {}

    def alerts_for(self, monitor_id: str) -> tuple[Alert, ...]:
        """The enabled alerts that cover a monitor."""
        found = self._alerts.get(monitor_id)
        if found is None:
            monitor = self.monitors.get(monitor_id)
            numbers = [n for scope in _scopes(monitor.path) for n in self._scopes.get(scope, ())] if monitor else []
            found = self._alerts[monitor_id] = tuple(self.tree.alerts[number] for number in sorted(numbers))
        return found

    def recipients(self, alert: Alert) -> tuple[str, ...]:
        """Who an alert tells."""
        found = self._told.get(alert.actions)
        if found is None:
            names: list[str] = []
            for name in alert.actions:
                if name.startswith(INLINE):
                    names.append(name.removeprefix(INLINE))
                elif name in self.actions:
                    names.extend(self.actions[name].to)
            found = self._told[alert.actions] = tuple(dict.fromkeys(names or self.tree.mail.to))
        return found


class Catalogue:
    """Trees by profile name; "" is the node's own tree."""

    __slots__ = ("_shelves",)

    def __init__(self) -> None:
        self._shelves: dict[str, _Shelf] = {}

    def with_tree(self, profile: str, tree: Tree) -> Catalogue:
        """This catalogue with `tree` in the profile's place."""
        return self._with({**self._shelves, profile: _Shelf(tree)})

    def without(self, profile: str) -> Catalogue:
        """This catalogue without the profile's tree."""
        return self._with({name: shelf for name, shelf in self._shelves.items() if name != profile})

    @staticmethod
    def _with(shelves: dict[str, _Shelf]) -> Catalogue:
        catalogue = Catalogue()
        catalogue._shelves = shelves
        return catalogue

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the profiles that have a tree."""
        return tuple(self._shelves)

    def tree(self, profile: str) -> Tree:
        """The tree, an empty one when there is none."""
        shelf = self._shelves.get(profile)
        return shelf.tree if shelf else _NO_TREE

    def monitor(self, key: MonitorKey) -> Monitor | None:
        """The monitor, None when its tree does not have it."""
        shelf = self._shelves.get(key.profile)
        return shelf.monitors.get(key.id) if shelf else None

    def monitors(self, profile: str) -> Mapping[str, Monitor]:
        """The monitors of a tree by id."""
        shelf = self._shelves.get(profile)
        return shelf.monitors if shelf else MappingProxyType({})

    def schedule(self, profile: str, monitor: Monitor) -> Schedule | None:
        """The schedule that a monitor of the tree follows; None when it may run at any time."""
        shelf = self._shelves.get(profile) if monitor.schedule else None
        return shelf.schedules.get(monitor.schedule) if shelf else None

    def schedules(self, profile: str) -> Iterable[Schedule]:
        """Those that monitors of the tree follow."""
        shelf = self._shelves.get(profile)
        return shelf.schedules.values() if shelf else ()

    def group(self, profile: str, path: str) -> Group | None:
        """The group at a path."""
        shelf = self._shelves.get(profile)
        return shelf.groups.get(path) if shelf else None

    def alerts_for(self, key: MonitorKey) -> tuple[Alert, ...]:
        """The enabled alerts that cover a monitor, in the order of the tree."""
        shelf = self._shelves.get(key.profile)
        return shelf.alerts_for(key.id) if shelf else ()

    def recipients(self, profile: str, alert: Alert) -> tuple[str, ...]:
        """Who an alert tells: its actions and inline `mail:ADDR`, each address once; without any, the tree's default."""
        shelf = self._shelves.get(profile)
        return shelf.recipients(alert) if shelf else ()

    def mail(self, profile: str) -> MailSettings:
        """The mail settings of a tree."""
        return self.tree(profile).mail

    def find(self, text: str) -> MonitorKey:
        """The monitor that people mean by `path`, `profile:path` or an id.

        Raises Usage (`not_found`, with the nearest names) and Conflict (`ambiguous`, with the candidates) when several fit.
        """
        hits = self._hits(text)
        if len(hits) == 1:
            return hits[0]
        if hits:
            names = ", ".join(sorted(self.name(key) for key in hits))
            raise Conflict(f"'{text}' fits {len(hits)} monitors", where=text, hint=f"Say which: {names}", code="ambiguous")
        near = ", ".join(self._nearest(text))
        hint = f"Did you mean {near}?" if near else "`monitor list` shows what there is"
        raise Usage(f"There is no monitor '{text}'", where=text, hint=hint, code="not_found")

    def name(self, key: MonitorKey) -> str:
        """What people call a monitor: its path, behind the profile when it has one; the id when it is gone."""
        monitor = self.monitor(key)
        path = monitor.path if monitor else key.id
        return f"{key.profile}:{path}" if key.profile else path

    def _hits(self, text: str) -> list[MonitorKey]:
        hits = [key for profile in self._shelves for key in self._in(profile, text)]
        profile, colon, path = text.partition(":")
        if colon and profile in self._shelves:
            hits += [key for key in self._in(profile, path) if key not in hits]
        return hits

    def _in(self, profile: str, text: str) -> Iterable[MonitorKey]:
        shelf = self._shelves[profile]
        monitor_id = text if text in shelf.monitors else shelf.by_path.get(_folded(text.strip("/")))
        return () if monitor_id is None else (MonitorKey(profile, monitor_id),)

    def _nearest(self, text: str) -> list[str]:
        """At most three names like `text`. Comparing is slow (25 µs a name), so names that contain its last part come first."""
        wanted = _folded(text.rpartition(":")[2])
        last = wanted.rpartition("/")[2]
        names = {_folded(m.path): self.name(MonitorKey(p, m.id)) for p in self._shelves for m in self.monitors(p).values()}
        ordered = sorted(names, key=lambda name: last not in name)[:_NAMES_COMPARED]
        return [names[near] for near in difflib.get_close_matches(wanted, ordered, n=3, cutoff=0.5)]


def _scopes(path: str) -> Iterator[str]:
    """The scopes that cover a path: the node, each group above it, itself."""
    yield ""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
    yield path


def _folded(path: str) -> str:
    """Names are unique without regard to case, in NFC."""
    return unicodedata.normalize("NFC", path).casefold()
