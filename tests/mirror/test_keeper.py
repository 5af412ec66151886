"""The keeper of a profile's mirror over hours of virtual time, against a real primary's files."""

from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from trio.testing import MockClock

from sitescope_fo.mirror import history
from sitescope_fo.mirror.generations import current, generations, lay_out_working, pin
from sitescope_fo.mirror.keeper import Keeper
from sitescope_fo.mirror.outcome import Failed, StagedShrink, Unchanged, Verified
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.model.config import PRESETS, Profile
from sitescope_fo.model.fact import MirrorFailed, MirrorMissing, MirrorStaged, MirrorVerified
from sitescope_fo.model.schedule import Moment, Schedule
from sitescope_fo.model.status import Position
from tests.mirror.primary import PEER, InlineWork, LoopClock, Primary, dry_load
from tests.mirror.test_pull import wipe

pytestmark = pytest.mark.anyio
PROFILE = Profile(id="p", name="prod", primary_host="primary", timing=PRESETS["lan"])
SLOW = msgspec.structs.replace(PROFILE, timing=PRESETS["classic"])
NOON = Schedule(name="noon", kind="absolute", moments=(Moment(day="sun", minute=12 * 60),))


@pytest.fixture
def anyio_backend():
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class Site:
    """A primary, and a failover's keeper that hears of it at every probe."""

    def __init__(self, tmp_path):
        self.primary = Primary(tmp_path / "primary").standard(groups=3, each=10)
        self.folder = tmp_path / "failover" / "primary"
        self.profile = PROFILE
        self.position = Position.standby
        self.clock = LoopClock()
        self.facts = []
        self.loaded = []
        self.work = InlineWork()
        self.keeper = None

    def new_keeper(self):
        self.keeper = Keeper(
            profile=lambda: self.profile,
            folder=self.folder,
            client=self.primary,
            address=lambda: PEER,
            work=self.work,
            clock=self.clock,
            submit=self.facts.append,
            position=lambda: self.position,
            schedules=lambda: (NOON,),
            dry_load=dry_load,
            on_tree=self._take,
        )
        return self.keeper

    async def _take(self, tree, generation):
        self.loaded.append((len(tree.monitors), generation.revision))

    @asynccontextmanager
    async def running(self, *, probes=True):
        keeper = self.new_keeper()
        await keeper.open()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keeper.run)
            if probes:
                tasks.start_soon(self._probe)
            yield keeper
            tasks.cancel_scope.cancel()

    async def _probe(self):
        while True:
            if not self.primary.down:
                self.keeper.heard(self.primary.revision, 0)
            await anyio.sleep(self.profile.timing.check_every_s)

    def told(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def current(self):
        found = current(self.folder)
        assert found is None or verify_generation(found.path) == ()
        return found.revision if found is not None else None


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


async def test_a_new_profile_is_unprotected_until_its_first_mirror_and_then_says_so(site):
    async with site.running():
        assert [type(fact) for fact in site.facts] == [MirrorMissing]
        await anyio.sleep(1)
        [verified] = site.told(MirrorVerified)
        assert (verified.profile, verified.revision, verified.monitors) == ("prod", site.primary.revision, 30)
        assert site.loaded == [(30, site.primary.revision)]
        assert (site.keeper.view.verified, site.keeper.view.drift, site.keeper.view.monitors) == (True, False, 30)
        assert [row.kind for row in history.list_history(site.folder)] == ["scheduled"]


async def test_a_change_is_mirrored_within_two_probes_and_two_seconds(site):
    async with site.running():
        await anyio.sleep(60)
        for n in range(10):
            await anyio.sleep(20 + n / 7)
            site.primary.group("Group 0", [f"Edit {n}"] + [f"Monitor {m}" for m in range(10)])
            await anyio.sleep(2 * site.profile.timing.check_every_s + 2)
            assert site.current == site.primary.revision


async def test_a_quiet_primary_is_asked_for_nothing_but_its_health(site):
    async with site.running():
        await anyio.sleep(60)
        site.primary.requests.clear()
        await anyio.sleep(3 * 3600)
        assert site.primary.requests == []


async def test_hours_of_edits_every_second_cost_a_pull_in_five_seconds_and_never_starve(site):
    async with site.running():
        await anyio.sleep(60)
        site.facts.clear()
        for n in range(120):
            site.primary.group("Group 0", [f"Edit {n}"] + [f"Monitor {m}" for m in range(10)])
            await anyio.sleep(1)
        assert 12 <= len(site.told(MirrorVerified)) <= 25
        assert site.told(MirrorFailed) == []


async def test_every_four_hours_everything_is_verified_and_the_last_two_states_are_kept(site):
    site.profile = SLOW
    async with site.running():
        for hour in range(13):
            site.primary.group("Group 0", [f"Hour {hour}"] + [f"Monitor {m}" for m in range(10)])
            await anyio.sleep(3600)
        scheduled = [fact for fact in site.told(MirrorVerified) if fact.scheduled]
        assert len(scheduled) == 3
        assert all(fact.full for fact in scheduled)
        rows = history.list_history(site.folder)
        assert [row.kind for row in rows] == ["scheduled", "scheduled"]
        assert [row.at[11:13] for row in rows] == ["22", "18"]
        for row in rows:
            history.verify(site.folder, row.snapshot)


async def test_a_mirroring_schedule_replaces_the_four_hours(site):
    site.profile = msgspec.structs.replace(site.profile, mirror_schedule="noon", timing=PRESETS["classic"])
    async with site.running():
        await anyio.sleep(5 * 3600)
        [fact] = [fact for fact in site.told(MirrorVerified) if fact.scheduled]
        assert fact.wall == pytest.approx(site.clock.wall() - 3 * 3600, abs=5)


async def test_a_silent_primary_is_tried_with_growing_patience_and_mirrored_when_it_is_back(site):
    site.primary.down = True
    async with site.running():
        await anyio.sleep(1800)
        assert 8 <= len(site.told(MirrorFailed)) <= 14
        site.primary.down = False
        await anyio.sleep(301)
        assert site.current == site.primary.revision
        assert site.keeper.view.last_error == ""


async def test_an_unloadable_edit_leaves_the_mirror_and_its_repair_is_mirrored_at_once(site):
    async with site.running():
        await anyio.sleep(60)
        before = site.current
        site.primary.write("groups/Group 1/group.toml", "[group\n")
        await anyio.sleep(3600)
        assert site.current == before
        assert site.keeper.view.drift
        assert "cannot be loaded" in site.keeper.view.last_error
        assert site.told(MirrorFailed)[0].where.startswith("groups/Group 1/group.toml")
        site.primary.group("Group 1", [f"Monitor {m}" for m in range(10)] + ["Repaired"])
        await anyio.sleep(2 * site.profile.timing.check_every_s + 2)
        assert site.current == site.primary.revision


async def test_in_grace_nothing_is_started_and_nothing_flips(site):
    async with site.running():
        await anyio.sleep(60)
        before = site.current
        site.position = Position.grace
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        site.primary.requests.clear()
        await anyio.sleep(600)
        assert (site.primary.requests, site.current) == ([], before)
        site.position = Position.standby
        await anyio.sleep(10)
        assert site.current == site.primary.revision


async def test_a_pull_that_grace_overtakes_is_dropped(site):
    async with site.running():
        await anyio.sleep(60)
        before = site.current
        site.primary.on_files = lambda: setattr(site, "position", Position.grace)
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        await anyio.sleep(30)
        assert site.current == before
        assert site.position is Position.grace


async def test_while_acting_theirs_lies_beside_the_pinned_base_and_becomes_current_after_the_return(site):
    async with site.running():
        await anyio.sleep(60)
        base = site.current
        pin(site.folder, base)
        lay_out_working(site.folder, base)
        site.position = Position.active
        told = len(site.facts)
        for n in range(5):
            site.primary.group("Group 0", [f"Edit {n}"] + [f"Monitor {m}" for m in range(10)])
            await anyio.sleep(60)
        assert site.current == base
        assert site.facts[told:] == []
        assert {g.revision for g in generations(site.folder)} >= {base, site.primary.revision}
        site.primary.asked.clear()
        site.position = Position.standby
        await anyio.sleep(10)
        assert site.current == site.primary.revision
        assert site.primary.asked == []


async def test_acting_over_a_dead_primary_asks_it_for_nothing(site):
    async with site.running():
        await anyio.sleep(60)
        site.position, site.primary.down = Position.active, True
        site.primary.requests.clear()
        await anyio.sleep(12 * 3600)
        assert site.primary.requests == []


async def test_a_wiped_primary_is_told_once_waits_and_becomes_current_after_24_hours(site):
    site.profile = SLOW
    async with site.running():
        await anyio.sleep(60)
        before = site.current
        wipe(site.primary)
        await anyio.sleep(23 * 3600)
        assert site.current == before
        [staged] = site.told(MirrorStaged)
        assert (staged.before, staged.after, staged.revision) == (30, 0, site.primary.revision)
        assert site.keeper.view.staged == site.primary.revision
        await anyio.sleep(3600 + 60)
        assert site.current == site.primary.revision
        assert site.keeper.view.staged == ""
        assert history.list_history(site.folder)[0].monitors in {0, 30}
        assert "shrink" in {row.kind for row in history.list_history(site.folder)}


async def test_a_yes_takes_the_shrink_at_once(site):
    async with site.running() as keeper:
        await anyio.sleep(60)
        wipe(site.primary)
        assert isinstance(await keeper.poke(), StagedShrink)
        assert isinstance(await keeper.poke(accept=True), Verified)
        assert site.current == site.primary.revision


async def test_a_poke_gives_its_outcome_and_its_progress(site):
    async with site.running() as keeper:
        await anyio.sleep(60)
        steps = []
        outcome = await keeper.poke(full=True, progress=lambda share, text: steps.append(share))
        assert isinstance(outcome, Unchanged)
        assert outcome.full
        assert steps
        site.primary.down = True
        failed = await keeper.poke()
        assert isinstance(failed, Failed)
        assert "Nobody answers" in failed.summary


async def test_two_pokes_at_once_both_get_an_answer(site):
    async with site.running() as keeper:
        outcomes = []

        async def poke():
            outcomes.append(await keeper.poke())

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(poke)
        assert len(outcomes) == 3
        assert {outcome.revision for outcome in outcomes} == {site.primary.revision}


async def test_a_poke_of_a_keeper_that_ended_fails_and_does_not_wait(site):
    async with site.running() as keeper:
        pass
    assert (await keeper.poke()).code == "mirror_stopped"


async def test_a_keeper_that_a_defect_ended_answers_who_waits_and_runs_anew(site):
    take, mended = site._take, anyio.Event()

    async def broken(tree, generation):
        if not mended.is_set():
            raise ZeroDivisionError
        await take(tree, generation)

    site._take = broken
    keeper = site.new_keeper()
    await keeper.open()
    outcomes = []

    async def poke():
        outcomes.append(await keeper.poke())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poke)
        with pytest.raises(ZeroDivisionError):
            await keeper.run()
    assert [outcome.code for outcome in outcomes] == ["mirror_stopped"]
    mended.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.run)
        await anyio.sleep(1)
        assert site.loaded == [(30, site.primary.revision)]
        assert isinstance(await keeper.poke(), Unchanged)
        tasks.cancel_scope.cancel()
    assert site.current == site.primary.revision


