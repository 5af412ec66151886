"""The swarm at decision level: fixed seeds, at least 100 node-days in every run, and everything that can happen happens."""

import pytest

from sitescope_fo.failover.table import ROWS
from tests.failover.followed import FOLLOWED
from tests.failover.swarm import Swarm
from tests.failover.wanted import UNREACHABLE, wanted

SEEDS = 240
BATCH = 10
BATCHES = [range(first, first + BATCH) for first in range(0, SEEDS, BATCH)]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch[0]}-{batch[-1]}")
def test_no_rule_is_broken_and_every_pair_is_well_again(batch, tally):
    for seed in batch:
        Swarm(seed).run()
    tally.ran("decision", batch[0], len(BATCHES))


def test_one_seed_is_one_run():
    first, second = (Swarm(7).run() for _ in range(2))
    assert first.lines == second.lines
    assert first.rules.takeovers == second.rules.takeovers


def test_each_row_of_the_table_has_a_way_to_see_that_it_was_followed():
    assert [row.fact.__name__ for row in ROWS] == [fact for fact, _, _ in FOLLOWED]
    assert all(row.guard.startswith(words) for row, (_, words, _) in zip(ROWS, FOLLOWED, strict=True))


def test_what_has_to_come_up_is_read_from_the_sources():
    names = wanted()
    assert {"refused nobody_else", "refused primary term_old", "event alarm_stuck", "mail yielded", "cause idle"} <= set(names)
    assert len(names) > 400
    assert not {f"pair {place} {kind}" for place, kind in UNREACHABLE} & set(names)
