"""Whether the paddle backend is one: every op it lists, judged by bpcompare's own kit."""

from bpcompare.testing import BackendConformance


class TestPaddle(BackendConformance):
    """The backend against every law it claims to follow."""

    backend = "paddle"