async def test_poke_soon_mirrors_without_waiting_for_a_probe(site):
    async with site.running(probes=False) as keeper:
        await anyio.sleep(60)
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        keeper.poke_soon()
        await anyio.sleep(0.1)
        assert site.current == site.primary.revision


async def test_a_mirror_that_fails_for_a_minute_is_reported_as_a_stale_mirror_no_later_than_promised(site):
    async with site.running():
        await anyio.sleep(60)
        site.facts.clear()
        site.primary.knows_parts = False
        site.primary.on_manifest = lambda manifest: b""
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        await anyio.sleep(60)
        assert any("stale" in fact.what for fact in site.told(MirrorFailed))


# --- a new life -----------------------------------------------------------------------------------------------------


async def test_a_restart_verifies_every_file_and_protects_before_the_primary_answers(site):
    async with site.running():
        await anyio.sleep(60)
    site.primary.down = True
    site.facts.clear()
    site.loaded.clear()
    await site.new_keeper().open()
    [fact] = site.facts
    assert isinstance(fact, MirrorVerified)
    assert fact.full
    assert site.loaded == [(30, site.current)]


async def two_generations(site):
    async with site.running():
        await anyio.sleep(60)
        older = site.current
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        await anyio.sleep(60)
        newer = site.current
    assert older != newer
    site.facts.clear()
    site.loaded.clear()
    return older, newer


