import io
import random
import shutil
import stat
import subprocess
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitescope_fo.model.errors import Bad
from sitescope_fo.store.zips import MANIFEST, extract_zip, verify_zip, write_zip
from tests.store.disks import Died, DyingDisk

WALL = 1_795_341_600.0
NAMES = ["groups/Web/group.toml", "scripts/check.sh", "persistence/mail.toml"]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "SiteScope"
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(f"file {number}\n" * 500)
    (root / NAMES[1]).chmod(0o755)
    return root


@pytest.fixture
def archive(root, tmp_path):
    write_zip(root, NAMES, tmp_path / "a.zip", wall=WALL)
    return tmp_path / "a.zip"


def test_an_archive_unpacks_to_the_same_files_and_modes(root, archive, tmp_path):
    report = extract_zip(archive, tmp_path / "out")
    assert report.sound
    assert [f.path for f in report.files] == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / "out" / name).read_bytes() == (root / name).read_bytes()
    assert stat.S_IMODE((tmp_path / "out" / NAMES[1]).stat().st_mode) == 0o755
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_the_same_files_make_the_same_bytes_in_any_order(root, archive, tmp_path):
    write_zip(root, NAMES[::-1], tmp_path / "b.zip", wall=WALL)
    assert (tmp_path / "b.zip").read_bytes() == archive.read_bytes()


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_plain_unzip_over_a_root_rebuilds_it(root, archive):
    before = {name: (root / name).read_bytes() for name in NAMES}
    shutil.rmtree(root / "groups")
    shutil.rmtree(root / "persistence")
    subprocess.run(["unzip", "-q", "-o", str(archive), "-d", str(root)], check=True)
    assert {name: (root / name).read_bytes() for name in NAMES} == before


def test_an_archive_stopped_at_any_step_is_the_old_or_the_new_one(root, archive, tmp_path):
    old = archive.read_bytes()
    disk = DyingDisk()
    write_zip(root, NAMES[:1], tmp_path / "new.zip", wall=WALL, disk=disk)
    new = (tmp_path / "new.zip").read_bytes()
    for step in range(1, disk.steps + 1):
        for lose in ("", "names", "data"):
            write_zip(root, NAMES, archive, wall=WALL)
            with pytest.raises(Died):
                write_zip(root, NAMES[:1], archive, wall=WALL, disk=DyingDisk(step, lose=lose))
            assert archive.read_bytes() in {old, new}
    assert disk.steps == 4


def test_a_missing_file_or_a_link_stops_the_archive_and_leaves_the_old_one(root, archive):
    old = archive.read_bytes()
    (root / "scripts/link").symlink_to("/etc/passwd")
    for name in ("scripts/gone", "scripts/link", "../outside", "/etc/passwd"):
        with pytest.raises(OSError, match=r"."):
            write_zip(root, [*NAMES, name], archive, wall=WALL)
    assert archive.read_bytes() == old


def hostile(path, members, *, manifest=None):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
        archive.writestr(MANIFEST, manifest if manifest is not None else '{"format": 1, "files": []}')
    return path


@pytest.mark.parametrize(
    ("name", "mode", "word"),
    [
        ("../up", 0o100644, "leaves its folder"),
        ("a/../../up", 0o100644, "leaves its folder"),
        ("/etc/cron.d/x", 0o100644, "relative"),
        ("a\\..\\b", 0o100644, "relative"),
        ("C:/x", 0o100644, "relative"),
        ("a//b", 0o100644, "leaves its folder"),
        ("a\nb", 0o100644, "characters"),
        ("link", 0o120777, "link or a device"),
        ("device", 0o020666, "link or a device"),
    ],
)
def test_a_member_that_reaches_out_is_refused_before_anything_is_written(tmp_path, name, mode, word):
    path = hostile(tmp_path / "evil.zip", [(name, b"/etc/passwd", mode)])
    assert word in verify_zip(path).problems[0]
    with pytest.raises(Bad, match="not sound") as refusal:
        extract_zip(path, tmp_path / "out")
    assert refusal.value.code == "zip_damaged"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused(tmp_path):
    path = hostile(tmp_path / "evil.zip", [("a", b"1", 0o100644), ("a", b"2", 0o100644)])
    assert verify_zip(path).problems == ("'a' is there twice",)


def test_a_file_that_is_also_a_folder_is_refused(tmp_path):
    path = hostile(tmp_path / "evil.zip", [("a", b"1", 0o100644), ("a/b", b"2", 0o100644)])
    assert verify_zip(path).problems == ("'a' is a file and a folder",)


def test_a_bomb_is_refused_by_its_directory_alone(tmp_path):
    path = hostile(tmp_path / "bomb.zip", [("zeros", bytes(40 * 1024**2), 0o100644)])
    assert path.stat().st_size < 100_000
    assert "suspicious size" in verify_zip(path).problems[0]


def test_a_member_that_the_manifest_does_not_know_or_knows_otherwise_is_refused(root, archive, tmp_path):
    manifest = zipfile.ZipFile(archive).read(MANIFEST).decode()
    members = [(name, (root / name).read_bytes(), 0o100644) for name in NAMES]
    extra = hostile(tmp_path / "1.zip", [*members, ("groups/new", b"", 0o100644)], manifest=manifest)
    changed = hostile(tmp_path / "2.zip", [*members[:2], (NAMES[2], b"changed", 0o100644)], manifest=manifest)
    missing = hostile(tmp_path / "3.zip", members[:2], manifest=manifest)
    torn = hostile(tmp_path / "4.zip", members, manifest=manifest[:50])
    words = [verify_zip(p).problems[0] for p in (extra, changed, missing, torn)]
    assert [any(w in text for w in ("not in the", "not what", "missing", "damaged")) for text in words] == [True] * 4


def test_an_archive_of_somebody_else_is_not_taken(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("groups/group.toml", "")
    assert "not made by this product" in verify_zip(tmp_path / "x.zip").problems[0]


def test_every_changed_byte_that_matters_is_noticed(archive, tmp_path):
    """Flips each byte of a real archive: either verification fails, or what unpacks is what the manifest says."""
    good = archive.read_bytes()
    rows = verify_zip(archive).files
    chance = random.Random(7)
    for place in chance.sample(range(len(good)), 150):
        bad = bytearray(good)
        bad[place] ^= 1 << chance.randrange(8)
        archive.write_bytes(bad)
        report = verify_zip(archive)
        if report.sound:
            assert [(f.path, f.sha256) for f in report.files] == [(f.path, f.sha256) for f in rows]
    for cut in range(0, len(good), 97):
        archive.write_bytes(good[:cut])
        assert not verify_zip(archive).sound


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_verification_raise(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(data)
    assert not verify_zip(path).sound


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_mutation_of_a_real_archive_makes_verification_raise(tmp_path_factory, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("groups/a", b"content" * 20)
        archive.writestr(MANIFEST, b'{"files": []}')
    raw = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated.zip"
    path.write_bytes(raw)
    assert not verify_zip(path).sound
