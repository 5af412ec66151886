"""Answers that prove nothing: a wrong passphrase, another node, a foreign service, slow replies."""

import http.server
import threading
from contextlib import contextmanager

import pytest

from tests.processes.daemon import Daemon, until
from tests.processes.pair import ACTIVATE_AFTER_S, PASSPHRASE, PROFILE, STEP_S
from tests.processes.town import HOST, DelayProxy

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_a_wrong_passphrase_alarms_at_once_and_causes_no_takeover(fresh_pair):
    pair = fresh_pair
    pair.primary.cli("lwsso", "set", "--passphrase-stdin", stdin="quite another passphrase\n")
    alarm = pair.failover.event(lambda e: e.event == "alarm_unverifiable", STEP_S, "the alarm")
    pair.wait_letter("prod", alarm.wall - 1)
    pair.quiet_for(ACTIVATE_AFTER_S + 2)
    assert not pair.took_over(alarm.wall - 1)
    profile = pair.profile()
    assert profile["state"] == "unverifiable"
    assert any("lwsso_token_wrong" in one["what"] for one in profile["evidence"])
    pair.primary.cli("lwsso", "set", "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    pair.failover.event(lambda e: e.event == "alarm_unverifiable_over", STEP_S, "the end of the alarm", alarm.wall)
    pair.wait_protected()


def test_another_node_on_the_address_alarms_and_causes_no_takeover(fresh_pair, tmp_path):
    pair = fresh_pair
    stranger = Daemon("primary", tmp_path / "SiteScope", pair.primary.port)
    assert pair.primary.stop()[1] == 0
    since = pair.failover.reached("announced", STEP_S).wall
    stranger.cli("setup", "--role", "primary", "--port", str(stranger.port), "--host", HOST, "--yes")
    stranger.cli("config", "set", "web.bind", HOST)
    stranger.cli("lwsso", "set", "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    try:
        stranger.start()
        alarm = pair.failover.event(lambda e: e.event == "alarm_unverifiable", STEP_S, "the alarm", since)
        assert "rebind" in pair.failover.cli("log", "tail", "--lines", "50")
        pair.quiet_for(ACTIVATE_AFTER_S + 2)
        assert not pair.took_over(alarm.wall - 1)
    finally:
        stranger.end()


@contextmanager
def foreign_service(port):
    """Something else that speaks HTTP on the primary's port."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer((HOST, port), Hello)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_foreign_service_on_the_port_is_a_miss_and_an_alarm_and_ends_in_a_takeover(fresh_pair):
    pair = fresh_pair
    killed = pair.primary.kill()
    with foreign_service(pair.primary.port):
        alarm = pair.failover.event(lambda e: e.event == "alarm_foreign", STEP_S, "the alarm", killed)
        moved, first = pair.takes_over(killed)
        assert alarm.wall < moved.wall
        assert first.started - killed >= ACTIVATE_AFTER_S - 1
        grace = next(e for e in pair.failover.events(killed) if e.move == ("suspect", "grace"))
        assert "seen: foreign" in grace.what


def test_replies_slower_than_soft_and_within_hard_cause_no_takeover(fresh_pair):
    pair = fresh_pair
    proxy = DelayProxy(pair.primary.port)
    try:
        pair.failover.cli("profile", "edit", PROFILE, "--port", str(proxy.port))
        pair.wait_protected()
        began = pair.failover.events()[-1].wall
        proxy.delay_s = 0.9  # soft 0.4 s, hard 3 s
        until(lambda: any(one["kind"] == "probe_late" for one in pair.profile()["evidence"]), STEP_S, "a late reply")
        pair.quiet_for(ACTIVATE_AFTER_S * 2)
        assert not pair.took_over(began)
        proxy.delay_s = 0.0
        pair.wait_protected()
    finally:
        proxy.close()
