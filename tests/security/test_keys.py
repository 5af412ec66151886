"""Keys, sealed secrets and the passphrase: kept private, opened by whom they should be, by nobody else."""

import hashlib
import json
import stat
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.errors import ConfigInvalid, Refused, Usage
from sitescope_fo.security import sealing
from sitescope_fo.security.keys import Keys, load_keys, new_keys, save_keys
from sitescope_fo.security.passphrase import check_passphrase, derive_root, generate_passphrase
from sitescope_fo.security.secrets import FILE_NAME, TreeSecrets, list_secrets, set_secret
from tests.security.ports import OTHER_ROOT, ROOT


@pytest.fixture
def keys():
    return new_keys().with_root(ROOT)


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "SiteScope"


# ---------------------------------------------------------------- passphrase


@pytest.mark.parametrize("passphrase", ["", "short", "elevenchars", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "with a tab\tinside"])
def test_a_weak_passphrase_is_refused(passphrase):
    with pytest.raises(Usage) as refused:
        check_passphrase(passphrase)
    assert refused.value.code == "passphrase_weak"
    assert not passphrase or passphrase not in str(refused.value)


def test_both_ways_to_type_a_letter_give_the_same_root():
    assert check_passphrase(" cafe\u0301 au lait \n") == check_passphrase("caf\u00e9 au lait")


