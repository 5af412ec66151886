"""Nothing from the network is believed: manifests and bundles that lie are refused whole."""

import hashlib
import io
import tarfile

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from sitescope_fo.mirror.bundle import batches, pack, unpack
from sitescope_fo.mirror.rules import MAX_FILES, check_manifest, revision_of
from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import FileEntry, Manifest


def entry(path, data=b"x", mode=0o644):
    return FileEntry(path=path, size=len(data), mode=mode, sha256=hashlib.sha256(data).hexdigest())


def manifest(*entries, node="n"):
    return Manifest(node_id=node, revision=revision_of(entries), files=tuple(entries))


@pytest.mark.parametrize(
    "path",
    [
        "config.toml",
        "certificates/server.pem",
        "high_availability/ha.config.toml",
        "groups",
        "/groups/a",
        "groups/../config.toml",
        "groups//a",
        "groups/./a",
        "groups/a/",
        "groups/.hidden/a",
        "scripts/a\x00b",
        "scripts/a\nb",
        "scripts/a\\b",
        "scripts/" + "x" * 256,
        "scripts/" + "/".join("x" * 40),
        "",
    ],
)
def test_a_manifest_with_a_path_that_is_never_mirrored_is_refused(path):
    with pytest.raises(Bad) as refusal:
        check_manifest(manifest(entry(path)), "n")
    assert refusal.value.code == "manifest_tampered"


@pytest.mark.parametrize(
    "change",
    [{"size": -1}, {"size": 2**40}, {"mode": 0o4755}, {"mode": 0}, {"mode": -1}, {"sha256": "x"}, {"sha256": "A" * 64}],
)
def test_a_manifest_with_an_impossible_figure_is_refused(change):
    with pytest.raises(Bad) as refusal:
        check_manifest(manifest(msgspec.structs.replace(entry("groups/a"), **change)), "n")
    assert refusal.value.code in {"manifest_tampered", "mirror_too_large"}


@pytest.mark.parametrize("names", [("b", "a"), ("a", "a"), ("a", "a/b")])
def test_a_manifest_that_is_unsorted_double_or_contradicts_itself_is_refused(names):
    files = tuple(entry(f"groups/{name}") for name in names)
    with pytest.raises(Bad) as refusal:
        check_manifest(Manifest(node_id="n", revision=revision_of(files), files=files), "n")
    assert refusal.value.code == "manifest_tampered"


def test_a_manifest_whose_revision_is_not_that_of_its_files_is_refused():
    lying = msgspec.structs.replace(manifest(entry("groups/a")), files=(entry("groups/a", b"other"),))
    with pytest.raises(Bad, match="revision"):
        check_manifest(lying, "n")


def test_a_manifest_of_another_node_is_refused_with_the_way_out():
    with pytest.raises(Bad, match="rebind") as refusal:
        check_manifest(manifest(node="other"), "n")
    assert refusal.value.code == "manifest_foreign"
    check_manifest(manifest(node="other"), "")


def test_a_manifest_beyond_the_limits_is_refused():
    files = tuple(entry(f"groups/{n:06}") for n in range(MAX_FILES + 1))
    with pytest.raises(Bad) as refusal:
        check_manifest(Manifest(node_id="n", revision="", files=files), "n")
    assert refusal.value.code == "mirror_too_large"


FILES = (entry("groups/a", b"alpha"), entry("scripts/ü.sh", b"beta" * 300, 0o755), entry("templates/" + "n" * 200, b""))
CONTENT = (b"alpha", b"beta" * 300, b"")


def good():
    return pack(zip(FILES, CONTENT, strict=True))


def test_a_good_bundle_gives_every_file_with_its_content():
    assert list(unpack(good(), FILES)) == list(zip(FILES, CONTENT, strict=True))


def test_the_same_files_make_the_same_bundle():
    assert good() == good()


def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(path, data=b"alpha", mode=0o644, **fields):
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), mode
    for name, value in fields.items():
        setattr(info, name, value)
    return info, data


LIES = {
    "another path": member("groups/b"),
    "traversal": member("../../etc/passwd"),
    "absolute": member("/groups/a"),
    "a link": member("groups/a", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": member("groups/a", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "a device": member("groups/a", b"", type=tarfile.CHRTYPE),
    "a folder": member("groups/a", b"", type=tarfile.DIRTYPE),
    "other content": member("groups/a", b"ALPHA"),
    "another size": member("groups/a", b"alph"),
    "another mode": member("groups/a", mode=0o4755),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_bundle_with_a_lying_member_is_refused(lie):
    with pytest.raises(Bad) as refusal:
        list(unpack(tar(lie), FILES[:1]))
    assert refusal.value.code == "bundle_tampered"


def test_a_bundle_with_a_member_twice_is_refused():
    with pytest.raises(Bad) as refusal:
        list(unpack(tar(member("groups/a"), member("groups/a")), FILES[:1]))
    assert refusal.value.code == "bundle_tampered"


def test_a_bundle_that_lacks_a_file_is_refused():
    with pytest.raises(Bad) as refusal:
        list(unpack(tar(member("groups/a")), FILES))
    assert refusal.value.code == "bundle_short"


def test_a_bundle_larger_than_what_was_asked_for_is_refused_unread():
    with pytest.raises(Bad) as refusal:
        list(unpack(bytes(10**6), FILES))
    assert refusal.value.code == "bundle_tampered"


def test_a_bundle_cut_anywhere_is_refused():
    whole = good()
    padding = len(whole) - len(whole.rstrip(b"\0"))
    for length in range(0, len(whole) - padding - 512, 97):
        with pytest.raises(Bad):
            list(unpack(whole[:length], FILES))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_bundle_with_flipped_bytes_is_refused_or_still_gives_exactly_the_files(flips):
    data = bytearray(good())
    for place, value in flips:
        data[place % len(data)] = value
    try:
        got = list(unpack(bytes(data), FILES))
    except Bad:
        return
    assert sorted((e.path, c) for e, c in got) == sorted((e.path, c) for e, c in zip(FILES, CONTENT, strict=True))


@given(st.binary(max_size=3000))
def test_any_bytes_at_all_are_refused_as_a_bundle(data):
    with pytest.raises(Bad):
        list(unpack(data, FILES))


def test_a_chain_of_headers_is_refused_and_ends():
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "y"}
    header = info.tobuf(tarfile.PAX_FORMAT)[:1024]
    with pytest.raises(Bad) as refusal:
        list(unpack(header * 2000, (entry("groups/a", bytes(3 * 10**6)),)))
    assert refusal.value.code == "bundle_torn"


def test_requests_stay_below_8_mib_but_for_one_large_file_and_keep_the_order():
    mib = 1024**2
    sizes = [10, 4 * mib, 3 * mib, 1 * mib, 32 * mib, 5]
    files = [FileEntry(path=f"scripts/{n}", size=size, mode=0o644, sha256="") for n, size in enumerate(sizes)]
    cut = list(batches(files))
    assert [e for batch in cut for e in batch] == files
    assert all(len(batch) == 1 or sum(e.size for e in batch) <= 8 * mib for batch in cut)
    assert len(cut) == 4
    assert list(batches([])) == []
