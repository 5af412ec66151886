"""A pull: only what is missing travels, and nothing that is torn, tampered, unloadable or suddenly shrunk becomes current."""

import msgspec
import pytest

from sitescope_fo.mirror import history
from sitescope_fo.mirror.generations import current, generations, lay_spare
from sitescope_fo.mirror.outcome import Dropped, Failed, StagedShrink, Unchanged, Verified
from sitescope_fo.mirror.pull import Ask, Puller
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.mirror.shrink import WAIT_S, is_sudden_shrink, read_staged, removed_monitors
from sitescope_fo.mirror.staging import clean_staging
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.wire import ENTRIES, FILES, MANIFEST, PARTS, decode, encode
from sitescope_fo.model.wire import Manifest as WireManifest
from sitescope_fo.store.tree import ParseCache, load_tree
from tests.mirror.primary import PEER, InlineWork, LoopClock, Primary, dry_load
from tests.store.book import SmallBook

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


class Site:
    """A primary and the mirror folder of its failover."""

    def __init__(self, tmp_path):
        self.primary = Primary(tmp_path / "primary").standard(groups=3, each=10)
        self.folder = tmp_path / "failover" / "primary"
        self.clock = LoopClock()
        self.place = "flip"
        self.restart()

    def restart(self):
        """A new life of the failover's process."""
        clean_staging(self.folder)
        self.puller = Puller(self.folder, client=self.primary, work=InlineWork(), clock=self.clock, dry_load=dry_load)

    async def pull(self, peer=PEER, **ask):
        return await self.puller.pull(peer, Ask(**ask), lambda: self.place)

    @property
    def current(self):
        found = current(self.folder)
        assert found is None or verify_generation(found.path) == ()
        return found.revision if found is not None else None


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


async def test_the_first_pull_brings_everything_and_makes_it_current(site):
    steps = []
    outcome = await site.pull(progress=lambda share, text: steps.append((share, text)))
    assert isinstance(outcome, Verified)
    assert (outcome.monitors, outcome.files, len(outcome.tree.monitors)) == (30, 6, 30)
    assert outcome.bytes == sum(entry.size for entry in outcome.generation.files)
    assert site.current == outcome.revision == site.primary.revision
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert all(0 <= share <= 1 and text for share, text in steps)


async def test_an_unchanged_primary_costs_one_small_request(site):
    await site.pull()
    site.primary.requests.clear()
    outcome = await site.pull()
    assert isinstance(outcome, Unchanged)
    assert (outcome.monitors, outcome.full) == (30, False)
    assert site.primary.requests == [("POST", PARTS)]


async def test_one_changed_monitor_moves_only_its_file(site):
    await site.pull()
    site.primary.asked.clear()
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    outcome = await site.pull()
    assert site.primary.asked == ["groups/Group 1/group.toml"]
    assert (outcome.files, outcome.monitors) == (1, 30)
    assert "Group 1/Renamed" in {m.path for m in outcome.tree.monitors}
    assert site.current == site.primary.revision


async def test_what_was_proven_and_is_known_is_not_read_again_to_be_loaded(site):
    book, cache, asked = SmallBook(), ParseCache(), []

    def load(folder, proven):
        asked.append(proven)
        return load_tree(folder, book, None, new_id=lambda: "new", write_ids=False, cache=cache, proven=proven)

    site.puller = Puller(site.folder, client=site.primary, work=InlineWork(), clock=site.clock, dry_load=load)
    await site.pull()
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    outcome = await site.pull()
    assert asked[-1] == {entry.path: entry.sha256 for entry in outcome.generation.files}
    assert outcome.tree == dry_load(outcome.generation.path)


async def test_the_spare_tree_is_read_ahead_once_and_only_what_differs_is_written_into_it(site):
    await site.pull()
    assert await site.puller.prepare()
    assert not await site.puller.prepare()
    lay_spare(site.folder, least=1)
    (site.folder / "spare/scripts/check.sh").write_text("damaged before it was read")
    site.restart()
    assert await site.puller.prepare()
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    site.primary.asked.clear()
    assert isinstance(await site.pull(), Verified)
    assert site.primary.asked == ["groups/Group 1/group.toml"]
    assert site.current == site.primary.revision
    assert await site.puller.prepare()


