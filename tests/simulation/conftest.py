"""Virtual time for every test here, and what a run covered."""

import pytest

from tests.simulation.clock import JumpClock
from tests.simulation.watch import COVERED, DAYS

DAY_S = 86400.0


def pytest_collection_modifyitems(items):
    for item in items:
        if "simulation" in item.path.parts:
            item.add_marker(pytest.mark.simulation)


@pytest.fixture
def anyio_backend():
    """The clock jumps whenever everybody waits."""
    return "trio", {"clock": JumpClock()}


@pytest.fixture(scope="session", autouse=True)
def _say_what_was_covered(request):
    """One line at the end of a run with `-v` or of a soak; all counters with `-vv`."""
    yield
    level = request.config.get_verbosity()
    if level > 0 and DAYS["worlds"]:
        print(
            f"\nsimulated: {DAYS['worlds']} worlds, {DAYS['seconds'] / DAY_S:.2f} node-days, {DAYS['wall']:.0f} s of this machine"
        )
        print(f"that is {DAYS['seconds'] / DAY_S / DAYS['wall'] * 60:.2f} node-days a minute")
    if level > 1:
        print("\n".join(f"{count:7} {what}" for what, count in sorted(COVERED.items())))
