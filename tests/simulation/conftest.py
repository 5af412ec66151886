import pytest
from trio.testing import MockClock


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/simulation" in str(item.path):
            item.add_marker(pytest.mark.simulation)


@pytest.fixture
def anyio_backend():
    """Virtual time: the clock jumps whenever everybody waits."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}
