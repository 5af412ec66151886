"""One living pair for tests that leave it as they found it; a fresh one after each takeover or violent test."""

import itertools
import shutil

import pytest

from tests.processes.daemon import Late
from tests.processes.pair import copy_pair, make_template
from tests.processes.town import Town


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
