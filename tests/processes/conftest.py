"""One living pair for tests that leave it as they found it; a fresh one after each takeover or violent test."""

import itertools
import os
import shutil
from contextlib import contextmanager

import pytest

from tests.processes import netns
from tests.processes.daemon import Late
from tests.processes.pair import copy_pair, make_template
from tests.processes.town import Town

# Under faketime CPython's threads now and then hand the interpreter lock over only after seconds, and a daemon stands still: no
# place for an assertion in every run. `make soak` runs these; simulations step the clocks of whole nodes each time.
collect_ignore = [] if os.environ.get("SITESCOPE_TEST_CLOCKS") else ["test_clock_steps.py"]


class Stage:
    """Makes pairs from the template and keeps one alive between tests."""

    def __init__(self, folder):
        self.folder = folder
        self.town = Town()
        self._template = self._failed = None
        self._numbers = itertools.count()
        self._living = None

    @property
    def template(self):
        """The homes every pair is copied from. When they cannot be made, every test says why, and none tries again."""
        if self._failed is not None:
            raise AssertionError(f"no template: {self._failed}")
        if self._template is None:
            try:
                self._template = make_template(self.folder / "template", self.town)
            except AssertionError as error:
                self._failed = error
                raise
        return self._template

    def build(self):
        """A pair that has not been started. The living one ends: both use the same ports."""
        template = self.template
        self.clear()
        self.town.calm()
        return copy_pair(template, self.folder / str(next(self._numbers)), self.town)

    def living(self):
        """A pair in its best state: the one from the last test when it is well, else a fresh one."""
        self.town.calm()
        if self._living is None or not self._well(self._living):
            pair = self.build()
            self._living = pair
            pair.start()
        return self._living

    @staticmethod
    def _well(pair):
        if not all(node.runs for node in pair.nodes) or pair.took_over():
            return False
        try:
            pair.wait_protected(5)
        except Late:
            return False
        return True

    def clear(self):
        if self._living is not None:
            self._living.end()
            shutil.rmtree(self._living.folder)
            self._living = None

    def close(self):
        self.clear()
        self.town.close()


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("pairs"))
    yield stage
    stage.close()


@pytest.fixture
def pair(stage):
    """A primary that runs and a failover in standby. What was configured by tests before may still be there."""
    return stage.living()


@pytest.fixture
def fresh_pair(stage):
    """As `pair`, straight from the template: no takeover, no edit yet. Ends with the test."""
    pair = stage.build()
    try:
        yield pair.start()
    finally:
        pair.end()
        shutil.rmtree(pair.folder)


@pytest.fixture(scope="session")
def region_template(tmp_path_factory):
    """The homes of a pair that lives in network namespaces, and where copies of them go."""
    if reason := netns.missing():
        pytest.skip(reason)
    netns.sweep()
    folder = tmp_path_factory.mktemp("regions")
    region = netns.Region()
    try:
        return make_template(folder / "template", region), folder
    finally:
        region.close()


@pytest.fixture(scope="session")
def region_pairs(region_template):
    """Call it for a pair that runs in a region of its own; a failed test shows the logs of both nodes."""
    template, folder = region_template
    numbers = itertools.count()

    @contextmanager
    def living():
        region = netns.Region()
        pair = copy_pair(template, folder / str(next(numbers)), region)
        try:
            yield pair.start()
        except AssertionError as error:
            raise AssertionError(f"{error}{pair.tail()}") from error
        finally:
            pair.end()
            region.close()
            shutil.rmtree(pair.folder)

    return living


@pytest.fixture(scope="module")
def region_pair(region_pairs):
    """One pair for the tests of a module, which leave it as they found it."""
    with region_pairs() as pair:
        yield pair


@pytest.fixture
def parted_pair(region_pair):
    """A pair that stands by for a running primary, in a town where everything works."""
    region_pair.town.calm()
    region_pair.wait_protected()
    return region_pair
