"""Profiles and peers: what may be set up, and with which words the rest is refused."""

import pytest
from msgspec.structs import replace

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import PRESETS, HaConfig, NodeConfig, Peer
from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.model.schedule import Moment, Schedule
from sitescope_fo.model.status import Role
from sitescope_fo.node import ha_commands
from sitescope_fo.node.peer_api import take_announcement

EMPTY = HaConfig(node_id="failover-1")


def add(ha=EMPTY, schedules=(), **fields):
    body = commands.ProfileAdd(**{"name": "prod", "primary_host": "db1.example", **fields})
    return ha_commands.with_profile(ha, ha_commands.new_profile(ha, body, f"id-{body.name}", schedules))


def edit(ha, changes, schedules=(), name="prod"):
    return ha_commands.edited_profile(ha, commands.ProfileEdit(name=name, changes=changes), schedules)


def test_a_default_profile_is_the_guides():
    [profile] = add().profiles
    timing = profile.timing
    assert (timing.activate_after_s, timing.mirror_every_s, profile.backups, profile.merge_back) == (180, 14400, 2, False)
    assert (profile.primary_port, add(tls=True).profiles[0].primary_port) == (8080, 8443)


@pytest.mark.parametrize(
    ("fields", "code", "kind"),
    [
        ({"name": ""}, "bad_name", Usage),
        ({"name": " prod"}, "bad_name", Usage),
        ({"name": "a/b"}, "bad_name", Usage),
        ({"name": "a:b"}, "bad_name", Usage),
        ({"name": "a\nb"}, "bad_name", Usage),
        ({"name": "x" * 101}, "bad_name", Usage),
        ({"preset": "slow"}, "bad_preset", Usage),
        ({"self_targets": "skp"}, "usage", Usage),
        ({"primary_host": ""}, "bad_host", Usage),
        ({"primary_host": "a b"}, "bad_host", Usage),
        ({"primary_host": "http://h"}, "bad_host", Usage),
        ({"primary_port": 70000}, "bad_port", Usage),
        ({"backups": 0}, "bad_backups", Usage),
        ({"activate_after_s": 10.0}, "bad_timing", Usage),
        ({"hard_timeout_s": 200.0}, "bad_timing", Usage),
        ({"misses": 0}, "bad_timing", Usage),
        ({"check_schedule": "nights"}, "not_found", Usage),
        ({"mirror_schedule": "nights"}, "not_found", Usage),
    ],
)
def test_nonsense_is_refused_with_what_where_and_hint(fields, code, kind):
    with pytest.raises(kind) as caught:
        add(**fields)
    error = caught.value
    assert (error.code, bool(error.what), bool(error.where), bool(error.hint)) == (code, True, True, True)


def test_a_broken_rule_is_named_with_its_figures():
    with pytest.raises(Usage, match=r"activate_after \(10s\) must be at least misses x check_every \+ soft time-out \(50s\)"):
        add(activate_after_s=10.0)


def test_a_schedule_of_moments_is_nothing_to_watch_by():
    moments = Schedule(name="nightly", kind="absolute", moments=(Moment(day="mon", minute=60),))
    with pytest.raises(Usage, match="absolute schedule") as caught:
        add(schedules=(moments,), check_schedule="nightly")
    assert caught.value.code == "wrong_schedule"
    assert add(schedules=(moments,), mirror_schedule="nightly").profiles[0].mirror_schedule == "nightly"


def test_a_second_profile_of_the_name_or_for_the_primary_is_a_conflict():
    ha = add()
    with pytest.raises(Conflict) as caught:
        add(ha, name="PROD", primary_host="other")
    assert caught.value.code == "duplicate_name"
    with pytest.raises(Conflict) as caught:
        add(ha, name="two", primary_host="DB1.example")
    assert caught.value.code == "duplicate_primary"
    assert len(add(ha, name="two", primary_host="db2.example").profiles) == 2


def test_an_edit_changes_only_what_it_names():
    ha = add()
    changed = edit(ha, {"activate_after_s": 240.0, "notify": ["a@example.org"], "self_targets": "skip"})
    assert changed == replace(
        ha.profiles[0],
        timing=replace(ha.profiles[0].timing, activate_after_s=240.0),
        notify=("a@example.org",),
        self_targets=ha_commands.SelfTargets.skip,
    )


