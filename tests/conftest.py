"""What every test may rely on: a clean environment, one anyio backend unless asked, no silent skip in CI."""

import os
from pathlib import Path

import hypothesis
import pytest

from tests.simulation import tally

# No promise is about wall-clock speed, so no example fails for being slow; CI repeats itself exactly.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")

# Settings of the person who runs the tests that would change what the product does.
_FOREIGN = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "columns", "lines")


def pytest_configure(config):
    tally.register(config)


def pytest_addoption(parser):
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=5, help="how many seeds each test that takes `seed` runs with")
    group.addoption("--seed", type=int, default=None, help="replay this one seed")


def pytest_generate_tests(metafunc):
    """A test with an argument `seed` runs once per seed: 0, 1, 2 …; `--seed N` replays one."""
    if "seed" in metafunc.fixturenames:
        one, many = metafunc.config.getoption("--seed"), metafunc.config.getoption("--seeds")
        metafunc.parametrize("seed", [one] if one is not None else range(many))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Real daemons run one after the other: under xdist they all go to the same worker, and first, for they take longest."""
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)
    for item in items:
        if item.get_closest_marker("processes"):
            item.add_marker(pytest.mark.xdist_group("processes"))


def _refuse_skip(report):
    if os.environ.get("CI", "false") not in ("", "0", "false") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"a skip is a failure when CI is set. {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    return _refuse_skip((yield))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SITESCOPE_") or name.lower() in _FOREIGN or name == "NOTIFY_SOCKET":
            monkeypatch.delenv(name)


@pytest.fixture
def anyio_backend():
    """asyncio, as in life.

    Engine-side tests ask for both: `pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])`.
    """
    return "asyncio"


@pytest.fixture
def home(tmp_path) -> Path:
    """Where a home may be made: a path with the right folder name; the folder is not there yet."""
    return tmp_path / "SiteScope"


@pytest.fixture(scope="session", name="tally")
def _tally(pytestconfig):
    """What this run simulated so far."""
    return tally.of(pytestconfig)
