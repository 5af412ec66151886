"""The registry: built-in types, plug-ins good and broken, settings."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.reference import page
from sitescope_fo.monitors.registry import BUILT_IN, Registry
from sitescope_fo.monitors.settings import from_text, settings_problems
from sitescope_fo.monitors.thresholds import check, parse

ROOT = Path(__file__).resolve().parents[2]
BOOK = Registry(plugins=())

SPEC = TypeSpec(
    name="plugged",
    title="Plugged",
    help="",
    settings=(
        SettingSpec(name="word", kind="text", help="A word.", required=True),
        SettingSpec(name="whole", kind="integer", help="", default=3, least=1, most=9),
        SettingSpec(name="real", kind="number", help="", least=0.5),
        SettingSpec(name="wait", kind="duration", help="", default="5s", least=1, most=60),
        SettingSpec(name="yes", kind="flag", help=""),
        SettingSpec(name="colour", kind="choice", help="", choices=("red", "blue")),
        SettingSpec(name="parts", kind="list", help=""),
        SettingSpec(name="key", kind="secret", help=""),
    ),
    values=(ValueSpec(name="v", kind="number", help=""),),
    error_if=("v > 1",),
)


async def run(settings, context):
    raise NotImplementedError


class Point:
    def __init__(self, load, name="plugged"):
        self.name, self.value, self.load = name, f"somewhere:{name}", load


def plugged(module):
    return Registry(plugins=[Point(lambda: module)])


ONE_OF = {"certificate": {"host"}, "process": {"name"}}  # several settings, none of them required, one of them needed


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_type_keeps_its_own_rules(name):
    spec = BOOK.spec(name)
    assert spec.name == name
    assert BOOK.specs[name] is spec
    for expression in (*spec.error_if, *spec.warning_if, *spec.good_if):
        assert check(parse(expression), spec) == ""
    defaults = {setting.name: setting.default for setting in spec.settings if setting.default is not None}
    missing = {setting.name for setting in spec.settings if setting.required} | ONE_OF.get(name, set())
    assert {found for found, _ in BOOK.settings_problems(name, defaults)} == missing
    assert not spec.host_setting or spec.host_setting in {setting.name for setting in spec.settings}


def test_the_no_operation_is_known_and_not_offered():
    assert "noop" in BOOK.specs
    assert "noop" not in {spec.name for spec in BOOK.offered}
    assert len(BOOK.offered) == len(BUILT_IN) - 1


def test_an_unknown_type_is_refused_with_the_nearest_name():
    with pytest.raises(Usage) as caught:
        BOOK.spec("pin")
    assert (caught.value.code, "'ping'" in caught.value.hint) == ("unknown_type", True)


@pytest.mark.parametrize(("word", "meant"), [(word, spec.name) for spec in BOOK.offered for word in spec.other_words])
def test_words_of_other_products_lead_to_the_type_they_mean(word, meant):
    with pytest.raises(Usage) as caught:
        BOOK.spec(word)
    assert caught.value.hint == f"Did you mean '{meant}'?"


def test_no_word_means_two_types():
    words = [word for spec in BOOK.offered for word in (spec.name, *spec.other_words)]
    assert len(words) == len(set(words))


def test_a_plug_in_joins_the_built_in_types():
    book = plugged(SimpleNamespace(SPEC=SPEC, run=run))
    assert book.specs["plugged"] is SPEC
    assert book.problems == ()
    assert book.expression_problem("plugged", "v > 3") == ""
    assert "no value of plugged" in book.expression_problem("plugged", "w > 3")


def explode():
    raise RuntimeError("half installed")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (explode, "RuntimeError: half installed"),
        (lambda: __import__("no_such_module_here"), "ModuleNotFoundError"),
        (lambda: SimpleNamespace(run=run), "no SPEC"),
        (lambda: SimpleNamespace(SPEC=SPEC), "no run function"),
        (lambda: SimpleNamespace(SPEC=BOOK.spec("ping"), run=run), "exists already"),
        (lambda: SimpleNamespace(SPEC=msgspec.structs.replace(SPEC, error_if=("v >",)), run=run), "'v >' is wrong"),
        (lambda: SimpleNamespace(SPEC=msgspec.structs.replace(SPEC, good_if=("w > 1",)), run=run), "'w > 1' is wrong"),
    ],
)  # fmt: skip
def test_a_broken_plug_in_is_reported_and_stops_nothing(load, words):
    good = Point(lambda: SimpleNamespace(SPEC=SPEC, run=run))
    book = Registry(plugins=[Point(load, "broken"), good])
    (problem,) = book.problems
    assert words in problem.what
    assert "'broken'" in problem.what
    assert set(book.specs) == {*BUILT_IN, "plugged"}


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({}, "word", "is missing: A word."),
        ({"word": " "}, "word", "is empty"),
        ({"word": 5}, "word", "must be a text"),
        ({"word": "w", "whole": "3"}, "whole", "must be a whole number"),
        ({"word": "w", "whole": True}, "whole", "must be a whole number"),
        ({"word": "w", "whole": 3.5}, "whole", "must be a whole number"),
        ({"word": "w", "whole": 0}, "whole", "at least 1"),
        ({"word": "w", "whole": 10}, "whole", "at most 9"),
        ({"word": "w", "real": 0.4}, "real", "at least 0.5"),
        ({"word": "w", "real": float("nan")}, "real", "at least 0.5"),
        ({"word": "w", "wait": "5"}, "wait", "is not a duration"),
        ({"word": "w", "wait": 5}, "wait", "must be a duration as text"),
        ({"word": "w", "wait": "2m"}, "wait", "at most 1m"),
        ({"word": "w", "yes": "true"}, "yes", "must be true or false"),
        ({"word": "w", "colour": "green"}, "colour", "none of red, blue"),
        ({"word": "w", "parts": "a"}, "parts", "must be a list"),
        ({"word": "w", "parts": [1]}, "parts", "must be a list of texts"),
        ({"word": "w", "key": 1}, "key", "must be a text"),
        ({"word": "w", "wrod": "x"}, "wrod", "did you mean 'word'?"),
        ({"word": "w", "zzz": "x"}, "zzz", "it has: word, whole"),
        ({"word": "w", "timeout": "0.5ms"}, "timeout", "at least 50ms"),
    ],
)
def test_a_bad_setting_says_what_is_wrong_with_it(settings, name, words):
    ((found, why),) = tuple(settings_problems(SPEC, settings))
    assert found == name
    assert words in why


def test_good_settings_are_no_problem_and_all_bad_ones_are_told_at_once():
    good = {
        "word": "w",
        "whole": 9,
        "real": 1,
        "wait": "1m",
        "yes": False,
        "colour": "red",
        "parts": [],
        "key": "",
        "timeout": "3s",
    }
    assert list(settings_problems(SPEC, good)) == []
    assert [name for name, _ in settings_problems(SPEC, {"whole": 0, "colour": 1, "odd": 1})] == [
        "odd",
        "word",
        "whole",
        "colour",
    ]


def test_prepared_settings_have_defaults_and_seconds():
    book = plugged(SimpleNamespace(SPEC=SPEC, run=run))
    assert book.prepare("plugged", {"word": "w", "timeout": "1m30s"}) == {"word": "w", "whole": 3, "wait": 5.0, "timeout": 90.0}
    assert book.prepare("plugged", {"word": "w", "wait": 7.5})["wait"] == 7.5


@pytest.mark.parametrize(
    ("name", "text", "setting"),
    [
        ("word", "5", "5"),
        ("whole", "5", 5),
        ("real", "2.5", 2.5),
        ("wait", "5s", "5s"),
        ("yes", "No", False),
        ("yes", "true", True),
        ("parts", "-H 'a b' c", ["-H", "a b", "c"]),
        ("parts", "", []),
    ],
)
def test_settings_are_read_from_the_command_line(name, text, setting):
    book = plugged(SimpleNamespace(SPEC=SPEC, run=run))
    assert book.setting_from_text("plugged", name, text) == setting


@pytest.mark.parametrize(("name", "text"), [("whole", "x"), ("real", "x"), ("yes", "maybe"), ("parts", "'open"), ("wrod", "x")])
def test_text_that_is_no_such_setting_is_refused(name, text):
    book = plugged(SimpleNamespace(SPEC=SPEC, run=run))
    with pytest.raises(Usage) as caught:
        book.setting_from_text("plugged", name, text)
    assert caught.value.code == "bad_setting"


ANY = st.one_of(st.text(max_size=10), st.integers(), st.floats(), st.booleans(), st.lists(st.text(max_size=5), max_size=3))
NAMES = st.sampled_from([setting.name for name in BUILT_IN for setting in BOOK.spec(name).settings])


@given(st.sampled_from(BUILT_IN), st.dictionaries(NAMES, ANY, max_size=6))
def test_no_settings_make_the_registry_raise(name, settings):
    problems = BOOK.settings_problems(name, settings)
    assert all(why for _, why in problems)
    if not problems:
        BOOK.prepare(name, settings)


@given(st.text(max_size=20))
def test_no_text_makes_reading_a_setting_do_anything_but_read_or_refuse(text):
    for setting in SPEC.settings:
        try:
            from_text(setting, text)
        except Usage as error:
            assert error.code == "bad_setting"  # noqa: PT017


def test_the_page_of_monitor_types_is_up_to_date():
    written = (ROOT / "docs" / "monitors.md").read_text("utf-8")
    assert written == page(BOOK), "run: python -m sitescope_fo.monitors.reference > docs/monitors.md"


def test_looking_at_types_loads_neither_http_nor_cryptography():
    code = (
        "import sys; from sitescope_fo.monitors.registry import Registry; Registry(plugins=()).specs;"
        "import sitescope_fo.monitors.judge, sitescope_fo.monitors.retarget;"
        "print([name for name in ('httpx', 'httpcore', 'cryptography', 'dns', 'starlette', 'textual') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_signature_changes_with_the_source_of_a_plug_in_and_with_nothing_else(tmp_path, monkeypatch):
    package = tmp_path / "weather_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rules.py").write_text("LEAST = 1\n")
    (package / "kind.py").write_text(
        "from sitescope_fo.model.monitor_type import TypeSpec\n"
        'SPEC = TypeSpec(name="weather", title="Weather", help="", settings=(), values=())\n'
        "async def run(settings, context): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("weather", "weather_plugin.kind", "sitescope_fo.monitors")
    before = Registry(plugins=[point]).signature()
    assert Registry(plugins=[point]).signature() == before
    assert Registry(plugins=[]).signature() != before
    (package / "rules.py").write_text("LEAST = 22\n")
    assert Registry(plugins=[point]).signature() != before
