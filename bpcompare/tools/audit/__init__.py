"""What a spec and its data cannot show."""

from bpcompare.tools.audit.audit import Audit, BlindSpot, Idle, audit

__all__ = ["Audit", "BlindSpot", "Idle", "audit"]
