"""The file monitor: real files of every kind, and a file system that hangs."""

import os
import socket
import threading

import anyio
import pytest

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors import file
from sitescope_fo.monitors.judge import judge

pytestmark = pytest.mark.anyio


def verdict(result):
    return judge(Monitor(id="m", name="m", path="g/m", type="file"), file.SPEC, result).status


def make(path, content=b"", age=0.0, mode=0o644, now=None):
    path.write_bytes(content)
    path.chmod(mode)
    changed = path.stat().st_mtime - age
    os.utime(path, (changed, changed))
    return path


async def test_one_file_is_measured(check, tmp_path):
    path = make(tmp_path / "a.log", b"x" * 1234, age=3600, mode=0o640)
    result = await check("file", path=str(path))
    values = result.values
    assert (values["exists"], values["count"], values["size"], values["mode"], values["kind"]) == ("yes", 1, 1234, "0640", "file")
    assert 3600 <= values["age"] == values["oldest_age"] < 3700
    assert values["owner"] == path.owner()
    assert (verdict(result), "1.23KB, changed 1h" in result.summary) == (Status.good, True)


async def test_a_pattern_counts_files_and_tells_newest_and_oldest(check, tmp_path):
    for number, age in enumerate((50, 5, 500)):
        make(tmp_path / f"backup{number}.tar", b"x" * (number + 1), age=age)
    make(tmp_path / "other.txt")
    values = (await check("file", path=f"{tmp_path}/backup*.tar")).values
    assert (values["count"], values["size"], values["smallest"], values["largest"]) == (3, 6, 1, 3)
    assert (values["newest"], values["oldest"]) == (f"{tmp_path}/backup1.tar", f"{tmp_path}/backup2.tar")
    assert 5 <= values["age"] < 100
    assert 500 <= values["oldest_age"] < 600


@pytest.mark.parametrize("name", ["absent", "absent*", "plain/below", "dangling"])
async def test_what_is_not_there_is_an_error_and_an_answer(check, tmp_path, name):
    make(tmp_path / "plain")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    result = await check("file", path=f"{tmp_path}/{name}")
    assert (result.failure, result.values, verdict(result)) == ("", {"exists": "no", "count": 0}, Status.error)


async def test_the_end_of_the_newest_file_is_searched_and_no_more(check, tmp_path):
    path = make(tmp_path / "a.log", b"started\n" + b"-" * 1000 + b"\nERROR 42\n")
    assert (await check("file", path=str(path), match=r"/ERROR \d+/")).values["content_match"] == "yes"
    assert (await check("file", path=str(path), match="started")).values["content_match"] == "yes"
    result = await check("file", path=str(path), match="started", tail_bytes=500)
    assert (result.values["content_match"], verdict(result)) == ("no", Status.error)
    make(tmp_path / "b.log", b"fine", age=-10)
    assert (await check("file", path=f"{tmp_path}/*.log", match="ERROR")).values["content_match"] == "no"


async def test_a_file_of_the_kernel_without_a_size_can_be_read(check):
    assert (await check("file", path="/proc/version", match="Linux")).values["content_match"] == "yes"


async def test_special_files_are_looked_at_and_never_opened(check, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(tmp_path)  # a path for a socket is short
        listening.bind("socket")
        (tmp_path / "folder").mkdir()
        kinds = {}
        for name in ("pipe", "socket", "folder"):
            values = (await check("file", path=str(tmp_path / name), match="x", timeout_s=5)).values
            kinds[name] = (values["kind"], values["content_match"])
    assert kinds == {name: (name, "no") for name in ("pipe", "socket", "folder")}
    assert (await check("file", path="/dev/null", match="x")).values["kind"] == "device"


@pytest.fixture(autouse=True)
def _same_folder(monkeypatch):
    monkeypatch.chdir("/")


async def test_no_more_files_than_the_limit_are_looked_at(check, tmp_path, monkeypatch):
    monkeypatch.setattr(file, "MOST_FILES", 5)
    for number in range(9):
        make(tmp_path / f"{number}")
    assert (await check("file", path=f"{tmp_path}/*")).values["count"] == 5


async def test_a_file_system_that_hangs_is_a_time_out_and_is_not_asked_twice(check, monkeypatch):
    asked, release = [], threading.Event()

    def hang(path, *rest, **more):
        asked.append(path)
        release.wait(30)
        raise FileNotFoundError(2, "gone", path)

    with monkeypatch.context() as patched:
        patched.setattr(file.os, "stat", hang)  # the kernel's part: no test can make a dead NFS server
        assert (await check("file", path="/dead/x", timeout_s=0.1)).failure == "timeout"
        assert (await check("file", path="/dead/x", timeout_s=0.1)).failure == "timeout"
        assert asked.count("/dead/x") == 1
        release.set()
        with anyio.fail_after(5):
            assert (await check("file", path="/dead/x")).values["exists"] == "no"


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"path": "relative"}, "path"), ({"path": "/a/**/b"}, "path"), ({"path": "/a", "match": "/(a*)*/"}, "match")],
)
async def test_settings_that_cannot_work_are_told_before(check, settings, name):
    assert [found for found, _ in check.registry.settings_problems("file", settings)] == [name]
