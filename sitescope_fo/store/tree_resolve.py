"""Turns checked drafts into the values the node runs: references looked up, dependencies as ids, secrets opened."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sitescope_fo.model.config import MailSettings, Tree
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import ConfigInvalid, Problem
from sitescope_fo.model.monitor import Action, Alert, Group, Monitor
from sitescope_fo.model.ports import Secrets
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import Document, fold, nearest
from sitescope_fo.store.tree_drafts import AlertDraft, GroupDraft, MonitorDraft
from sitescope_fo.store.tree_names import Names, Place
from sitescope_fo.store.tree_persistence import ADDRESS, Persistence

INLINE_MAIL = "mail:"
SEALED = ("secret:", "sealed:")
"""How a value that is not in clear begins: a reference to a sealed secret, or a sealed text itself."""
_MOST_HINTS = 20
"""Looking for the nearest of 10,000 paths takes 0.1 s; after this many problems nobody needs more."""


class Resolved(msgspec.Struct, kw_only=True):
    """A tree (without revision and warnings) and what was wrong on the way."""

    tree: Tree
    problems: list[Problem]
    warnings: list[Problem]


def resolve(
    drafts: dict[str, GroupDraft],
    names: Names,
    persistence: Persistence,
    secrets: Secrets | None,
    breathe: Callable[[], None] = lambda: None,
) -> Resolved:
    """The whole tree in folder order, monitors and alerts in file order. `breathe` is called after each group."""
    work = _Resolving(drafts, names, persistence, secrets)
    groups, monitors, alerts = [], [], []
    for folder, draft in drafts.items():
        breathe()
        if folder and (folder, ("group",)) in names.places:
            groups.append(work.group(draft, names.places[folder, ("group",)]))
        for monitor in draft.monitors:
            place = names.places.get((folder, monitor.at))
            if place is not None:
                monitors.append(work.monitor(draft, monitor, place))
        for alert in draft.alerts:
            place = names.places.get((folder, alert.at))
            if place is not None:
                alerts.append(work.alert(draft, alert, place))
    monitors = work.inherit(groups, monitors)
    tree = Tree(
        groups=tuple(groups),
        monitors=tuple(monitors),
        alerts=tuple(alerts),
        actions=(*persistence.actions, *work.inline.values()),
        schedules=persistence.schedules,
        mail=work.mail(),
    )
    return Resolved(tree=tree, problems=work.problems, warnings=work.warnings)


class _Resolving:
    def __init__(self, drafts: dict[str, GroupDraft], names: Names, persistence: Persistence, secrets: Secrets | None) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.inline: dict[str, Action] = {}
        self._drafts = drafts
        self._names = names
        self._persistence = persistence
        self._secrets = secrets
        self._monitor_ids = {place.id for place in names.monitors.values()}
        self._schedules = {fold(s.name): s.name for s in persistence.schedules}
        self._actions = {fold(a.name): a.name for a in persistence.actions}
        self._hints = 0
        self._partial = any(draft.document.broken for draft in drafts.values())
        self._broken = {name for name, document in persistence.documents.items() if document.broken}

    def _problem(self, draft: GroupDraft, at: KeyPath, what: str, hint: str = "") -> None:
        self.problems.append(draft.document.at(at, what, hint))

    def _near(self, word: str, words: list[str]) -> str:
        self._hints += 1
        return nearest(word, words) if self._hints <= _MOST_HINTS else ""

    def group(self, draft: GroupDraft, place: Place) -> Group:
        return Group(
            id=place.id,
            path=place.path,
            name=place.path.rpartition("/")[2],
            depends_on=self._dependency(draft, (*place.at, "depends_on"), draft.depends_on),
            depends_condition=draft.depends_condition,
            description=draft.description,
        )

    def monitor(self, group: GroupDraft, draft: MonitorDraft, place: Place) -> Monitor:
        depends_on = self._dependency(group, (*draft.at, "depends_on"), draft.depends_on)
        if depends_on and depends_on == place.id:
            self._problem(group, (*draft.at, "depends_on"), "A monitor cannot depend on itself")
        schedule = self._schedules.get(fold(draft.schedule), "")
        if draft.schedule and not schedule and "schedules.toml" not in self._broken:
            hint = self._near(draft.schedule, list(self._schedules.values()))
            self._problem(group, (*draft.at, "schedule"), f"There is no schedule '{draft.schedule}'", hint or _in("schedules"))
        if draft.error_frequency_s > draft.frequency_s:
            what = f"'error_frequency' is longer than the frequency of {format_duration(draft.frequency_s)} and has no effect"
            self._warn(group.document, (*draft.at, "error_frequency"), what, "Make it shorter: how often it runs while in error")
        settings = draft.settings
        if draft.secrets:
            opened = {name: self._open_setting(group, draft, name) for name in draft.secrets}
            settings = {**settings, **opened}
        return Monitor(
            id=place.id,
            name=draft.name,
            path=place.path,
            type=draft.type,
            frequency_s=draft.frequency_s,
            error_frequency_s=draft.error_frequency_s,
            verify_error=draft.verify_error,
            schedule=schedule,
            enabled=draft.enabled,
            timeout_s=draft.timeout_s,
            settings=settings,
            error_if=draft.error_if,
            warning_if=draft.warning_if,
            good_if=draft.good_if,
            depends_on=depends_on,
            depends_condition=draft.depends_condition,
            description=draft.description,
        )

    def _dependency(self, draft: GroupDraft, at: KeyPath, text: str) -> str:
        """The id of the monitor that `text` (a path or an id) means, "" when none."""
        if not text or text in self._monitor_ids:
            return text
        place = self._names.monitors.get(fold(text))
        if place is not None:
            return place.id
        if fold(text) in self._names.groups or text in self._names.ids:
            self._problem(draft, at, f"'{text}' is no monitor; a dependency is on one monitor", "Name a monitor in it")
        elif not self._partial:
            hint = self._near(text, [p.path for p in self._names.monitors.values()])
            self._problem(draft, at, f"There is no monitor '{text}'", hint or "Write its whole path, such as Network/Gateway")
        return ""

    def _open_setting(self, group: GroupDraft, draft: MonitorDraft, name: str) -> str:
        written = draft.settings.get(name, "")
        return self._open(str(written), group.document, (*draft.at, "settings", name))

    def _open(self, written: str, document: Document, at: KeyPath) -> str:
        """The plain text of a secret; one that cannot be opened is "" and a warning, so that the rest still runs."""
        if not written.startswith(SEALED):
            if written:
                self._warn(document, at, "A secret stands in clear", "Seal it with: sitescope-fo secret set")
            return written
        if self._secrets is None:
            return written
        try:
            return self._secrets.open(written)
        except ConfigInvalid as error:
            self._warn(document, at, error.what, error.hint)
            return ""

    def _warn(self, document: Document, at: KeyPath, what: str, hint: str) -> None:
        self.warnings.append(document.at(at, what, hint))

    def alert(self, group: GroupDraft, draft: AlertDraft, place: Place) -> Alert:
        actions = [self._action(group, draft, index, name) for index, name in enumerate(draft.actions)]
        scope = place.path.rpartition("/")[0]
        return Alert(
            id=place.id,
            name=draft.name,
            scope=scope,
            on=draft.on,
            when=draft.when,
            actions=tuple(name for name in actions if name),
            recovery=draft.recovery,
            enabled=draft.enabled,
        )

    def _action(self, group: GroupDraft, draft: AlertDraft, index: int, name: str) -> str:
        at = (*draft.at, "actions", index)
        if name.startswith(INLINE_MAIL):
            address = name.removeprefix(INLINE_MAIL)
            if not ADDRESS.fullmatch(address):
                self._problem(group, at, f"'{address}' is no mail address")
            self.inline[name] = Action(name=name, to=(address,))
            return name
        known = self._actions.get(fold(name), "")
        if not known and "alerts.toml" not in self._broken:
            hint = self._near(name, list(self._actions.values()))
            self._problem(group, at, f"There is no action '{name}'", hint or _in("alerts") + ", or write mail:ADDRESS")
        return known

    def inherit(self, groups: list[Group], monitors: list[Monitor]) -> list[Monitor]:
        """Gives each monitor without a dependency that of its nearest group that has one; refuses circles.

        A group's dependency never applies to the very monitor it names, which may well stand in that group.
        """
        by_path = {group.path: group for group in groups}
        resolved = [_with_inherited(monitor, by_path) for monitor in monitors]
        for circle in _circles({m.id: m.depends_on for m in resolved}):
            paths = [self._names.ids[i].path for i in circle]
            place = self._names.ids[circle[0]]
            draft = self._drafts[place.folder]
            shown = " -> ".join([*paths, paths[0]])
            self._problem(draft, (*place.at, "depends_on"), f"Dependencies run in a circle: {shown}")
        return resolved

    def mail(self) -> MailSettings:
        mail = self._persistence.mail
        document = self._persistence.documents.get("preferences.toml")
        if document is None:
            return mail
        opened = [
            self._open(server.password, document, ("mail", "servers", index, "password"))
            for index, server in enumerate(mail.servers)
        ]
        servers = tuple(
            msgspec.structs.replace(server, password=password) for server, password in zip(mail.servers, opened, strict=True)
        )
        return msgspec.structs.replace(mail, servers=servers)


def _in(name: str) -> str:
    return f"They are defined in persistence/{name}.toml"


def _with_inherited(monitor: Monitor, groups: dict[str, Group]) -> Monitor:
    path = monitor.group
    while not monitor.depends_on and path:
        group = groups.get(path)
        if group is not None and group.depends_on and group.depends_on != monitor.id:
            return msgspec.structs.replace(monitor, depends_on=group.depends_on, depends_condition=group.depends_condition)
        path = path.rpartition("/")[0]
    return monitor


def _circles(depends: dict[str, str]) -> list[list[str]]:
    """Every circle of two or more in "each depends on at most one", each starting with the first of its monitors in order."""
    done: set[str] = set()
    circles = []
    for start in depends:
        trail: dict[str, int] = {}
        here = start
        while here and here not in done and here not in trail:
            trail[here] = len(trail)
            here = depends.get(here, "")
        if here in trail and depends[here] != here:
            circles.append(list(trail)[trail[here] :])
        done.update(trail)
    return circles
