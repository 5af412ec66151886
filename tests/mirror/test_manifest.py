"""What a primary offers: exactly its configuration, hashed only when it changed, never a mix of two states."""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from sitescope_fo.mirror.bundle import unpack
from sitescope_fo.mirror.manifest import ManifestBuilder
from sitescope_fo.mirror.rules import MAX_FILE_BYTES, check_manifest, revision_of
from sitescope_fo.model.errors import Refused
from sitescope_fo.model.wire import FilesRequest
from sitescope_fo.store.home import Home
from tests.mirror.primary import NODE, Primary


@pytest.fixture
def primary(tmp_path):
    return Primary(tmp_path).standard()


def paths(manifest):
    return [entry.path for entry in manifest.files]


def skipped(manifest):
    return {skip.path: skip.why for skip in manifest.skipped}


def test_it_lists_groups_persistence_scripts_and_templates_and_nothing_of_the_node_itself(primary):
    for path in (
        "config.toml",
        "high_availability/ha.config.toml",
        "high_availability/keys/node.key",
        "certificates/server.pem",
        "licence/licence.txt",
        "logs/error.log",
        "run/lock",
    ):
        primary.write(path, "secret")
    assert paths(primary.builder.build()) == [
        "groups/Group 0/group.toml",
        "groups/Group 1/group.toml",
        "groups/Group 2/group.toml",
        "persistence/preferences.toml",
        "scripts/check.sh",
        "templates/mail.txt",
    ]


def test_a_manifest_is_one_that_a_failover_believes(primary):
    manifest = primary.builder.build()
    check_manifest(manifest, NODE)
    script = next(entry for entry in manifest.files if entry.path == "scripts/check.sh")
    assert (script.mode, script.size) == (0o755, 17)


def test_the_revision_depends_on_content_names_and_modes_and_on_nothing_else(primary, tmp_path):
    first = primary.revision
    os.utime(primary.home.scripts / "check.sh", (1, 1))
    assert primary.revision == first
    assert ManifestBuilder(primary.home, "other").build().revision == first
    (primary.home.scripts / "check.sh").chmod(0o700)
    assert primary.revision != first
    (primary.home.scripts / "check.sh").chmod(0o755)
    (primary.home.templates / "mail.txt").rename(primary.home.templates / "post.txt")
    assert primary.revision != first
    (primary.home.templates / "post.txt").rename(primary.home.templates / "mail.txt")
    primary.write("groups/Group 0/group.toml", "x")
    assert primary.revision != first


def test_links_special_files_and_oversize_ones_are_left_out_and_listed(primary):
    (primary.home.scripts / "link.sh").symlink_to("check.sh")
    (primary.home.scripts / "elsewhere").symlink_to("/etc")
    os.mkfifo(primary.home.scripts / "pipe")
    with (primary.home.scripts / "huge").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    manifest = primary.builder.build()
    assert skipped(manifest) == {
        "scripts/link.sh": "symlink",
        "scripts/elsewhere": "symlink",
        "scripts/pipe": "special file",
        "scripts/huge": "larger than 32 MiB",
    }
    assert not set(skipped(manifest)) & set(paths(manifest))


def test_a_mirrored_folder_that_is_itself_a_link_is_listed(primary, tmp_path):
    shutil.move(primary.home.scripts, tmp_path / "moved")
    primary.home.scripts.symlink_to(tmp_path / "moved")
    assert skipped(primary.builder.build()) == {"scripts": "symlink"}


def test_unicode_names_travel_and_names_that_are_no_utf_8_are_listed(primary):
    primary.write("groups/Gebäude ä 東京/group.toml", "x")
    (Path(os.fsdecode(os.fsencode(primary.home.scripts) + b"/caf\xe9.sh"))).write_text("x")
    primary.write("scripts/two\nlines", "x")
    primary.write("scripts/back\\slash", "x")
    manifest = primary.builder.build()
    assert "groups/Gebäude ä 東京/group.toml" in paths(manifest)
    assert skipped(manifest) == {
        "scripts/caf\\xe9.sh": "bad name",
        "scripts/two\nlines": "bad name",
        "scripts/back\\slash": "bad name",
    }
    check_manifest(manifest, NODE)


def test_hidden_and_temporary_files_are_nobodys_configuration(primary):
    before = primary.revision
    for name in (".mail.txt.swp", ".12-3.tmp", "mail.txt~", "#mail.txt#", "x.tmp", "__pycache__/m.pyc"):
        primary.write(f"templates/{name}", "x")
    manifest = primary.builder.build()
    assert manifest.revision == before
    assert manifest.skipped == ()


def test_unreadable_files_are_left_out_and_listed():
    folder = Path(tempfile.mkdtemp())
    try:
        primary = Primary(folder).standard(groups=1)
        for place, _, names in os.walk(folder):
            Path(place).chmod(0o755)
            for name in names:
                Path(place, name).chmod(0o644)
        (primary.home.scripts / "check.sh").chmod(0)
        (primary.home.groups / "Group 0").chmod(0)
        as_root = os.geteuid() == 0
        if as_root:
            os.seteuid(65534)
        try:
            manifest = primary.builder.build()
        finally:
            if as_root:
                os.seteuid(0)
        assert skipped(manifest) == {"scripts/check.sh": "unreadable", "groups/Group 0": "unreadable"}
        assert paths(manifest) == ["persistence/preferences.toml", "templates/mail.txt"]
    finally:
        (folder / "SiteScope/groups/Group 0").chmod(0o755)
        shutil.rmtree(folder)


