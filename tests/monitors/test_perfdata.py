"""Performance data of monitoring plugins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.monitors.perfdata import MOST, read_output, value_name


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("time=0.002722s;;;0.000000", {"perf_time": 0.002722}),
        ("time=250ms size=9999B;1;2;0", {"perf_time": 0.25, "perf_size": 9999}),
        ("a=3us b=5ns c=7c d=80% e=1.5", {"perf_a": 3e-06, "perf_b": 5e-09, "perf_c": 7, "perf_d": 80, "perf_e": 1.5}),
        ("a=1KB b=2kB c=1MiB", {"perf_a": 1000, "perf_b": 2000, "perf_c": 1048576}),
        ("'free space'=10% '/'=5 'it''s'=1", {"perf_free_space": 10, "perf_root": 5, "perf_it_s": 1}),
        ("a=U b=;;; c== d=x e", {}),
        ("load=-1,5;~:3;@5:10;;", {"perf_load": -1.5}),
        ("a=1 a=2 a=3", {"perf_a": 1, "perf_a_2": 2, "perf_a_3": 3}),
        ("temp=21.5C", {"perf_temp": 21.5}),
        ("", {}),
    ],
)
def test_values_come_in_base_units_under_their_labels(data, values):
    assert read_output(f"OK | {data}").values == pytest.approx(values)


def test_long_output_and_its_performance_data_are_told_apart():
    read = read_output("DISK OK | /=1MB\n/boot fine\n/home fine | /boot=2MB\n/home=3MB\n")
    assert read.text == "DISK OK\n/boot fine\n/home fine"
    assert read.values == {"perf_root": 1e6, "perf_boot": 2e6, "perf_home": 3e6}


def test_output_without_performance_data_is_text():
    assert read_output("first\nsecond").text == "first\nsecond"


def test_there_is_a_limit_to_the_values_of_one_output():
    assert len(read_output("OK | " + " ".join(f"v{n}=1" for n in range(1000))).values) == MOST


@given(st.text(st.sampled_from("ab|'=;% \n1.5eUMsB-,\0é"), max_size=200))
def test_no_output_breaks_the_reader(output):
    read = read_output(output)
    assert "|" not in read.text.partition("\n")[0]
    assert all(isinstance(value, int | float) for value in read.values.values())


@given(st.text(max_size=20))
def test_every_label_becomes_a_name_that_thresholds_can_ask_for(label):
    assert value_name(label).isidentifier()
    assert value_name(label).isascii()
