"""Records as they arrive: each is judged before the next backend runs, and put into a file where memory has no room for it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from time import perf_counter

from bpcompare.files.chunks import VARIABLE, Chunks
from bpcompare.files.writing import meaning
from bpcompare.laws import LAWS, Laws
from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.plan.spilled import size_of, spilled
from bpcompare.proof import exact as exact_mode
from bpcompare.proof.certificate import Means, certify
from bpcompare.proof.finding import Certificate
from bpcompare.proof.watching import plain_findings
from bpcompare.text.size import bytes_of

ROOM = 256 * 2**20
"""Bytes of all records together that are kept in memory, unless the environment says otherwise."""


def room() -> int:
    """Bytes of records that are kept in memory. Raises ValueError where the environment names no size."""
    try:
        return bytes_of(given) if (given := os.environ.get(VARIABLE)) else ROOM
    except ValueError as error:
        raise ValueError(f"{VARIABLE}: {error}") from None


class Arrivals:
    """The answers to one plan. `certificates` are in the order of arrival, `seconds` the wall time of judging them.

    `room`: bytes of them that are kept in memory.
    """

    def __init__(self, plan: Plan, laws: Laws = LAWS, means: Means = "probes", room: float = ROOM) -> None:
        self._plan, self._laws, self._means = plan, laws, means
        self._chunks, self._left = Chunks(), room
        self.certificates: list[Certificate] = []
        self.seconds = 0.0

    def kept(self, record: Record) -> Record:
        """The record, in memory or in a file. Raises OSError where the disk is full.

        Whoever asks forgets the record that was given, so that its memory is free.
        """
        size = size_of(record)
        if size <= self._left:
            self._left -= size
            return record
        try:
            return spilled(record, self._chunks)
        except OSError as error:
            name = record.provenance.backend
            raise OSError(error.errno, f"{meaning(error)}; {_cure(name, size)}", tempfile.gettempdir()) from None

    def judge(self, record: Record) -> None:
        """Judge a record that is `kept`. What is random in it is drawn now, when all of the record is there."""
        started = perf_counter()
        self.certificates.append(certificate(self._plan, record, self._laws, self._means))
        self.seconds += perf_counter() - started
        self._chunks.rest()


def certificate(plan: Plan, record: Record, laws: Laws = LAWS, means: Means = "probes") -> Certificate:
    """What is proved of one record of a plan under some laws, its plain gradients among it; by which `means`, `certify` says."""
    if plan.exact:
        return exact_mode.examine(plan, record, laws)
    found = certify(plan, record, laws, means=means)
    return found if found.failure is not None else replace(found, plain=plain_findings(plan, record, laws))


def _cure(name: str, size: int) -> str:
    return (
        f"{size / 2**20:,.0f} MiB of what {name} answered have no room in memory and were to be put there. Free some space, name "
        f"another folder by TMPDIR, or allow more memory by {VARIABLE}=8G"
    )
