import os
import subprocess
import sys

import pytest

from sitescope_fo.model.errors import Conflict
from sitescope_fo.store.home import Home
from sitescope_fo.store.lock import acquire, holder

ASK = (
    "import sys; from pathlib import Path\n"
    "from sitescope_fo.store.home import Home\n"
    "from sitescope_fo.store.lock import holder\n"
    "print('asking', flush=True)\n"
    "while True: holder(Home(Path(sys.argv[1])))\n"
)
HOLD = (
    "import sys; from pathlib import Path\n"
    "from sitescope_fo.store.home import Home\n"
    "from sitescope_fo.store.lock import acquire\n"
    "lock = acquire(Home(Path(sys.argv[1])))\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "run").mkdir()
    return Home(tmp_path)


def test_a_second_process_is_refused_with_the_pid_of_the_first_until_that_dies(home):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        assert holder(home) == other.pid
        with pytest.raises(Conflict, match=str(other.pid)) as refusal:
            acquire(home)
        assert refusal.value.code == "already_running"
        assert refusal.value.exit_code == 6
        other.kill()
        other.wait()
    assert holder(home) is None
    lock = acquire(home)
    assert holder(home) == os.getpid()
    lock.release()
    lock.release()
    assert holder(home) is None


def test_asking_who_holds_the_lock_never_makes_a_start_fail(home):
    asking = subprocess.Popen([sys.executable, "-c", ASK, str(home.root)], stdout=subprocess.PIPE, text=True)
    with asking:
        assert asking.stdout.readline() == "asking\n"
        for _ in range(2000):
            acquire(home).release()
        asking.kill()


def test_a_home_without_a_lock_file_is_held_by_nobody(tmp_path):
    assert holder(Home(tmp_path)) is None