def test_a_new_preset_replaces_the_times_of_the_old_one_and_keeps_set_ones():
    ha = add(stable_for_s=77.0)
    changed = edit(ha, {"preset": "lan"})
    assert changed.timing == replace(PRESETS["lan"], stable_for_s=77.0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"colour": "red"}, "unknown_setting"),
        ({"name": "other"}, "unknown_setting"),
        ({"node_id": "x"}, "unknown_setting"),
        ({"backups": "two"}, "bad_value"),
        ({"tls": "perhaps"}, "bad_value"),
        ({"preset": "slow"}, "bad_preset"),
        ({"activate_after_s": 1.0}, "bad_timing"),
        ({"primary_host": "a b"}, "bad_host"),
    ],
)
def test_a_bad_edit_is_refused(changes, code):
    with pytest.raises(Usage) as caught:
        edit(add(), changes)
    assert caught.value.code == code


def test_an_unknown_profile_is_named_with_the_nearest_one():
    ha = add()
    for call in (ha_commands.find_profile, ha_commands.without_profile):
        with pytest.raises(Usage) as caught:
            call(ha, "prodd")
        assert (caught.value.code, caught.value.hint) == ("not_found", "Did you mean 'prod'?")


def test_mirror_folders_are_given_once_and_stay():
    ha = add()
    ha = add(ha, name="tls", primary_port=8443)
    assert [profile.folder for profile in ha.profiles] == ["db1.example", "db1.example_8443"]
    moved = ha_commands.with_profile(ha, edit(ha, {"primary_host": "db9.example"}))
    assert moved.profiles[0].folder == "db1.example"
    left = ha_commands.without_profile(moved, "prod")
    assert ha_commands.folder_of(left, left.profiles[0]) == "db1.example_8443"


def news(node_id, **fields):
    from sitescope_fo.model import wire

    return wire.Announcement(
        **{
            "node_id": node_id, "host": node_id, "port": 8080, "tls": False, "profile": "prod", "version": "0.1.0",
            "activate_after_s": 15.0, **fields,
        }
    )  # fmt: skip


def test_the_first_failover_is_trusted_and_the_second_waits_and_is_not_accepted_beside_it():
    ha = HaConfig(node_id="primary-1", peers=take_announcement((), news("f1")))
    assert [peer.accepted for peer in ha.peers] == [True]
    ha = replace(ha, peers=take_announcement(ha.peers, news("f2")))
    assert [peer.accepted for peer in ha.peers] == [True, False]
    with pytest.raises(Refused) as caught:
        ha_commands.peer_changed(ha, commands.PeerAccept(node_id="f2"))
    assert (caught.value.code, caught.value.what) == ("second_failover", "A primary has one failover")
    assert "peer remove f1" in caught.value.hint
    ha = ha_commands.peer_changed(ha, commands.PeerRemove(node_id="f1"))
    ha = ha_commands.peer_changed(ha, commands.PeerAccept(node_id="f2"))
    assert [(peer.node_id, peer.accepted) for peer in ha.peers] == [("f2", True)]


def test_an_announcement_again_updates_the_peer_and_keeps_the_yes():
    peers = take_announcement((), news("f1"))
    again = take_announcement(peers, news("f1", host="new", profile="other", activate_after_s=5.0))
    assert [(p.host, p.listed_as, p.activate_after_s, p.accepted) for p in again] == [("new", "other", 5.0, True)]


def test_an_unknown_peer_is_refused():
    with pytest.raises(Usage) as caught:
        ha_commands.peer_changed(HaConfig(node_id="p"), commands.PeerAccept(node_id="f1"))
    assert caught.value.code == "not_found"


def test_a_node_has_one_role():
    for config, ha in (
        (NodeConfig(role=Role.primary), add()),
        (NodeConfig(role=Role.failover), HaConfig(node_id="f", peers=(Peer(node_id="x", host="h", port=1),))),
    ):
        with pytest.raises(ConfigInvalid) as caught:
            ha_commands.refuse_both_roles(config, ha)
        assert (caught.value.code, caught.value.exit_code, len(caught.value.problems)) == ("both_roles", 3, 1)
    ha_commands.refuse_both_roles(NodeConfig(role=Role.failover), add())