async def test_a_renamed_file_moves_nothing_and_a_removed_one_is_gone(site):
    await site.pull()
    site.primary.asked.clear()
    (site.primary.home.scripts / "check.sh").rename(site.primary.home.scripts / "renamed.sh")
    (site.primary.home.templates / "mail.txt").unlink()
    outcome = await site.pull()
    assert outcome.files == 0
    assert site.primary.asked == []
    assert (site.folder / "current/scripts/renamed.sh").exists()
    assert not (site.folder / "current/scripts/check.sh").exists()
    assert not (site.folder / "current/templates/mail.txt").exists()
    assert site.current == site.primary.revision


async def test_skipped_files_are_listed_also_when_nothing_else_changed(site):
    await site.pull()
    (site.primary.home.scripts / "link.sh").symlink_to("check.sh")
    outcome = await site.pull(full=True)
    assert isinstance(outcome, Unchanged)
    assert [(skip.path, skip.why) for skip in outcome.skipped] == [("scripts/link.sh", "symlink")]


async def test_unicode_names_arrive_as_they_are(site):
    site.primary.group("Gebäude ä 東京", ["Tür 1"])
    await site.pull()
    assert (site.folder / "current/groups/Gebäude ä 東京/group.toml").read_bytes() == (
        site.primary.home.groups / "Gebäude ä 東京/group.toml"
    ).read_bytes()


async def test_a_large_tree_comes_in_several_requests(site):
    for n in range(3):
        site.primary.write(f"scripts/big{n}", bytes([n]) * 15 * 1024**2)
    outcome = await site.pull()
    assert isinstance(outcome, Verified)
    assert site.primary.requests == [("GET", MANIFEST), *[("POST", FILES)] * 5]
    assert site.current == site.primary.revision


async def test_one_changed_file_of_many_moves_one_part_of_the_manifest(site):
    for n in range(3000):
        site.primary.write(f"scripts/{n}.sh", f"# {n}\n")
    await site.pull()
    site.primary.requests.clear()
    sizes = []
    site.primary.on_entries = lambda entries: sizes.append(len(entries.files)) or entries
    site.primary.write("scripts/7.sh", "# changed\n")
    outcome = await site.pull()
    assert site.primary.requests == [("POST", PARTS), ("POST", ENTRIES), ("POST", FILES)]
    assert sizes[0] < 3000 / 100
    assert (outcome.files, site.current) == (1, site.primary.revision)


async def test_a_primary_that_knows_no_parts_is_mirrored_by_whole_manifests(site):
    site.primary.knows_parts = False
    await site.pull()
    assert isinstance(await site.pull(), Unchanged)
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    assert (await site.pull()).files == 1
    assert isinstance(await site.pull(full=True), Unchanged)
    assert site.current == site.primary.revision


async def test_a_full_verification_of_an_unchanged_primary_hashes_on_both_sides_and_moves_nothing(site):
    await site.pull()
    hashed = site.primary.builder.hashed
    site.primary.requests.clear()
    outcome = await site.pull(full=True)
    assert isinstance(outcome, Unchanged)
    assert site.primary.requests == [("POST", PARTS)]
    assert site.primary.builder.hashed - hashed == len(site.primary.builder.build().files)


async def test_a_file_that_cannot_be_mirrored_any_more_is_listed_although_the_revision_is_the_same(site):
    await site.pull()
    (site.primary.home.scripts / "link").symlink_to("/etc/passwd")
    outcome = await site.pull()
    assert isinstance(outcome, Unchanged)
    assert [skip.path for skip in outcome.skipped] == ["scripts/link"]


def replaced(**changes):
    return lambda body: msgspec.structs.replace(body, **changes)


LYING_PARTS = {
    "a table that is too short": ("on_parts", replaced(digests="00")),
    "no entries": ("on_entries", replaced(files=())),
    "an entry twice": ("on_entries", lambda body: replaced(files=body.files * 2)(body)),
    "an entry of another part": (
        "on_entries",
        lambda body: replaced(files=(*body.files, *(replaced(path=f"scripts/{n}")(body.files[0]) for n in range(9))))(body),
    ),
    "another hash": ("on_entries", lambda body: replaced(files=tuple(replaced(sha256="0" * 64)(e) for e in body.files))(body)),
    "traversal": ("on_entries", lambda body: replaced(files=tuple(replaced(path="../x")(e) for e in body.files))(body)),
}


@pytest.mark.parametrize(("where", "lie"), LYING_PARTS.values(), ids=LYING_PARTS.keys())
async def test_parts_that_do_not_make_up_the_revision_give_way_to_the_whole_manifest(site, where, lie):
    await site.pull()
    site.primary.requests.clear()
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    setattr(site.primary, where, lie)
    outcome = await site.pull()
    assert (isinstance(outcome, Verified), site.current) == (True, site.primary.revision)
    assert site.primary.requests.count(("GET", MANIFEST)) == 1


