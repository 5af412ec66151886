"""`sitescope-fo demo` as a newcomer meets it: a story with an end, and nothing left behind."""

import signal
import subprocess

import psutil
import pytest

from tests.processes.daemon import PROGRAM, environment, until
from tests.processes.pair import STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]
STORY = (
    "running", "mirrored", "target broken", "mail sent", "primary killed", "suspect", "grace", "activating", "active",
    "first result", "mail sent", "primary back", "recovering", "hand-back", "primary runs", "standby",
)  # fmt: skip


@pytest.fixture
def demo(tmp_path):
    """Starts the demo with its temporary folder below `tmp_path`; gives the process and the file of its output."""
    started = []

    def start(*words):
        output = tmp_path / "output.txt"
        (tmp_path / "tmp").mkdir()
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*PROGRAM, "demo", *words],
                cwd=tmp_path,
                stdout=file,
                stderr=file,
                env=environment(TMPDIR=str(tmp_path / "tmp")),
                start_new_session=True,
            )
        started.append(process)
        return process, output

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def left_behind(folder):
    """Daemons whose home lies in `folder`, and what is left there."""
    daemons = [p.pid for p in psutil.process_iter(["cmdline"]) if any(str(folder) in word for word in p.info["cmdline"] or ())]
    return daemons, sorted(folder.iterdir())


def test_the_script_shows_takeover_and_hand_back_in_order_and_leaves_nothing(demo, tmp_path):
    process, output = demo("--script")
    assert process.wait(120) == 0, output.read_text()
    text = output.read_text()
    place = 0
    for step in STORY:
        found = text.find(f" s  {step}", place)
        assert found >= 0, f"'{step}' is missing or out of order in:\n{text}"
        place = found + 1
    assert "started by both nodes between takeover and hand-back: 0" in text
    assert left_behind(tmp_path / "tmp") == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_its_nodes_and_removes_its_folder(demo, tmp_path, number):
    process, output = demo()
    until(lambda: output.read_text().count("running") == 2, STEP_S, "both nodes")
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    assert "Traceback" not in output.read_text()
    assert left_behind(tmp_path / "tmp") == ([], [])
