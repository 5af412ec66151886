"""`make soak` goes on where it ended, wherever that was."""

import pytest

from tests.simulation.soak import FIRST, LEVELS, Kept, Progress, Soak, attempt, soaks

QUICK = 200_003
"""A seed that costs 0.2 s."""


def one(env, path):
    [soak] = soaks(["decision"], {"SOAK_WORKERS": "1", **env}, path)
    return soak


def test_a_run_keeps_its_place_and_the_next_one_goes_on_there(tmp_path, capsys):
    path = tmp_path / "build" / "soak.json"
    first = Soak("decision", 0.001, Progress(first=QUICK, next=QUICK), kept=Kept(path))
    first.run()
    assert first.over
    assert f"seeds {QUICK} to {QUICK}," in capsys.readouterr().out
    again = one({"SOAK_DECISION_DAYS": "1"}, path)
    assert (again.progress.next, again.over) == (QUICK + 1, False)
    assert again.progress.seconds == first.progress.seconds > 0
    again.stop = True
    again.run()
    assert Kept(path).read() == {"decision": again.progress}


def test_what_failed_is_kept_and_one_may_begin_anew(tmp_path, capsys):
    path = tmp_path / "soak.json"
    soak = Soak("decision", 1.0, Progress(), kept=Kept(path))
    soak._take(FIRST, 0.0, 1.0, "AssertionError: a rule\ntimeline")
    assert f"seed {FIRST} FAILED: AssertionError: a rule" in capsys.readouterr().out
    assert one({}, path).progress.failed == [FIRST]
    assert one({"SOAK_FRESH": "1"}, path).progress == Progress()
    assert not path.exists()


def test_a_range_of_seeds_leaves_the_place_of_the_long_run_alone(tmp_path):
    path = tmp_path / "soak.json"
    Kept(path).write("decision", Progress(next=FIRST + 7))
    ranged = one({"SOAK_FROM": "5", "SOAK_TO": "5"}, path)
    assert (ranged.progress.first, ranged.over) == (5, True)
    ranged.run()
    assert Kept(path).read()["decision"].next == FIRST + 7


@pytest.mark.parametrize("level", ["decision", "full HTTP"])
def test_a_seed_that_breaks_is_told_and_ends_nothing(level, monkeypatch):
    def broken(seed):
        error = RuntimeError(f"seed {seed}")
        error.add_note("timeline")
        raise error

    monkeypatch.setitem(LEVELS, level, (broken, "", 1.0))
    seed, seconds, _, said = attempt((level, 3))
    assert (seed, seconds, said) == (3, 0.0, "RuntimeError: seed 3\ntimeline")
