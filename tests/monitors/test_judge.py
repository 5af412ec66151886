"""From a result to a status: the order of the lists, defaults, failures."""

import pytest

from sitescope_fo.model.monitor import CheckResult, Monitor
from sitescope_fo.model.monitor_type import TypeSpec, ValueSpec
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.judge import judge

SPEC = TypeSpec(
    name="port",
    title="Port",
    help="",
    settings=(),
    values=(
        ValueSpec(name="rtt", kind="number", unit="s", help=""),
        ValueSpec(name="code", kind="number", help=""),
    ),
    error_if=("rtt > 5s", "code == 2"),
    warning_if=("rtt > 1s",),
)


def monitor(**lists):
    return Monitor(id="m", name="m", path="g/m", type="port", **lists)


def judged(result, **lists):
    return judge(monitor(**lists), SPEC, result)


@pytest.mark.parametrize(
    ("values", "status", "because"),
    [
        ({"rtt": 0.2, "code": 0}, Status.good, ""),
        ({"rtt": 2.0, "code": 0}, Status.warning, "rtt > 1s (2s)"),
        ({"rtt": 6.0, "code": 0}, Status.error, "rtt > 5s (6s)"),
        ({"rtt": 0.2, "code": 2}, Status.error, "code == 2 (2)"),
        ({}, Status.good, ""),
    ],
)
def test_error_is_asked_before_warning_and_the_rest_is_good(values, status, because):
    verdict = judged(CheckResult(values=values, summary="seen"))
    assert (verdict.status, verdict.because, verdict.state_string) == (status, because, "seen")


def test_an_own_list_replaces_the_default_of_its_severity_only():
    slow = CheckResult(values={"rtt": 6.0, "code": 2})
    assert judged(slow, error_if=("rtt > 10s",)).status is Status.warning
    assert judged(slow, error_if=("rtt > 10s",), warning_if=("rtt > 9s",)).status is Status.good
    assert judged(slow, warning_if=("rtt > 9s",)).status is Status.error


def test_good_if_is_asked_last_and_explains_a_good_status():
    verdict = judged(CheckResult(values={"rtt": 0.1}), good_if=("rtt < 200ms",))
    assert (verdict.status, verdict.because) == (Status.good, "rtt < 200ms (100ms)")


@pytest.mark.parametrize("failure", ["timeout", "refused", "unresolved", "tls", "internal", "missing"])
def test_a_check_without_an_answer_is_an_error(failure):
    verdict = judged(CheckResult(failure=failure, summary="it did not answer"))
    assert (verdict.status, verdict.because, verdict.state_string) == (Status.error, failure, "it did not answer")


def test_values_of_a_failed_run_cannot_soften_it():
    result = CheckResult(failure="timeout", values={"rtt": 2.0})
    assert judged(result, good_if=("rtt < 9s",)).status is Status.error


def test_an_expression_that_names_the_failure_decides_over_it():
    result = CheckResult(failure="refused")
    assert judged(result, good_if=("failure == 'refused'",)).status is Status.good
    assert judged(result, warning_if=("failure in ['refused', 'reset']",)).status is Status.warning
    assert judged(result, good_if=("failure == 'timeout'",)).status is Status.error


def test_nodata_stays_nodata_unless_a_measured_value_decides():
    unknown = CheckResult(failure="nodata", values={"code": 3}, summary="plugin says unknown")
    verdict = judged(unknown)
    assert (verdict.status, verdict.state_string) == (Status.nodata, "plugin says unknown")
    assert judged(unknown, error_if=("code >= 2",)).status is Status.error
    assert judged(unknown, warning_if=("not (rtt > 1s)",)).status is Status.nodata


def test_a_state_string_is_never_empty_when_something_is_wrong():
    assert judged(CheckResult(failure="reset")).state_string == "reset"
    assert judged(CheckResult(values={"code": 2})).state_string == "code == 2 (2)"
