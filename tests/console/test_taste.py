"""What an operator likes is kept, and a typing error in it is told instead of swallowed."""

import pytest

from sitescope_fo.console.taste import Taste, load_taste, taste_file, taste_for
from sitescope_fo.model.errors import ConfigInvalid


def environ(folder):
    return {"XDG_CONFIG_HOME": str(folder)}


def test_nobody_needs_a_file(tmp_path):
    assert load_taste(environ(tmp_path)).theme == "harbour"


def test_what_was_saved_comes_back(tmp_path):
    taste = Taste(theme="daylight", slow=True, keys={"everywhere.help": ("f1", "f2")}, file=str(taste_file(environ(tmp_path))))
    taste.save()
    assert load_taste(environ(tmp_path)).keys == {"everywhere.help": ("f1", "f2")}
    assert load_taste(environ(tmp_path)).theme == "daylight"
    assert load_taste(environ(tmp_path)).slow is True


def test_keys_may_be_written_with_commas(tmp_path):
    taste_file(environ(tmp_path)).parent.mkdir()
    taste_file(environ(tmp_path)).write_text('[keys]\n"everywhere.help" = "f1, f2"\n')
    assert load_taste(environ(tmp_path)).keys == {"everywhere.help": ("f1", "f2")}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("theme = ", "cannot be read"),
        ("themes = 1", "no console setting 'themes'"),
        ('clock = "moon"', "clock"),
        ('[keys]\n"monitors.flter" = "f1"', "no action 'monitors.flter'"),
        ("keys = 1", "keys is a table"),
        ('slow = "yes"', "slow"),
    ],
)
def test_a_wrong_setting_is_told_with_its_file(tmp_path, text, part):
    taste_file(environ(tmp_path)).parent.mkdir()
    taste_file(environ(tmp_path)).write_text(text)
    with pytest.raises(ConfigInvalid) as error:
        load_taste(environ(tmp_path))
    assert part in str(error.value)
    assert "console.toml" in str(error.value)


def test_a_broken_file_stops_no_monitoring_and_is_never_written_over(tmp_path):
    file = taste_file(environ(tmp_path))
    file.parent.mkdir()
    file.write_text("theme = ")
    taste = taste_for(environ(tmp_path))
    taste.save()
    assert "cannot be read" in taste.problem
    assert taste.theme == "harbour"
    assert file.read_text() == "theme = "
