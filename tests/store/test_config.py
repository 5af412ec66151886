import msgspec
import pytest

from sitescope_fo.model.config import PRESETS, HaConfig, NodeConfig, Peer, Profile, SelfTargets
from sitescope_fo.model.errors import ConfigInvalid, Usage
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import (
    FIELDS,
    check_node_value,
    load_ha_config,
    load_node_config,
    node_config_text,
    parse_node_config,
    save_ha_config,
    set_node_value,
    show_value,
)
from sitescope_fo.store.ha_config import ha_config_text, parse_ha_config
from sitescope_fo.store.home import Home


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    home.high_availability.mkdir()
    home.config.write_text("# ours\n" + node_config_text(NodeConfig()))
    home.ha_config.write_text(ha_config_text(HaConfig(node_id="n")))
    return home


def problems_of(error):
    return [(p.line, p.path, p.hint) for p in error.value.problems]


def test_every_setting_has_a_line_in_the_file_and_a_field_in_the_model(home):
    assert sorted(f.field for f in FIELDS) == sorted(NodeConfig.__struct_fields__)
    lines = home.config.read_text().splitlines()
    assert all(any(line.startswith(f"{f.key} = ") for line in lines) for f in FIELDS)


def test_the_documented_default_and_an_empty_file_are_the_defaults_of_the_model(home):
    assert load_node_config(home) == parse_node_config(b"") == NodeConfig()


def test_any_settings_come_back_from_their_text():
    config = NodeConfig(
        role=Role.failover,
        host="prod.example",
        bind=("::1",),
        port=1,
        tls=True,
        allow_plain=True,
        logs_keep_s=86400.0,
        logs_max_bytes=1024**2 * 3,
        max_checks=1,
        max_checks_per_host=2,
        ramp_per_s=1.5,
        boot_check_s=0.0,
        goodbye_s=0.5,
        clock_skew_s=900.0,
        watch_files_s=0.2,
    )
    assert parse_node_config(node_config_text(config).encode()) == config


def test_all_problems_of_config_toml_come_at_once():
    text = (
        '[node]\nrole = "primry"\n[web]\nport = 99999\ntsl = true\nbind = []\n[logs]\nkeep = "1h"\nmax_size = "lots"\n[pears]\n'
        '[pair]\nclock_skew = "16m"\n[checks]\nmax = true\n'
    )
    with pytest.raises(ConfigInvalid) as found:
        parse_node_config(text.encode())
    assert problems_of(found) == [
        (2, "node.role", "Did you mean 'primary'?"),
        (4, "web.port", ""),
        (5, "web.tsl", "Did you mean 'tls'?"),
        (6, "web.bind", 'All addresses are ["0.0.0.0", "::"]'),
        (8, "logs.keep", ""),
        (9, "logs.max_size", "Write it like 500MiB or 2GiB"),
        (10, "pears", "Did you mean 'pair'?"),
        (12, "pair.clock_skew", ""),
        (14, "checks.max", ""),
    ]


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("web.port", "9001", "port = 9001"),
        ("port", "9001", "port = 9001"),
        ("tls", "yes", "tls = true"),
        ("bind", "127.0.0.1, ::1", 'bind = ["127.0.0.1", "::1"]'),
        ("logs.keep", "3d", 'keep = "3d"'),
        ("boot_check", "off", 'boot_check = "off"'),
        ("ramp", "7.5", "ramp = 7.5"),
        ("host", "prod.example", 'host = "prod.example"'),
    ],
)
def test_a_setting_changes_one_line_and_keeps_every_comment(home, key, text, line):
    before = home.config.read_text().splitlines()
    field = set_node_value(home, key, text)
    after = home.config.read_text().splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [b for _, b in changed] == [line]
    assert field.name.endswith(key)


