"""Whether the TensorFlow backend is one: every op it lists, judged by bpcompare's own kit."""

from bpcompare.testing import BackendConformance


class TestTensorFlow(BackendConformance):
    """The backend against every law it claims to follow."""

    backend = "tensorflow"