@pytest.mark.parametrize("path", ["scripts/check.sh", "MANIFEST.json", "groups/Group 0/group.toml"])
async def test_a_damaged_current_mirror_gives_way_to_the_one_before_it(site, path):
    older, _ = await two_generations(site)
    (site.folder / "current" / path).write_text("damage")
    await site.new_keeper().open()
    assert [type(fact) for fact in site.facts] == [MirrorMissing, MirrorVerified]
    assert site.facts[1].revision == older == site.current
    assert site.loaded == [(30, older)]
    assert site.keeper.view.last_error


async def test_without_any_whole_mirror_the_profile_is_unprotected_until_the_primary_answers(site):
    await two_generations(site)
    for generation in generations(site.folder):
        (generation.path / "scripts/check.sh").write_text("damage")
    async with site.running():
        [missing] = site.told(MirrorMissing)
        assert "damaged" in missing.what
        assert site.told(MirrorVerified) == []
        await anyio.sleep(5)
        assert site.current == site.primary.revision
        assert site.told(MirrorVerified)


async def test_a_missing_link_is_made_anew(site):
    _, newer = await two_generations(site)
    (site.folder / "current").unlink()
    await site.new_keeper().open()
    assert site.current == newer


async def test_a_staged_shrink_is_never_what_a_restart_falls_back_to(site):
    async with site.running():
        await anyio.sleep(60)
        before = site.current
        wipe(site.primary)
        await anyio.sleep(60)
    (site.folder / "current/scripts/check.sh").write_text("damage")
    site.facts.clear()
    await site.new_keeper().open()
    assert [type(fact) for fact in site.facts] == [MirrorMissing]
    async with site.running():
        await anyio.sleep(60)
        assert site.keeper.view.staged == site.primary.revision
        assert current(site.folder).revision == before