@pytest.mark.parametrize(("key", "text"), [("port", "none"), ("tls", "maybe"), ("keep", "0s"), ("bind", ""), ("host", "a b")])
def test_a_bad_value_is_refused_and_the_file_left_alone(home, key, text):
    before = home.config.read_bytes()
    with pytest.raises(ConfigInvalid):
        set_node_value(home, key, text)
    assert home.config.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "text"), [("web.port", "80000"), ("logs.keep", "1h"), ("web.bind", ""), ("console.on_hangup", "x")]
)
def test_a_value_is_judged_without_a_file(key, text):
    with pytest.raises(ConfigInvalid) as error:
        check_node_value(key, text)
    assert error.value.problems[0].path.endswith(key.partition(".")[2])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_default_of_every_setting_is_in_its_range(field):
    shown = show_value(NodeConfig(), field)
    text = ",".join(shown) if isinstance(shown, list) else str(shown)
    check_node_value(field.name, text)
    assert not field.kind.choices or text.lower() in field.kind.choices


def test_an_unknown_or_ambiguous_setting_is_refused_with_the_nearest(home):
    for key, hint in (("web.prot", "web.port"), ("nonsense", "config show")):
        with pytest.raises(Usage) as refusal:
            set_node_value(home, key, "1")
        assert refusal.value.code == "not_found"
        assert hint in refusal.value.hint


FULL = HaConfig(
    node_id="n",
    failover_host="standby.example",
    notify=("ops@example.org",),
    profiles=(
        Profile(id="p1", name="prod", primary_host="a"),
        Profile(
            id="p2",
            name='lab "2"',
            primary_host="b",
            primary_port=9,
            tls=True,
            node_id="x",
            preset="fast",
            timing=msgspec.structs.replace(PRESETS["fast"], activate_after_s=7.25, misses=4),
            merge_back=True,
            backups=5,
            disable_apm=True,
            self_targets=SelfTargets.skip,
            check_schedule="day",
            mirror_schedule="night",
            notify=("a@b", "c@d"),
            takeover_when_unverifiable_s=3600.0,
        ),
    ),
    peers=(
        Peer(node_id="q", host="h", port=1, tls=True, listed_as="prod", accepted=False, activate_after_s=5.0, merge_back=True),
    ),
)


def test_profiles_and_peers_come_back_as_saved(home):
    save_ha_config(home, FULL)
    assert load_ha_config(home) == FULL
    assert 'activate_after = "7s250ms"' in home.ha_config.read_text()
    assert home.ha_config.read_text().count("check_every") == 0


def test_saving_keeps_a_copy_of_what_a_person_noted_in_the_file(home):
    save_ha_config(home, FULL)
    assert not home.edited.exists()
    noted = home.ha_config.read_text() + "# moved on Friday\n"
    home.ha_config.write_text(noted)
    save_ha_config(home, HaConfig(node_id="n"))
    (copy,) = home.edited.iterdir()
    assert copy.read_text() == noted


def test_all_problems_of_ha_config_come_at_once():
    text = (
        "notify = 1\n"
        '[[profile]]\nid = "p"\nname = "prod"\nprimary_host = "a"\npreset = "fst"\n'
        '[[profile]]\nid = "p"\nname = "PROD"\nprimary_hots = "a"\nactivate_after = "20s"\n'
        '[[peer]]\nnode_id = "q"\nhost = "h"\nport = 0\n'
    )
    with pytest.raises(ConfigInvalid) as found:
        parse_ha_config(text.encode())
    assert [(line, path) for line, path, _ in problems_of(found)] == [
        (0, ""),
        (1, "notify"),
        (6, "profile[0].preset"),
        (7, "profile[1]"),
        (7, "profile[1]"),
        (7, "profile[1]"),
        (8, "profile[1].id"),
        (9, "profile[1].name"),
        (10, "profile[1].primary_hots"),
        (15, "peer[0].port"),
    ]
    whats = [p.what for p in found.value.problems]
    assert "activate_after (20s) must be at least misses x check_every + soft time-out (50s)" in whats
    assert "'primary_host' is missing" in whats


def test_a_config_that_would_not_load_is_not_saved(home):
    before = home.ha_config.read_bytes()
    with pytest.raises(ConfigInvalid):
        save_ha_config(home, HaConfig(node_id="n", profiles=(Profile(id="p", name="a/b", primary_host="h"),)))
    assert home.ha_config.read_bytes() == before
