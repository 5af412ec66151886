"""Self-targeting monitors: the policy of a profile decides what a mirrored tree does with them."""

from sitescope_fo.mirror.retargeting import mirrored_tree
from sitescope_fo.model.config import SelfTargets, Tree
from sitescope_fo.model.monitor import Group, Monitor
from sitescope_fo.monitors.registry import Registry

BOOK = Registry(())
NAMES = frozenset({"prod.example", "192.0.2.10"})


def monitor(name, kind, depends_on="", **settings):
    return Monitor(id=name, name=name, path=f"Servers/{name}", type=kind, settings=settings, depends_on=depends_on)


TREE = Tree(
    groups=(Group(id="g", path="Servers", name="Servers", depends_on="own port"),),
    monitors=(
        monitor("own port", "port", host="PROD.example:22"),
        monitor("own address", "ping", host="192.0.2.10"),
        monitor("own page", "url", url="https://localhost:8443/healthz"),
        monitor("own cpu", "cpu"),
        monitor("another", "port", "own port", host="shop.example:443"),
    ),
)
OWN = ("Servers/own address", "Servers/own cpu", "Servers/own page", "Servers/own port")


def settings(tree):
    return {m.name: m.settings for m in tree.monitors}


def test_retarget_points_them_at_the_failover_and_lists_them():
    tree, listed = mirrored_tree(TREE, BOOK, NAMES, SelfTargets.retarget, "fo.example")
    assert listed == OWN
    assert settings(tree) == {
        "own port": {"host": "fo.example:22"},
        "own address": {"host": "fo.example"},
        "own page": {"url": "https://fo.example:8443/healthz"},
        "own cpu": {},
        "another": {"host": "shop.example:443"},
    }
    assert [m.depends_on for m in tree.monitors] == [m.depends_on for m in TREE.monitors]


def test_keep_leaves_all_as_it_is():
    assert mirrored_tree(TREE, BOOK, NAMES, SelfTargets.keep, "fo.example") == (TREE, ())


def test_skip_leaves_them_out_and_frees_what_depended_on_them():
    tree, listed = mirrored_tree(TREE, BOOK, NAMES, SelfTargets.skip, "fo.example")
    assert listed == OWN
    assert [(m.name, m.depends_on) for m in tree.monitors] == [("another", "")]
    assert tree.groups[0].depends_on == ""


def test_a_tree_without_any_is_the_same_tree():
    tree = Tree(monitors=TREE.monitors[4:])
    assert mirrored_tree(tree, BOOK, NAMES, SelfTargets.retarget, "fo.example") == (tree, ())


def test_a_type_that_is_not_known_here_is_left_alone():
    tree = Tree(monitors=(monitor("odd", "no such type", host="prod.example"),))
    assert mirrored_tree(tree, BOOK, NAMES, SelfTargets.skip, "fo.example") == (tree, ())
