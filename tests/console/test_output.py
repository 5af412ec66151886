"""What is on its way to a terminal that reads, stands still, or goes."""

import fcntl
import os
import threading

import pytest

from sitescope_fo.console.output import FULL_BYTES, Output

FRAME = "x" * 10_000


class Line:
    """A pipe in place of a terminal; it takes less than a frame."""

    def __init__(self):
        self.reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        self.drained = threading.Event()
        self.output = Output(writer, self.drained.set)

    def fill(self):
        """Writes frames until one is dropped."""
        while not self.output.dropped:
            self.output.write(FRAME)

    def read(self, count):
        found = b""
        while len(found) < count:
            found += os.read(self.reader, count - len(found))
        return found


@pytest.fixture
def line():
    line = Line()
    yield line
    line.output.close(0)
    os.close(line.reader)


def test_what_is_written_arrives_in_order(line):
    line.output.write("one ")
    line.output.write("zwölf")
    assert line.read(10).decode() == "one zwölf"
    assert line.output.close(5)
    assert not line.drained.is_set()


def test_a_line_that_stands_costs_a_bounded_queue_and_is_repainted_once_it_moves(line):
    line.fill()
    for _ in range(1000):
        line.output.write(FRAME)
    assert line.output.dropped > 1000
    assert len(line.output._pending) <= FULL_BYTES + len(FRAME)
    reader = threading.Thread(target=line.read, args=(1_000_000,), daemon=True)
    reader.start()
    assert line.drained.wait(20)
    line.drained.clear()
    while reader.is_alive():  # frames go through again
        line.output.write(FRAME)
        reader.join(0.01)


def test_last_words_are_not_dropped(line):
    line.fill()
    line.output.keep_all()
    line.output.write("goodbye")
    assert bytes(line.output._pending).endswith(b"goodbye")


def test_a_line_that_never_moves_is_given_up(line):
    line.fill()
    assert not line.output.close(0.05)


def test_a_line_that_is_gone_swallows_everything():
    reader, writer = os.pipe()
    output = Output(writer, lambda: None)
    os.close(reader)
    output.write("into the void")
    assert not output.close(5)
    output.write("still nothing")
