"""What mails say, and that no template of anybody keeps one from leaving."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.notify.built_in import BUILT_IN
from sitescope_fo.notify.errors import TemplateBroken
from sitescope_fo.notify.template_rules import LONGEST_SOURCE, LONGEST_TEXT
from sitescope_fo.notify.templates import SAMPLE_ALERT, SAMPLE_ROLE, STOCK, TemplateSet, preview, read_templates
from sitescope_fo.notify.words import one_line, said_span, said_time, said_value


def sample(name):
    return SAMPLE_ROLE if name == "role" else SAMPLE_ALERT


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_each_built_in_template_has_a_short_subject_and_no_holes(name):
    letter = preview(name)
    assert letter.subject.startswith("[SiteScope] ")
    assert len(letter.subject) < 100
    assert "{{" not in letter.text
    assert "\n\n\n" not in letter.text
    assert max(map(len, letter.text.splitlines())) < 100
    assert letter == preview(name), "the same again"


@pytest.mark.parametrize(
    "fact",
    [
        "Servers/Web/Home page is error since 2026-11-22 10:00:00 UTC",
        "Target:       shop.example",
        "State:        status 503, round trip 1.2 s",
        "Decided by:   status != 200 (status = 503)",
        "Monitored by: failover.example (SiteScope Failover) for prod, term 4",
        "Next: it is checked every 1m.",
        "Alert: mail ops (once after 3)",
    ],
)
def test_an_alert_says_what_where_since_when_why_and_what_comes_next(fact):
    assert fact in preview("alert").text


def test_a_first_result_after_a_failover_names_the_blind_window():
    assert "from 2026-11-22 09:57:00 UTC to 2026-11-22 10:00:00 UTC (3m)" in preview("first_seen").text


def test_an_own_template_replaces_the_built_in_one_of_its_name():
    own = TemplateSet({"alert": "{{ status }} {{ path }}\n\n{% for v in values %}{{ v }};{% endfor %}\n"})
    letter = own.render("alert", SAMPLE_ALERT)
    assert (letter.subject, letter.text) == ("error Servers/Web/Home page", "status = 503;round_trip_time = 1.2;\n")
    assert own.render("role", SAMPLE_ROLE) == STOCK.render("role", SAMPLE_ROLE)
    assert own.problems == ()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{{ nobody }}\n", "nobody"),
        ("{{ path }\n", "cannot be read"),
        ("{% if %}\n", "cannot be read"),
        ("", "subject"),
        ("\n\ntext", ""),
        ("{{ path.__class__ }}\n", "start with _"),
        ("{{ path['__class__'] }}\n", ""),
        ("{{ path.upper() }}\n", "call"),
        ("{{ 9 ** 9 ** 9 }}\n", "pow"),
        ("{{ 'x' * 999999999 }}\n", "mul"),
        ("{{ path ~ path }}\n", "concat"),
        ("{{ '%0999999999d' % 1 }}\n", "mod"),
        ("{{ path | center(99999999) }}\n", "center"),
        ("{% set x = path %}{{ x }}\n", "assign"),
        ("{% for a in values %}{% for b in values %}x{% endfor %}{% endfor %}\n", "nested"),
        ("{% for a in values recursive %}{{ loop(values) }}{% endfor %}\n", ""),
        ("{% include '/etc/passwd' %}\n", "include"),
        ("{% macro m() %}{% endmacro %}x\n", "macro"),
        ("{{ status | length > values }}\n", "sample data"),
        ("x" * (LONGEST_SOURCE + 1), "longer"),
    ],
)
def test_a_template_that_cannot_be_used_is_reported_and_the_built_in_one_is_used(source, what):
    if source != "\n\ntext":  # a subject after empty lines is one
        with pytest.raises(TemplateBroken) as caught:
            preview("alert", source) if source else TemplateSet({"alert": source}) and check(source)
        assert what in str(caught.value)
        own = TemplateSet({"alert": source})
        assert [problem.file for problem in own.problems] == ["templates/mail/alert.txt"]
        assert own.render("alert", SAMPLE_ALERT) == STOCK.render("alert", SAMPLE_ALERT)


def check(source):
    from sitescope_fo.notify.templates import check_template

    return check_template("alert", source)


def test_a_template_that_fails_on_real_data_only_falls_back_and_says_so():
    own = TemplateSet({"alert": "{% if profile == 'prod' %}fine{% else %}{{ oops }}{% endif %}\n"})
    assert own.problems == ()
    from msgspec.structs import replace

    letter = own.render("alert", replace(SAMPLE_ALERT, profile="other"))
    assert "templates/mail/alert.txt could not be used: 'oops' is undefined" in letter.problem
    assert letter.subject == "[SiteScope] ERROR Servers/Web/Home page"


def test_an_unknown_template_is_refused_with_the_known_names():
    with pytest.raises(TemplateBroken) as caught:
        preview("allert", "x")
    assert "alert, first_seen, recovery, role" in caught.value.hint
    assert TemplateSet({"allert": "x"}).problems


def test_the_text_is_bounded():
    own = TemplateSet({"alert": "s\n" + "{% for v in values %}" + "x" * 60_000 + "{% endfor %}"})
    assert len(own.render("alert", SAMPLE_ALERT).text) <= LONGEST_TEXT + 1


@hypothesis_settings(max_examples=60)
@given(st.text(max_size=200))
def test_nothing_in_a_template_does_more_than_fail_to_be_one(source):
    letter = TemplateSet({"alert": source}).render("alert", SAMPLE_ALERT)
    assert letter.subject
    assert "\n" not in letter.subject


def test_own_templates_are_read_from_the_home_and_an_unreadable_one_is_reported(tmp_path):
    folder = tmp_path / "templates" / "mail"
    folder.mkdir(parents=True)
    (folder / "alert.txt").write_text("{{ path }}\n\nx\n", "utf-8")
    (folder / "role.txt").write_bytes(b"\xff\xfe")
    (folder / "other.txt").write_text("not ours")
    found = read_templates(tmp_path)
    assert found == {"alert": "{{ path }}\n\nx\n", "role": ""}
    assert [problem.file for problem in TemplateSet(found).problems] == ["templates/mail/role.txt"]
    assert read_templates(tmp_path / "nowhere") == {}


def test_times_spans_and_values_as_people_read_them():
    assert said_time(1_763_805_600.4) == "2025-11-22 10:00:00 UTC"
    assert said_time(0) == ""
    assert [said_span(s) for s in (0.25, 72.4, 5400)] == ["250ms", "1m12s", "1h30m"]
    assert [said_value(v) for v in (None, True, False, 1, 1.25, 0.00001, "a\nb")] == ["", "yes", "no", "1", "1.25", "0", "a b"]


def test_one_line_has_no_line_breaks_of_any_kind_and_a_length():
    assert one_line("a\r\nBcc: x\x0b\x85\u2028b ") == "a Bcc: x b"
    assert one_line("x" * 900, 10) == "x" * 9 + "…"
