"""Numbers that a person typed or printed, checked against the rule: each confirmed to its digits, or refuted and explained."""

from bpcompare.teach.transcript.check import Checked, Transcript, check
from bpcompare.teach.transcript.reader import Numbers, read
from bpcompare.teach.transcript.text import transcript_json, transcript_text

__all__ = ["Checked", "Numbers", "Transcript", "check", "read", "transcript_json", "transcript_text"]