async def test_damage_found_by_the_scheduled_verification_is_repaired_or_falls_back(site):
    older, newer = await two_generations(site)
    async with site.running():
        await anyio.sleep(60)
        (site.folder / "current/scripts/check.sh").write_text("damage")
        await anyio.sleep(4 * 3600)
        assert site.current == newer
        (site.folder / "current/scripts/check.sh").write_text("damage")
        site.primary.down = True
        await anyio.sleep(4 * 3600 + 10)
        assert site.current == older


async def test_a_folder_that_cannot_be_read_is_a_missing_mirror_and_no_crash(site):
    site.folder.parent.mkdir(parents=True)
    site.folder.write_text("a file is in the way")
    await site.new_keeper().open()
    [missing] = site.facts
    assert isinstance(missing, MirrorMissing)


async def test_everything_that_touches_the_folder_runs_in_one_lane(site):
    site.profile = SLOW
    async with site.running():
        await anyio.sleep(5 * 3600)
    assert site.work.lanes == {site.keeper.lane}


async def test_a_pull_that_hangs_is_reported_while_it_hangs(site):
    async with site.running():
        await anyio.sleep(60)
        site.facts.clear()
        site.primary.on_request = lambda: anyio.sleep(300)
        site.primary.group("Group 0", ["Edit"] + [f"Monitor {m}" for m in range(10)])
        await anyio.sleep(60)
        assert ["stale" in fact.what for fact in site.told(MirrorFailed)] == [True]
        site.primary.on_request = None
        await anyio.sleep(610)
        assert site.current == site.primary.revision
