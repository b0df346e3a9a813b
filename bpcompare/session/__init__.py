"""The conductor: a network and backends in, a verdict out; and runs that are kept or made again."""

from bpcompare.session.conductor import answers, changed, judge, run

__all__ = ["answers", "changed", "judge", "run"]