def test_a_generated_passphrase_has_160_bits_in_readable_groups():
    assert generate_passphrase(lambda size: b"\x00" * size) == "-".join(["aaaa"] * 8)
    made = {generate_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert all(check_passphrase(one) == one and [len(g) for g in one.split("-")] == [4] * 8 for one in made)


def test_the_root_is_the_scrypt_of_the_contract():
    root = derive_root("correct horse battery")
    expected = hashlib.scrypt(b"correct horse battery", salt=b"sitescope-fo lwsso v1", n=2**16, r=8, p=1, maxmem=2**27, dklen=32)
    assert root.secret == expected


def test_scrypt_is_never_on_the_path_of_a_request():
    code = (
        "import json, sys, sitescope_fo.web.app, sitescope_fo.web.server, sitescope_fo.client.peer;"
        "print(json.dumps([m for m in sys.modules if 'passphrase' in m or m.endswith('.scrypt')]))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == []


# ---------------------------------------------------------------- key store


def test_a_key_store_comes_back_as_it_was_saved_and_only_its_owner_may_read_it(tmp_path, keys):
    full = keys.with_root(OTHER_ROOT, keep_previous=True).with_configuration_key(sealing.ConfigurationKey.of(b"k" * 32))
    save_keys(tmp_path / "keys", full)
    assert load_keys(tmp_path / "keys") == full
    assert stat.S_IMODE((tmp_path / "keys" / "keys.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_store_that_others_may_read_is_refused_with_the_remedy(tmp_path, keys):
    save_keys(tmp_path, keys)
    (tmp_path / "keys.toml").chmod(0o640)
    with pytest.raises(ConfigInvalid, match="chmod 600") as refused:
        load_keys(tmp_path)
    assert refused.value.code == "keys_open"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "keys_missing"),
        ("node_key = 3", "keys_unreadable"),
        ("[", "keys_unreadable"),
        ('node_key = "AAAA"', "keys_unreadable"),
    ],
)
def test_a_missing_or_damaged_key_store_says_so(tmp_path, content, code):
    if content is not None:
        (tmp_path / "keys.toml").write_text(content)
        (tmp_path / "keys.toml").chmod(0o600)
    with pytest.raises(ConfigInvalid) as refused:
        load_keys(tmp_path)
    assert refused.value.code == code


def test_a_rotation_keeps_one_previous_root_until_it_is_confirmed(keys):
    rotated = keys.with_root(OTHER_ROOT, keep_previous=True)
    assert [root.id for root in rotated.lwsso] == [OTHER_ROOT.id, ROOT.id]
    assert rotated.without_previous().lwsso == (OTHER_ROOT,)
    assert keys.with_root(OTHER_ROOT).lwsso == (OTHER_ROOT,)
    assert keys.with_root(ROOT, keep_previous=True).lwsso == (ROOT,)


def test_keys_never_show_their_secrets(keys):
    shown = repr(keys.with_configuration_key(sealing.ConfigurationKey.of(b"k" * 32)))
    assert repr(keys.node_key)[2:-1] not in shown
    assert "rrr" not in shown
    assert "kkk" not in shown


# ---------------------------------------------------------------- sealed texts


@given(plain=st.binary(max_size=200))
def test_a_sealed_text_opens_with_its_key_only(plain):
    text = sealing.seal(b"k" * 32, "0" * 16, plain)
    assert sealing.unseal(b"k" * 32, text) == plain
    assert sealing.unseal(b"x" * 32, text) is None
    assert sealing.unseal(b"k" * 32, text.replace("0" * 16, "1" * 16)) is None


@given(text=st.text(max_size=60))
def test_any_other_text_is_not_sealed_and_no_crash(text):
    assert sealing.unseal(b"k" * 32, text) is None
    assert sealing.unseal(b"k" * 32, f"sealed:v1:{'0' * 16}:{text}") is None


# ---------------------------------------------------------------- secrets of a tree


def test_a_secret_is_stored_sealed_and_found_again_by_name(tree, keys):
    set_secret(tree, "smtp", "pa55 wörd", keys)
    assert list_secrets(tree, keys) == ("smtp",)
    assert "pa55" not in (tree / FILE_NAME).read_text()
    assert stat.S_IMODE((tree / FILE_NAME).stat().st_mode) == 0o600
    again = TreeSecrets.read(tree, keys)
    assert again.open("secret:smtp") == "pa55 wörd"
    assert again.open(again.seal("direct")) == "direct"


def test_the_mirror_opens_with_the_passphrase_alone(tree, keys):
    set_secret(tree, "smtp", "hush", keys)
    failover = new_keys().with_root(ROOT)
    opened = TreeSecrets.read(tree, failover)
    assert opened.open("secret:smtp") == "hush"
    assert opened.rewrap(failover) is True  # it would add its own node's seal, in a tree of its own


def test_the_primary_opens_without_any_passphrase(tree):
    keys = new_keys()
    set_secret(tree, "smtp", "hush", keys)
    assert TreeSecrets.read(tree, keys).open("secret:smtp") == "hush"


def test_another_passphrase_opens_nothing_and_says_what_to_do(tree, keys):
    set_secret(tree, "smtp", "hush", keys)
    with pytest.raises(ConfigInvalid, match="lwsso set") as refused:
        TreeSecrets.read(tree, new_keys().with_root(OTHER_ROOT)).open("secret:smtp")
    assert refused.value.code == "secret_unreadable"


def test_a_new_passphrase_changes_the_seals_of_the_key_and_no_secret(tree, keys):
    set_secret(tree, "smtp", "hush", keys)
    before = tomllib.loads((tree / FILE_NAME).read_text())
    secrets = TreeSecrets.read(tree, keys)
    assert secrets.rewrap(secrets.keys.with_root(OTHER_ROOT)) is True
    secrets.write()
    after = tomllib.loads((tree / FILE_NAME).read_text())
    assert after["secrets"] == before["secrets"]
    assert list(after["key"][0]["passphrase"]) == [OTHER_ROOT.id]
    assert after["key"][0]["node"] == before["key"][0]["node"]
    assert TreeSecrets.read(tree, new_keys().with_root(OTHER_ROOT)).open("secret:smtp") == "hush"
    assert TreeSecrets.read(tree, keys).rewrap(secrets.keys) is False


def test_a_failover_keeps_every_configuration_key_it_has_seen(tree, keys):
    set_secret(tree, "smtp", "hush", keys)
    failover = TreeSecrets.read(tree, new_keys().with_root(ROOT)).keys
    later = failover.with_root(OTHER_ROOT)  # a passphrase the old mirror was never sealed with
    assert TreeSecrets.read(tree, later).open("secret:smtp") == "hush"


def test_a_rebuilt_primary_takes_its_own_secrets_over(tree, keys):
    set_secret(tree, "smtp", "hush", keys)
    rebuilt = TreeSecrets.read(tree, new_keys().with_root(ROOT))
    rebuilt.rewrap(rebuilt.keys)
    rebuilt.write()
    alone = Keys(node_key=rebuilt.keys.node_key)
    assert TreeSecrets.read(tree, alone).open("secret:smtp") == "hush"


@pytest.mark.parametrize("value", ["clear text", "secret:unknown", "sealed:v1:cut", ""])
def test_what_is_neither_sealed_nor_known_is_unreadable(tree, keys, value):
    with pytest.raises(ConfigInvalid) as refused:
        TreeSecrets.read(tree, keys).open(value)
    assert refused.value.code == "secret_unreadable"


def test_a_damaged_file_of_secrets_says_so(tree, keys):
    (tree / "persistence").mkdir(parents=True)
    (tree / FILE_NAME).write_text("key = 3")
    with pytest.raises(ConfigInvalid) as refused:
        TreeSecrets.read(tree, keys)
    assert refused.value.code == "secrets_file"


@pytest.mark.parametrize("name", ["", "a b", "-x", "ä", "x" * 65])
def test_a_secret_needs_a_plain_name(tree, keys, name):
    with pytest.raises(Usage):
        set_secret(tree, name, "x", keys)


def test_a_dropped_secret_is_gone(tree, keys):
    secrets = set_secret(tree, "smtp", "hush", keys)
    secrets.drop("smtp")
    secrets.write()
    assert list_secrets(tree, keys) == ()
    with pytest.raises(Refused):
        secrets.drop("smtp")
