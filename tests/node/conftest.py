"""Homes and benches for tests of one node."""

import pytest

from sitescope_fo.model.status import Role
from tests.node.nodes import Bench, make_home


@pytest.fixture
def primary_home(tmp_path):
    return make_home(tmp_path, Role.primary)


@pytest.fixture
def failover_home(tmp_path):
    return make_home(tmp_path, Role.failover)


@pytest.fixture
def primary(primary_home):
    """A primary that does not run yet."""
    return Bench(primary_home)


@pytest.fixture
def failover(failover_home):
    """A failover that does not run yet."""
    return Bench(failover_home)
