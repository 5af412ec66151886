"""The reference pages say what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from sitescope_fo.monitors.registry import Registry
from sitescope_fo.store.config_toml import FIELDS, node_config_text, parse_node_config
from sitescope_fo.store.ha_config import parse_ha_config
from sitescope_fo.store.home import Home
from sitescope_fo.store.tree import load_tree
from tests.store.book import Ids

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"```toml\n# (\S[^\n]*\.toml)\n(.*?)```", PAGE, re.DOTALL))


def test_the_examples_of_the_configuration_page_load_together(tmp_path):
    for name, text in EXAMPLES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "groups/Network").mkdir()
    gateway = '[[monitor]]\ntype = "ping"\nname = "Gateway ping"\nsettings = { host = "192.0.2.1" }\n'
    (tmp_path / "groups/Network/group.toml").write_text(gateway)
    tree = load_tree(tmp_path, Registry(()), None, new_id=Ids(), write_ids=False)
    assert {m.path for m in tree.monitors} == {"Network/Gateway ping", "Web shop/Home page"}
    assert (len(tree.schedules), len(tree.mail.servers), len(tree.warnings)) == (3, 2, 0)
    profile = parse_ha_config(EXAMPLES["high_availability/ha.config.toml"].encode()).profiles[0]
    assert profile.timing.activate_after_s == 20.0


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_of_config_toml_is_on_the_page_with_its_default(field):
    row = re.search(rf"^\| `{re.escape(field.name)}` \| ([^|]*) \|", PAGE, re.MULTILINE)
    assert row is not None
    default = re.search(rf"^{field.key} = (.*)$", node_config_text(parse_node_config(b"")), re.MULTILINE)
    assert f"`{default[1]}`" in row[1]


def test_every_key_of_a_group_file_is_on_the_page():
    keys = set(re.findall(r"`([a-z_]+)`", PAGE))
    example = tomllib.loads(EXAMPLES["groups/Web shop/group.toml"])
    written = {*example["group"], *example["monitor"][0], *example["alert"][0]}
    assert written <= keys
    assert {"recovery", "description", "depends_condition", "good_if", "verify_error"} <= keys


def test_every_folder_of_a_home_is_on_the_files_page():
    page = (DOCS / "files.md").read_text("utf-8")
    home = Home(Path("/SiteScope"))
    for folder in home.folders:
        assert f"{folder.name}/" in page