def test_only_what_changed_is_hashed_again(primary):
    primary.builder.build()
    primary.builder.build()
    settled = primary.builder.hashed
    primary.builder.build()
    assert primary.builder.hashed == settled
    primary.group("Group 1", ["Other"])
    primary.builder.build()
    assert primary.builder.hashed == settled + 1


def test_a_full_build_hashes_everything(primary):
    primary.builder.build()
    primary.builder.build()
    before = primary.builder.hashed
    primary.builder.build(full=True)
    assert primary.builder.hashed == before + 6


def test_the_fingerprint_is_still_while_nothing_changes_and_moves_with_every_change(primary):
    primary.builder.build()
    primary.builder.build()
    still = primary.builder.fingerprint()
    assert primary.builder.fingerprint() == still
    seen = {still}
    (primary.home.scripts / "check.sh").chmod(0o700)
    seen.add(primary.builder.fingerprint())
    primary.write("templates/new.txt", "x")
    seen.add(primary.builder.fingerprint())
    (primary.home.templates / "new.txt").rename(primary.home.templates / "old.txt")
    seen.add(primary.builder.fingerprint())
    (primary.home.templates / "mail.txt").unlink()
    seen.add(primary.builder.fingerprint())
    assert len(seen) == 5


def test_the_fingerprint_asks_for_a_second_look_at_fresh_files(primary):
    primary.builder.build()
    fresh = primary.builder.fingerprint()
    primary.builder.build()
    assert primary.builder.fingerprint() != fresh


def test_a_bundle_holds_exactly_the_files_asked_for_in_manifest_order(primary):
    manifest = primary.builder.build()
    wanted = (manifest.files[0], manifest.files[4])
    data = primary.builder.bundle(FilesRequest(revision=manifest.revision, paths=(wanted[1].path, wanted[0].path)))
    got = list(unpack(data, wanted))
    assert [entry for entry, _ in got] == list(wanted)
    assert got[1][1] == (primary.home.scripts / "check.sh").read_bytes()


def change_content(primary):
    primary.group("Group 0", ["Other"])


def change_mode(primary):
    (primary.home.groups / "Group 0/group.toml").chmod(0o600)


def remove(primary):
    (primary.home.groups / "Group 0/group.toml").unlink()


def add_another(primary):
    primary.write("templates/another.txt", "x")


@pytest.mark.parametrize("edit", [change_content, change_mode, remove])
def test_a_bundle_of_a_revision_that_is_gone_is_refused(primary, edit):
    manifest = primary.builder.build()
    edit(primary)
    with pytest.raises(Refused, match="changed since") as refusal:
        primary.builder.bundle(FilesRequest(revision=manifest.revision, paths=("groups/Group 0/group.toml",)))
    assert refusal.value.code == "revision_gone"
    assert primary.revision != manifest.revision


def test_a_bundle_of_a_revision_never_heard_of_is_refused(primary):
    with pytest.raises(Refused) as refusal:
        primary.builder.bundle(FilesRequest(revision="0" * 64, paths=()))
    assert refusal.value.code == "revision_gone"


@pytest.mark.parametrize("asked", [("config.toml",), ("../secret",), ("scripts/check.sh", "scripts/check.sh")])
def test_a_bundle_of_anything_but_listed_files_is_refused(primary, asked):
    primary.write("config.toml", "secret")
    with pytest.raises(Refused) as refusal:
        primary.builder.bundle(FilesRequest(revision=primary.revision, paths=asked))
    assert refusal.value.code == "unknown_path"


def test_a_bundle_of_more_than_a_request_may_ask_for_is_refused(primary):
    for n in range(3):
        primary.write(f"scripts/big{n}", bytes(12 * 1024**2))
    manifest = primary.builder.build()
    with pytest.raises(Refused) as refusal:
        primary.builder.bundle(FilesRequest(revision=manifest.revision, paths=tuple(paths(manifest))))
    assert refusal.value.code == "bundle_too_large"


def test_a_file_replaced_by_a_link_after_the_manifest_never_leaks_what_it_points_at(primary, tmp_path):
    manifest = primary.builder.build()
    secret = tmp_path / "secret"
    secret.write_bytes((primary.home.scripts / "check.sh").read_bytes())
    (primary.home.scripts / "check.sh").unlink()
    (primary.home.scripts / "check.sh").symlink_to(secret)
    with pytest.raises(Refused):
        primary.builder.bundle(FilesRequest(revision=manifest.revision, paths=("scripts/check.sh",)))


def test_while_files_change_a_bundle_is_refused_or_exactly_what_its_manifest_says(primary):
    target = primary.home.groups / "Group 0/group.toml"
    over = threading.Event()

    def edit():
        n = 0
        while not over.is_set():
            n += 1
            temp = target.with_name(".edit.tmp")
            temp.write_text(f"{n}\n" * 2000)
            temp.rename(target)
            target.write_text(f"torn {n}\n" * 2000)

    editor = threading.Thread(target=edit)
    editor.start()
    given, refused = 0, []
    try:
        while given + len(refused) < 150 or not refused:  # a busy machine may let the editor wait
            manifest = primary.builder.build()
            assert manifest.revision == revision_of(manifest.files)
            try:
                data = primary.builder.bundle(FilesRequest(revision=manifest.revision, paths=tuple(paths(manifest))))
            except Refused as error:
                refused.append(error.code)
            else:
                assert len(list(unpack(data, manifest.files))) == len(manifest.files)
                given += 1
    finally:
        over.set()
        editor.join()
    assert set(refused) == {"revision_gone"}


def test_a_home_without_any_configuration_has_an_empty_manifest(tmp_path):
    manifest = ManifestBuilder(Home(tmp_path / "SiteScope"), NODE).build()
    assert manifest.files == ()
    check_manifest(manifest, NODE)
