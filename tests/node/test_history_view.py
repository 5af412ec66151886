"""The history as people see it, on a running and on a stopped node: bounded, and without a secret."""

import json

import pytest

from sitescope_fo.mirror import tree_diff
from sitescope_fo.mirror.kept_tree import Comparison
from sitescope_fo.mirror.tree_outline import Thing
from sitescope_fo.model import command as commands
from sitescope_fo.node import history_view
from sitescope_fo.node.offline import OfflineDoor
from tests.node.nodes import protected_pair

PASSWORD = "correct horse battery"


@pytest.mark.anyio
async def test_a_snapshot_is_shown_and_compared_on_a_running_and_on_a_stopped_node(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        [row] = await failover.until(lambda: failover.ask("history", name="prod"), "a snapshot")
        shown = await failover.ask("history_show", name="prod", snapshot=row["snapshot"])
        assert (shown["verified"], shown["revision"], shown["counts"]["monitors"]) == (True, row["revision"], 2)
        assert [(one["path"], one["type"]) for one in shown["monitors"]] == [("Web/Home", "port"), ("Web/Shop", "port")]
        assert shown["groups"][0] | {"id": ""} == {"path": "Web", "id": "", "monitors": 2}
        await primary.do(commands.MonitorEdit(path="Web/Home", changes={"frequency": "2h"}))
        await primary.do(commands.MonitorRemove(path="Web/Shop"))
        await primary.do(commands.MailSet(host="mail.example", sender="a@example.org", user="u", password=PASSWORD))

        async def mirrored():
            return failover.node.watches["prod"].keeper.view.revision == primary.node.own.manifest.revision

        await failover.until(mirrored, "the next mirror")
        found = await failover.ask("history_diff", name="prod", a=row["snapshot"])
        told = [(c["kind"], c["change"], c["path"]) for c in found["changes"]]
        assert told == [
            ("monitor", "changed", "Web/Home"), ("monitor", "removed", "Web/Shop"),
            ("mail", "added", "mail"), ("secret", "added", "smtp"),
        ]  # fmt: skip
        assert found["changes"][0]["keys"] == [{"key": "frequency", "old": "1h", "new": "2h"}]
        assert found["counts"]["monitor"] == {"added": 0, "removed": 1, "changed": 1}
        assert (found["same"], found["total"], found["next"]) == (False, 4, None)
        said = json.dumps(found)
        assert "(secret)" in said
        assert "sealed:" not in said
        assert PASSWORD not in said
        page = await failover.ask("history_diff", name="prod", a=row["snapshot"], b="current", offset="1", limit="2")
        assert ([c["path"] for c in page["changes"]], page["next"]) == (["Web/Shop", "mail"], 3)
    door = OfflineDoor(failover.home)
    assert door.query("history_diff", {"name": "prod", "a": row["snapshot"]}) == found
    assert door.query("history_show", {"name": "prod", "snapshot": row["snapshot"]}) == shown


def test_long_values_and_many_keys_are_cut_and_said_to_be():
    keys = {f"k{n:03}": "x" * 1000 for n in range(60)} | {"a": list(range(100)), "b": {"c": 1}, "d": True, "e": 1.5}
    changes = tree_diff.diff((), [Thing(kind="monitor", id="m", path="Web/Home", keys=keys)])
    row = history_view._row(changes[0], Comparison(changes=changes, old_paths={}, new_paths={}))
    assert (len(row["keys"]), row["keys_left_off"]) == (50, 14)
    values = {key["key"]: key["new"] for key in row["keys"]}
    assert (values["a"][-1], len(values["a"])) == ("… 80 more", 21)
    assert (values["b"], values["d"], values["e"]) == ('{"c":1}', True, 1.5)
    assert len(values["k000"]) == history_view.LONGEST_TEXT
