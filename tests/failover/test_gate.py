"""When the reference points are asked: from doubt on each second, whatever was planned before."""

from tests.failover.desk import Desk, effects


def test_doubt_asks_them_at_once_also_right_after_a_hand_back():
    """While acting they are asked every 5 s; a sample that was planned then would come too late for the preset fast."""
    desk = Desk("fast").handback()
    desk.wait(1.0).clear()
    desk.done("H2").done("H5", term=3).done("H6")
    assert desk.position == "standby"
    assert desk.of(effects.SampleGate) == []
    desk.miss()
    assert desk.position == "suspect"
    assert len(desk.of(effects.SampleGate)) == 1
