"""Manifests in parts: what is put together from what differs is the other's manifest, or is refused."""

import hashlib
import io
import tarfile

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from sitescope_fo.mirror.bundle import pack, unpack
from sitescope_fo.mirror.parts import combine, differing, digest_of_skipped, entries_of, part_of, parts_of
from sitescope_fo.mirror.rules import MIRRORED_FOLDERS, check_manifest, is_passing, is_plain, name_problem, revision_of
from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import PART_COUNT, EntriesRequest, FileEntry, Manifest, SkippedFile, decode, encode
from sitescope_fo.model.wire import Parts as WireParts


def manifest(contents):
    files = tuple(
        FileEntry(path=f"scripts/{path}", size=size, mode=0o644, sha256=f"{size:064x}") for path, size in sorted(contents.items())
    )
    return Manifest(node_id="n", revision=revision_of(files), files=files)


contents = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 9), max_size=60)


@given(contents, contents)
def test_from_any_base_the_parts_that_differ_make_up_the_other_manifest(ours, theirs):
    base, other = manifest(ours), manifest(theirs)
    parts = decode(encode(parts_of(other)), WireParts)
    wanted = differing(base, parts)
    entries = entries_of(other, EntriesRequest(revision=other.revision, parts=wanted))
    made = combine(base, parts, wanted, entries.files)
    assert made == other
    check_manifest(made, "n")
    assert (wanted == ()) == (ours == theirs)


def test_one_file_more_of_ten_thousand_is_one_part():
    base = manifest({f"{n}": n % 7 for n in range(10_000)})
    other = manifest({f"{n}": n % 7 for n in range(10_001)})
    assert differing(base, parts_of(other)) == (part_of("scripts/10000"),)


def test_every_part_is_used():
    assert {part_of(f"groups/{n}/group.toml") for n in range(10_000)} == set(range(PART_COUNT))


def test_an_entry_of_another_part_is_refused():
    base, other = manifest({"a": 1}), manifest({"a": 2, "b": 1})
    with pytest.raises(Bad) as refusal:
        combine(base, parts_of(other), [part_of("scripts/a")], other.files)
    assert refusal.value.code == "manifest_tampered"


def test_lists_of_skipped_files_are_told_apart():
    one = (SkippedFile(path="scripts/a", why="symlink"),)
    assert digest_of_skipped(one) != digest_of_skipped(())
    assert digest_of_skipped(one) == digest_of_skipped(list(one))


segments = st.text("aZ9_-. #~\\/ü\n", max_size=6) | st.sampled_from(["__pycache__", "x.tmp", "a.swp", "..", "ok"])


@given(st.sampled_from([*MIRRORED_FOLDERS, "certificates"]), st.lists(segments, max_size=35))
def test_a_path_that_is_taken_as_plain_is_one_that_is_mirrored(top, rest):
    path = "/".join([top, *rest])
    if is_plain(path):
        assert name_problem(path) == ""
        assert top in MIRRORED_FOLDERS
        assert not any(is_passing(part) for part in path.split("/"))


def test_ordinary_paths_are_plain():
    for path in ("groups/Web shop/group.toml", "persistence/mail.toml", "scripts/lib/check-2.sh", "templates/mail.txt"):
        assert is_plain(path)


ALPHA = b"alpha"
FILES = tuple(
    (FileEntry(path=path, size=len(ALPHA), mode=mode, sha256=hashlib.sha256(ALPHA).hexdigest()), ALPHA)
    for path, mode in (("groups/a/group.toml", 0o600), ("scripts/" + "n" * 92, 0o755), ("scripts/" + "n" * 93, 0o755))
)


def test_a_bundle_is_a_tar_that_anything_reads():
    with tarfile.open(fileobj=io.BytesIO(pack(FILES)), mode="r:") as tar:
        read = [(member.name, member.mode, tar.extractfile(member).read()) for member in tar]
    assert read == [(entry.path, entry.mode, data) for entry, data in FILES]


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_bundle_in_any_kind_of_tar_and_any_order_is_taken(kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
        for entry, data in reversed(FILES):
            member = tarfile.TarInfo(entry.path)
            member.size, member.mode, member.mtime = entry.size, entry.mode, 1_700_000_000
            tar.addfile(member, io.BytesIO(data))
    key = msgspec.json.encode
    assert sorted(unpack(out.getvalue(), [entry for entry, _ in FILES]), key=key) == sorted(FILES, key=key)
