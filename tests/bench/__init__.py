"""Figures, not tests: `make bench` prints each beside a reference measured in the same run on the same machine.

A module `bench_NAME.py` has `figures()`, which yields `Figure` values as they are measured.
"""
