"""Keys that add, change, copy and remove monitors and groups, and open their alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.search import Search
from sitescope_fo.console.pages.acts import ActsOnMonitor
from sitescope_fo.console.view.handling import target
from sitescope_fo.console.view.tree import ALL, Place
from sitescope_fo.model.command import GroupAdd, GroupRemove, MonitorRemove
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.snapshot import MonitorRow

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action
    from sitescope_fo.console.view.form import Form
    from sitescope_fo.console.view.monitor_form import Around
    from sitescope_fo.console.view.standing import Standing
    from sitescope_fo.model.monitor_type import TypeSpec

OF_A_MONITOR = frozenset({"edit", "duplicate", "remove"})


class EditsMonitors(ActsOnMonitor):
    """Sub-classes say which monitor is meant in `row`, and which group in `group`. Forms are loaded when first needed."""

    def group(self) -> Place:
        """(profile, path) of the group that is meant: that of the list, else that of the monitor; path "" = none."""
        place, row = self.feed.board.place, self.row()
        if self.scope == "monitors" and place != ALL:
            return place
        return (row.profile, row.path.rpartition("/")[0]) if row is not None else (self.console.profile, "")

    def refusal(self, action: Action) -> str:
        """See `Page`."""
        if why := super().refusal(action):
            return why
        if action.scope != self.scope:
            return ""
        if action.verb in OF_A_MONITOR and self.row() is None:
            return "There is no monitor under the cursor"
        if action.verb == "remove_group" and not self.group()[1]:
            return "There is no group here"
        return ""

    # --- monitors ---------------------------------------------------------------------------------------------------

    async def do_new(self) -> None:
        """Asks for the type, then shows its form."""
        from sitescope_fo.console.view.monitor_form import new_form, type_rows

        profile, group = self.group()
        types = await self._types()
        around = await self._around(profile, prefixed=True) if types else None
        if around is None:
            return

        def chosen(name: str | None) -> None:
            if name is not None:
                self._add(types[name], around, new_form(types[name], around, group=_named(profile, group)))

        self.app.push_screen(Search("New monitor: of which type?", type_rows(types)), chosen)

    async def do_duplicate(self) -> None:
        """The form of a new one, filled in."""
        from sitescope_fo.console.view.monitor_form import new_form

        if (row := self.row()) is None or (found := await self._to_edit(row, prefixed=True)) is None:
            return
        spec, around, sheet = found
        group = _named(row.profile, row.path.rpartition("/")[0])
        self._add(spec, around, new_form(spec, around, group=group, sheet=sheet))

    def _add(self, spec: TypeSpec, around: Around, form: Form) -> None:
        from sitescope_fo.console.view.monitor_values import monitor_add

        groups = {group.casefold() for group in around.groups}

        async def save(values: Mapping[str, str]) -> str:
            body = monitor_add(spec, values)
            if body.group.casefold() not in groups:
                await self.submit(GroupAdd(path=body.group, force=body.force))
                groups.add(body.group.casefold())
            return await self.submit(body)

        self.app.push_screen(FormDialog(form, save))

    async def do_edit(self) -> None:
        """The form with what is set; only what was changed is sent."""
        from sitescope_fo.console.view.monitor_form import edit_form
        from sitescope_fo.console.view.monitor_values import monitor_edit

        if (row := self.row()) is None or (found := await self._to_edit(row)) is None:
            return
        spec, around, sheet = found
        form = edit_form(spec, around, sheet)

        async def save(values: Mapping[str, str]) -> str:
            body = monitor_edit(spec, form, values, path=row.path, profile=row.profile)
            return await self.submit(body) if body is not None else ""

        self.app.push_screen(FormDialog(form, save))

    async def do_remove(self) -> None:
        """Says what goes with it, and asks."""
        from sitescope_fo.console.view.monitor_group import own_alerts, removal_text

        if (row := self.row()) is None:
            return
        alerts, stands = await self.ask("alerts"), await self._stands(row.profile)
        if alerts is None or stands is None:
            return
        text = removal_text(row.path, own_alerts(alerts, row.path, row.profile), stands)
        body = MonitorRemove(path=row.path, profile=row.profile, force=stands.passive)
        self._confirm("Remove a monitor", text, "Remove", body)

    # --- groups -----------------------------------------------------------------------------------------------------

    async def do_new_group(self) -> None:
        """Its path, and what it depends on."""
        from sitescope_fo.console.view.monitor_group import group_add, group_form

        profile, above = self.group()
        around = await self._around(profile, prefixed=True)
        if around is None:
            return

        async def save(values: Mapping[str, str]) -> str:
            return await self.submit(group_add(values))

        self.app.push_screen(FormDialog(group_form(around, _named(profile, above)), save))

    async def do_remove_group(self) -> None:
        """Says what is in it; its name has to be typed when it is not empty."""
        from sitescope_fo.console.view.monitor_group import group_removal_text, own_alerts

        profile, path = self.group()
        rows, alerts, stands = await self.ask("groups"), await self.ask("alerts"), await self._stands(profile)
        if rows is None or alerts is None or stands is None:
            return
        inside = [row for row in rows if row["profile"] == profile and f"{row['path']}/".startswith(f"{path}/")]
        monitors = sum(row["monitors"] for row in inside)
        text = group_removal_text(path, monitors, len(inside) - 1, own_alerts(alerts, path, profile), stands)
        word = path.rpartition("/")[2] if monitors or len(inside) > 1 else ""
        body = GroupRemove(path=path, recursive=bool(word), profile=profile, force=stands.passive)

        def confirmed(yes: bool | None) -> None:  # noqa: FBT001  # the toolkit calls it so
            if yes:
                self.run_worker(self.command(body), group="confirmed")

        self.app.push_screen(Confirm("Remove a group", text, verb="Remove", word=word), confirmed)

    def do_alerts(self) -> None:
        """Who is told of the monitor, or of the group when the keys are in the tree."""
        from sitescope_fo.console.pages.alerts import Alerts

        row, in_tree = self.row(), getattr(self.focused, "id", "") == "tree"
        if row is not None and not in_tree:
            self.app.push_screen(Alerts(row.path, row.profile))
        else:
            profile, group = self.group()
            self.app.push_screen(Alerts(group, profile))

    # --- what forms need --------------------------------------------------------------------------------------------

    async def _types(self) -> dict[str, TypeSpec]:
        from sitescope_fo.console.view.monitor_form import types_of

        answer = await self.ask("types")
        return types_of(answer) if answer is not None else {}

    async def _to_edit(self, row: MonitorRow, *, prefixed: bool = False) -> tuple[TypeSpec, Around, Mapping[str, Any]] | None:
        types = await self._types()
        if types and row.type not in types:
            self.complain(SiteScopeError(f"There is no form for a {row.type} monitor", hint="Use: sitescope-fo monitor edit"))
        if row.type not in types:
            return None
        sheet = await self.ask("monitor", {"path": target(row)})
        group = row.path.rpartition("/")[0]
        around = await self._around(row.profile, group, prefixed=prefixed) if sheet is not None else None
        return (types[row.type], around, sheet) if around is not None else None

    async def _around(self, profile: str, group: str = "", *, prefixed: bool = False) -> Around | None:
        """What a form offers; `prefixed`: groups of every tree, those of a profile behind its name."""
        from sitescope_fo.console.view.monitor_form import Around, inherited

        groups, schedules, stands = await self.ask("groups"), await self.ask("schedules"), await self._stands(profile)
        if groups is None or schedules is None or stands is None:
            return None
        return Around(
            groups=tuple(_named(row["profile"], row["path"]) for row in groups if prefixed or row["profile"] == profile),
            monitors=tuple(sorted(row.path for row in self.feed.board.rows() if row.profile == profile)),
            schedules=tuple(row["name"] for row in schedules if row["profile"] == profile),
            depends=inherited(groups, group, profile),
            stands=stands,
        )

    async def _stands(self, profile: str) -> Standing | None:
        from sitescope_fo.console.view.standing import OWN, standing

        if not profile:
            return OWN
        answer = await self.ask("profile", {"name": profile})
        return standing(answer) if answer is not None else None


def _named(profile: str, path: str) -> str:
    """How a command names a group, whatever trees the node has."""
    return f"{profile}:{path}" if profile else path
