"""The node's own zone: local times that know when the clock jumps."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sitescope_fo.node.ports.clock import SystemClock

WALL = datetime(2026, 1, 1, 0, 30, tzinfo=ZoneInfo("UTC")).timestamp()


@pytest.fixture(params=["Europe/Berlin", "America/St_Johns", "UTC"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


def test_local_time_is_that_of_the_zone_every_half_hour_of_a_year(zone):
    clock = SystemClock()
    for half_hour in range(366 * 48):
        wall = WALL + half_hour * 1800
        local, wanted = clock.local(wall), datetime.fromtimestamp(wall, zone)
        told = (local.replace(tzinfo=None), local.fold, local.utcoffset(), local.tzname())
        assert told == (wanted.replace(tzinfo=None), wanted.fold, wanted.utcoffset(), wanted.tzname())
        assert local.timestamp() == wall


def test_a_fraction_of_a_second_stays(zone):
    assert SystemClock().local(WALL + 0.25).timestamp() == WALL + 0.25