async def test_parts_of_a_revision_that_there_is_not_change_nothing(site):
    await site.pull()
    before = site.current
    site.primary.group("Group 1", ["Renamed", *[f"Monitor {n}" for n in range(1, 10)]])
    site.primary.on_parts = replaced(revision="0" * 64)
    outcome = await site.pull()
    assert (isinstance(outcome, Failed), site.current) == (True, before)


# --- nothing bad becomes current ------------------------------------------------------------------------------------


def lie(manifest):
    first, *rest = manifest.files
    import msgspec

    return msgspec.structs.replace(manifest, files=(msgspec.structs.replace(first, sha256="0" * 64), *rest))


BAD_MANIFESTS = {
    "torn": lambda m: encode(m)[: len(encode(m)) // 2],
    "empty": lambda m: b"",
    "no JSON": lambda m: b"<html>502 Bad Gateway</html>",
    "tampered": lie,
    "of another wire version": lambda m: encode(m).replace(b'"wire":1', b'"wire":2'),
    "with traversal": lambda m: encode(m).replace(b'"scripts/check.sh"', b'"scripts/../../x"'),
}


@pytest.mark.parametrize("change", BAD_MANIFESTS.values(), ids=BAD_MANIFESTS.keys())
async def test_a_bad_manifest_changes_nothing_and_says_so(site, change):
    await site.pull()
    before = site.current
    site.primary.group("Group 0", ["Another"] + [f"Monitor {n}" for n in range(10)])
    site.primary.knows_parts = False
    site.primary.on_manifest = change
    outcome = await site.pull()
    assert isinstance(outcome, Failed)
    assert outcome.what
    assert outcome.hint or outcome.code == "bad_body"
    assert site.current == before
    site.primary.on_manifest = lambda manifest: manifest
    assert isinstance(await site.pull(), Verified)


async def test_the_manifest_of_another_node_is_refused(site):
    outcome = await site.pull(peer=PeerAddress(host="primary", port=8080, node_id="somebody else"))
    assert isinstance(outcome, Failed)
    assert outcome.code == "manifest_foreign"
    assert site.current is None


BAD_BUNDLES = {
    "a changed byte": lambda data: data.replace(b"exit 0", b"exit 1"),
    "cut": lambda data: data[:700],
    "empty": lambda data: b"",
    "doubled": lambda data: data.rstrip(b"\0") + bytes(512 - len(data.rstrip(b"\0")) % 512) + data,
    "another name": lambda data: data.replace(b"check.sh", b"other.sh"),
}


@pytest.mark.parametrize("change", BAD_BUNDLES.values(), ids=BAD_BUNDLES.keys())
async def test_a_tampered_or_torn_bundle_changes_nothing_and_says_so(site, change):
    site.primary.on_tar = change
    outcome = await site.pull()
    assert isinstance(outcome, Failed)
    assert outcome.code.startswith("bundle_")
    assert site.current is None
    site.primary.on_tar = lambda data: data
    assert isinstance(await site.pull(), Verified)


async def test_an_unloadable_tree_never_becomes_current_and_its_line_is_named(site):
    await site.pull()
    before = site.current
    site.primary.write("groups/Group 1/group.toml", '[group]\nname = "Group 1"\nfrequencyy = 3\n')
    outcome = await site.pull()
    assert isinstance(outcome, Failed)
    assert outcome.code == "mirror_unloadable"
    assert outcome.where.startswith("groups/Group 1/group.toml:3")
    assert outcome.revision == site.primary.revision
    assert site.current == before
    site.primary.group("Group 1", [f"Monitor {n}" for n in range(9)])
    assert isinstance(await site.pull(), Verified)


async def test_a_torn_group_file_never_becomes_current(site):
    await site.pull()
    before = site.current
    whole = (site.primary.home.groups / "Group 1/group.toml").read_bytes()
    site.primary.write("groups/Group 1/group.toml", whole[: len(whole) // 2 + 3])
    assert isinstance(await site.pull(), Failed)
    assert site.current == before


async def test_a_silent_primary_is_a_failure_that_changes_nothing(site):
    await site.pull()
    before = site.current
    site.primary.down = True
    outcome = await site.pull()
    assert (outcome.code, site.current) == ("refused", before)


async def test_a_disk_that_cannot_be_written_is_a_failure_and_no_crash(site):
    site.folder.parent.mkdir(exist_ok=True)
    clean_staging(site.folder)
    (site.folder / "staging").write_text("in the way")
    outcome = await site.pull()
    assert isinstance(outcome, Failed)
    assert outcome.code == "mirror_disk"
    assert str(site.folder) in outcome.where


# --- edits on the primary meanwhile ---------------------------------------------------------------------------------


async def test_an_edit_between_manifest_and_files_starts_the_pull_over(site):
    edits = iter(["Edited 1", "Edited 2"])

    def edit():
        name = next(edits, None)
        if name:
            site.primary.group("Group 0", [name] + [f"Monitor {n}" for n in range(1, 10)])

    site.primary.on_files = edit
    outcome = await site.pull()
    assert isinstance(outcome, Verified)
    assert "Group 0/Edited 2" in {m.path for m in outcome.tree.monitors}
    assert site.primary.requests.count(("GET", MANIFEST)) == 3
    assert site.current == site.primary.revision


async def test_a_primary_that_never_holds_still_fails_the_pull_after_three_tries(site):
    count = 0

    def edit():
        nonlocal count
        count += 1
        site.primary.group("Group 0", [f"Edited {count}"])

    site.primary.on_files = edit
    outcome = await site.pull()
    assert (outcome.code, site.current, count) == ("revision_gone", None, 3)


# --- full verification ----------------------------------------------------------------------------------------------


async def test_a_full_verification_makes_the_primary_hash_anew(site):
    await site.pull()
    await site.pull()
    hashed = site.primary.builder.hashed
    outcome = await site.pull(full=True)
    assert isinstance(outcome, Unchanged)
    assert outcome.full
    assert site.primary.builder.hashed == hashed + 6


@pytest.mark.parametrize("path", ["scripts/check.sh", "MANIFEST.json"])
async def test_a_full_verification_repairs_a_damaged_current_mirror(site, path):
    await site.pull()
    (site.folder / "current" / path).write_text("damage")
    outcome = await site.pull(full=True)
    assert isinstance(outcome, Verified)
    assert site.current == site.primary.revision


# --- where it may go ------------------------------------------------------------------------------------------------


async def test_in_grace_a_finished_pull_is_dropped(site):
    await site.pull()
    before = site.current
    site.primary.group("Group 0", ["Another"] + [f"Monitor {n}" for n in range(10)])
    site.place = "drop"
    assert isinstance(await site.pull(), Dropped)
    assert site.current == before
    assert list((site.folder / "staging").iterdir()) == []
    assert len(generations(site.folder)) == 1


async def test_the_position_is_asked_at_the_last_moment(site):
    await site.pull()
    before = site.current
    site.primary.group("Group 0", ["Another"] + [f"Monitor {n}" for n in range(10)])

    def fall_silent():
        site.place = "drop"

    site.primary.on_files = fall_silent
    assert isinstance(await site.pull(), Dropped)
    assert site.current == before


async def test_while_acting_theirs_is_kept_beside_the_current_one_and_flipped_later_without_a_transfer(site):
    await site.pull()
    before = site.current
    site.primary.group("Group 0", ["Another"] + [f"Monitor {n}" for n in range(10)])
    site.place = "keep"
    outcome = await site.pull()
    assert isinstance(outcome, Verified)
    assert outcome.place == "keep"
    assert site.current == before
    site.place = "flip"
    site.primary.asked.clear()
    outcome = await site.pull()
    assert (outcome.place, outcome.files, site.primary.asked) == ("flip", 0, [])
    assert site.current == site.primary.revision


# --- sudden shrink --------------------------------------------------------------------------------------------------


def wipe(primary):
    for path in list(primary.home.groups.iterdir()):
        (path / "group.toml").unlink()
        path.rmdir()


async def test_a_wiped_primary_is_staged_and_never_current(site):
    await site.pull()
    before = site.current
    wipe(site.primary)
    outcome = await site.pull()
    assert isinstance(outcome, StagedShrink)
    assert (outcome.before, outcome.after, len(outcome.removed)) == (30, 0, 30)
    assert site.current == before
    site.restart()
    assert isinstance(await site.pull(full=True), StagedShrink)
    assert site.current == before


async def test_even_when_the_current_record_is_lost_a_wiped_primary_does_not_become_current(site):
    await site.pull()
    site.primary.group("Group 3", ["More"])
    await site.pull()
    (site.folder / "current/MANIFEST.json").write_text("damage")
    wipe(site.primary)
    assert isinstance(await site.pull(full=True), StagedShrink)


async def test_an_accepted_shrink_becomes_current_and_what_it_replaces_is_kept_as_a_zip(site):
    first = await site.pull()
    wipe(site.primary)
    await site.pull()
    site.primary.asked.clear()
    outcome = await site.pull(accept_shrink=True)
    assert isinstance(outcome, Verified)
    assert site.primary.asked == []
    assert (outcome.monitors, site.current) == (0, site.primary.revision)
    assert [(row.kind, row.revision, row.monitors) for row in history.list_history(site.folder)] == [
        ("shrink", first.revision, 30)
    ]
    assert read_staged(site.folder) is None


async def test_a_yes_covers_what_was_shown_and_not_what_went_since(site):
    await site.pull()
    before = site.current
    site.primary.group("Group 0", [])
    assert isinstance(await site.pull(), StagedShrink)
    wipe(site.primary)
    outcome = await site.pull(accept_shrink=True)
    assert isinstance(outcome, StagedShrink)
    assert len(outcome.removed) == 30
    assert site.current == before
    assert isinstance(await site.pull(accept_shrink=True), Verified)


async def test_a_yes_without_anything_staged_covers_what_is_there(site):
    await site.pull()
    wipe(site.primary)
    assert isinstance(await site.pull(accept_shrink=True), Verified)


async def test_a_shrink_unchanged_for_24_hours_becomes_current(site):
    await site.pull()
    wipe(site.primary)
    first = await site.pull()
    assert first.remaining_s == pytest.approx(WAIT_S)
    site.clock.ahead += WAIT_S - 60
    again = await site.pull()
    assert isinstance(again, StagedShrink)
    assert 0 < again.remaining_s <= 60
    site.clock.ahead += 61
    assert isinstance(await site.pull(), Verified)


async def test_another_shrink_waits_24_hours_of_its_own(site):
    await site.pull()
    wipe(site.primary)
    await site.pull()
    site.clock.ahead += WAIT_S - 60
    site.primary.group("Group 0", ["Only one"])
    assert (await site.pull()).remaining_s == pytest.approx(WAIT_S)


async def test_a_step_of_the_wall_clock_accepts_nothing(site):
    await site.pull()
    wipe(site.primary)
    await site.pull()
    site.clock.step += 10 * WAIT_S
    assert isinstance(await site.pull(), StagedShrink)


async def test_after_a_restart_the_earlier_of_remaining_time_and_wall_end_counts(site):
    await site.pull()
    wipe(site.primary)
    await site.pull()
    site.clock.ahead += WAIT_S / 2
    await site.pull()
    site.restart()
    assert (await site.pull()).remaining_s == pytest.approx(WAIT_S / 2, abs=60)
    site.clock.ahead += WAIT_S / 2 + 60
    assert isinstance(await site.pull(), Verified)


async def test_a_primary_that_gets_its_monitors_back_ends_the_wait(site):
    await site.pull()
    kept = {path: path.read_bytes() for path in site.primary.home.groups.rglob("group.toml")}
    wipe(site.primary)
    await site.pull()
    for path, data in kept.items():
        site.primary.write(path.relative_to(site.primary.home.root), data)
    assert isinstance(await site.pull(), Unchanged)
    assert read_staged(site.folder) is None
    assert list((site.folder / "staging").iterdir()) == []


async def test_a_small_loss_is_no_shrink(site):
    await site.pull()
    site.primary.group("Group 0", [f"Monitor {n}" for n in range(4)])
    assert isinstance(await site.pull(), Verified)


async def test_renamed_monitors_and_new_ids_are_no_loss():
    before = [("1", "A/x"), ("2", "A/y"), ("3", "A/z")]
    assert removed_monitors(before, [("1", "B/x"), ("9", "A/y")]) == ("A/z",)


@pytest.mark.parametrize(
    ("before", "removed", "sudden"),
    [(4, 4, False), (5, 5, True), (25, 5, False), (24, 5, True), (100, 20, False), (100, 21, True), (0, 0, False)],
)
async def test_more_than_a_fifth_and_at_least_five_is_a_sudden_shrink(before, removed, sudden):
    assert is_sudden_shrink(before, removed) is sudden


async def test_the_stored_manifest_is_the_primarys(site):
    outcome = await site.pull()
    assert outcome.generation.record.manifest == decode(encode(site.primary.builder.build()), WireManifest)
