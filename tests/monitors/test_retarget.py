"""Which monitors watch the primary itself, and what becomes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.retarget import retarget, targets_primary
from sitescope_fo.monitors.target import host_of, with_host

BOOK = Registry(plugins=())
PRIMARY = frozenset({"mon1.example", "MON1", "192.0.2.10", "2001:DB8::10"})


def monitor(type_name, **settings):
    return Monitor(id="m", name="m", path="g/m", type=type_name, settings=settings)


def is_self(one):
    return targets_primary(one, BOOK.spec(one.type), PRIMARY)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "", " ", "SiteScope Server", "sitescope server", "0.0.0.0",
     "x.localhost", "mon1.example", "Mon1.Example", "mon1.example.", "mon1", "192.0.2.10", "2001:db8:0::10", "::ffff:192.0.2.10"],
)  # fmt: skip
def test_a_host_that_is_the_primary_is_recognised_in_every_spelling(host):
    assert is_self(monitor("ping", host=host))


@pytest.mark.parametrize("host", ["web1", "mon1.example.org", "mon10", "192.0.2.100", "128.0.0.1", "2001:db8::1"])
def test_another_host_is_left_alone(host):
    assert not is_self(monitor("port", host=host, port=80))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8080/SiteScope", True),
        ("https://user:pw@MON1.example/health?x=http://web1/", True),
        ("http://[2001:db8::10]:8080/", True),
        ("http://[::1]/", True),
        ("http://web1/?from=mon1.example", False),
        ("http://mon1.example@web1/", False),
        ("https://mon1.example.attacker.test/", False),
    ],
)
def test_the_host_of_an_address_counts_and_nothing_else_in_it(url, expected):
    assert is_self(monitor("url", url=url)) is expected


@pytest.mark.parametrize("name", ["cpu", "memory", "disk", "process", "file", "systemd", "noop"])
def test_types_that_watch_their_own_node_always_count_and_stay_as_they_are(name):
    one = monitor(name)
    assert is_self(one)
    assert retarget(one, BOOK.spec(name), "mon2") is one


def test_a_certificate_in_a_file_is_the_primarys_own_and_names_no_host_to_rewrite():
    one = monitor("certificate", file="/etc/ssl/own.pem")
    assert is_self(one)
    assert retarget(one, BOOK.spec("certificate"), "mon2") is one


@pytest.mark.parametrize(("settings", "own"), [({}, False), ({"server": "system"}, False), ({"server": "web1"}, False),
                                               ({"server": "mon1:5353"}, True), ({"server": "127.0.0.1"}, True)])  # fmt: skip
def test_a_name_asked_of_the_systems_own_resolvers_is_no_question_to_the_primary(settings, own):
    one = monitor("dns", name="www.example", **settings)
    assert is_self(one) is own
    if own:
        moved = retarget(one, BOOK.spec("dns"), "mon2")
        assert moved.settings["server"] == ("mon2:5353" if ":" in settings["server"] else "mon2")


def test_a_certificate_of_the_primary_is_looked_for_on_the_failover():
    moved = retarget(monitor("certificate", host="MON1:8443"), BOOK.spec("certificate"), "mon2")
    assert moved.settings == {"host": "mon2:8443"}


def test_a_script_never_counts():
    assert not is_self(monitor("script", script="x.sh", args=["-H", "mon1.example"]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://mon1.example/", "http://mon2.example/"),
        ("https://u:p%40w@MON1:8443/a/b?c=d#e", "https://u:p%40w@mon2.example:8443/a/b?c=d#e"),
        ("http://[::1]:8080", "http://mon2.example:8080"),
        ("http://192.0.2.10/?next=http://192.0.2.10/", "http://mon2.example/?next=http://192.0.2.10/"),
    ],
)
def test_only_the_host_of_an_address_is_rewritten(before, after):
    one = monitor("url", url=before, match="mon1.example")
    moved = retarget(one, BOOK.spec("url"), "mon2.example")
    assert moved.settings == {"url": after, "match": "mon1.example"}
    assert one.settings["url"] == before
    assert (moved.id, moved.path) == (one.id, one.path)


@pytest.mark.parametrize(
    ("target", "host", "moved"),
    [
        ("mon1", "mon2", "mon2"),
        ("mon1:25", "mon2", "mon2:25"),
        ("[::1]:25", "2001:db8::2", "[2001:db8::2]:25"),
        ("::1", "mon2", "mon2"),
        ("", "mon2", "mon2"),
        ("http://mon1:80/x", "2001:db8::2", "http://[2001:db8::2]:80/x"),
    ],
)
def test_every_form_of_a_target_takes_a_new_host(target, host, moved):
    assert with_host(target, host) == moved


LABELS = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}\.example", fullmatch=True)


@given(LABELS, LABELS, st.sampled_from(["{}", "{}:8080", "http://{}/", "https://u:p@{}:1/x?y={}#z", "http://{}"]))
def test_a_rewritten_target_has_the_new_host(old, new, form):
    target = form.format(old, old)
    assert host_of(target) == old
    assert host_of(with_host(target, new)) == new


@given(st.text(max_size=30))
def test_no_text_breaks_the_question_whose_target_it_is(text):
    assert isinstance(is_self(monitor("url", url=text)), bool)
    assert isinstance(is_self(monitor("ping", host=text)), bool)
