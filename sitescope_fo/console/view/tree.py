"""The groups of all monitors as a tree, with how many problems in each nobody looks after; counted as rows change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean

Place = tuple[str, str]
"""(profile, path of a group); path "" is a whole tree, and `ALL` is everything."""

ALL: Place = ("*", "")
PROBLEMS = ("error", "warning", "nodata")
"""Worst first."""


def handled(row: MonitorRow) -> bool:
    """Somebody knows of its problem, or it is planned."""
    return row.acknowledged or row.downtime is not None


def problem_of(row: MonitorRow) -> str:
    """The status of a problem that nobody looks after, else ""."""
    return row.status if row.status in PROBLEMS and not handled(row) else ""


class Branch(msgspec.Struct, frozen=True):
    """One line of the tree."""

    place: Place
    name: str
    depth: int
    parent: bool
    """It has groups below it."""
    folded: bool


class Groups:
    """Counts by group: each holds what lies below it, too."""

    def __init__(self) -> None:
        self._counts: dict[Place, Counter[str]] = {}
        self._chains: dict[Place, tuple[Place, ...]] = {}
        self.shape = 0
        """Another number when groups have come or gone."""

    def rebuild(self, rows: Iterable[MonitorRow]) -> None:
        """All monitors anew."""
        self._counts, before = {}, self._counts.keys()
        counted = Counter((row.profile, row.path.rpartition("/")[0], problem_of(row)) for row in rows)
        for (profile, group, problem), count in counted.items():
            self._add((profile, group), problem, count)
        self.shape += self._counts.keys() != before

    def change(self, before: MonitorRow | None, after: MonitorRow) -> None:
        """One row became another, or came."""
        old = None if before is None else (before.profile, before.path.rpartition("/")[0], problem_of(before))
        new = (after.profile, after.path.rpartition("/")[0], problem_of(after))
        if old == new:
            return
        if old is not None:
            self._add(old[:2], old[2], -1)
        self._add(new[:2], new[2], 1)

    def _add(self, group: Place, problem: str, count: int) -> None:
        for place in self._chain(group):
            found = self._counts.get(place)
            if found is None:
                found = self._counts[place] = Counter()
                self.shape += 1
            found["all"] += count
            if problem:
                found[problem] += count

    def _chain(self, group: Place) -> tuple[Place, ...]:
        """The group, what it lies in, its tree, and everything."""
        chain = self._chains.get(group)
        if chain is None:
            profile, path = group
            above = [(profile, path)] if path else []
            while "/" in path:
                path = path.rpartition("/")[0]
                above.append((profile, path))
            chain = self._chains[group] = (*above, (profile, ""), ALL)
        return chain

    @property
    def mixed(self) -> bool:
        """There is more than one tree."""
        return sum(1 for _, path in self._counts if not path) > 2  # `ALL` is one of them

    def total(self, place: Place) -> int:
        """Monitors below a place."""
        return self._counts.get(place, Counter())["all"]

    def problems(self, place: Place) -> Counter[str]:
        """Unhandled problems below a place, by status."""
        return Counter({status: count for status, count in self._counts.get(place, Counter()).items() if status != "all"})

    def branches(self, folded: Collection[Place], profile: str = "") -> list[Branch]:
        """What is seen of the tree: below folded places nothing. With `profile` only its tree."""
        profiles = sorted({place[0] for place in self._counts if place != ALL and (not profile or place[0] == profile)})
        several = len(profiles) > 1
        places = [place for place in self._counts if place != ALL and place[0] in profiles and (place[1] or several)]
        places.sort(key=lambda place: (place[0], [part.casefold() for part in place[1].split("/")] if place[1] else []))
        parents = {above for place in places for above in self._chain(place)[1:]} | ({ALL} if places else set())
        lines = [Branch(ALL, "All monitors", 0, parent=bool(places), folded=False)]
        for place in places:
            above = self._chain(place)[1:]
            if any(other in folded for other in above if other != ALL):
                continue
            depth = bool(place[1]) + place[1].count("/") + several
            name = place[1].rpartition("/")[2] or place[0] or "this node"
            lines.append(Branch(place, clean(name), depth, parent=place in parents, folded=place in folded))
        return lines


class TreeRows:
    """The tree as a source of table rows: group, unhandled problems with the glyph of the worst, monitors."""

    def __init__(self, groups: Groups, branches: Sequence[Branch], wording: Wording) -> None:
        self._groups, self.branches, self._wording = groups, branches, wording

    def __len__(self) -> int:
        return len(self.branches)

    def cells(self, index: int) -> Sequence[Cell]:
        """See `Source`."""
        branch = self.branches[index]
        return (
            Cell(f"{'  ' * max(0, branch.depth - 1)}{self._fold(branch)}{branch.name}"),
            self.trouble(branch.place),
            Cell(str(self._groups.total(branch.place)), "quiet"),
        )

    def _fold(self, branch: Branch) -> str:
        if not branch.depth:
            return ""
        if not branch.parent:
            return "  "
        open_, closed = ("- ", "+ ") if self._wording.plain else ("\u25be ", "\u25b8 ")
        return closed if branch.folded else open_

    def trouble(self, place: Place) -> Cell:
        """How many problems nobody looks after, with glyph and tone of the worst."""
        problems = self._groups.problems(place)
        worst = next((status for status in PROBLEMS if problems[status] > 0), "")
        if not worst:
            return Cell("")
        return Cell(
            f"{sum(problems[status] for status in PROBLEMS)} {self._wording.glyph(worst)}", self._wording.state(worst).tone
        )
