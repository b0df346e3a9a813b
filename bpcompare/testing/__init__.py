"""For authors of backends and of tests: the conformance suite, its cases, and random networks from Hypothesis or from a seed."""

from bpcompare.testing.conformance import BackendConformance

__all__ = ["BackendConformance"]
