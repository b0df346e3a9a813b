"""A comparison on disk: plan, records, and what was found about them, in one file."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

import numpy as np

from bpcompare import tree
from bpcompare.blame import Blame
from bpcompare.comparison import Comparison
from bpcompare.finding import Certificate, Finding
from bpcompare.pairs import Pair
from bpcompare.record import Provenance
from bpcompare.storage import StorageError, pack, plan_bytes, plan_from, read, record_bytes, record_from, unpack
from bpcompare.writing import write


def save(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write `comparison` to one file, whole or not at all. Raises StorageError, OSError."""
    write(path, comparison_bytes(comparison))


def load_comparison(path: str | os.PathLike[str]) -> Comparison:
    """The comparison that `save` wrote. Raises StorageError, OSError."""
    return read(path, comparison_from)


def comparison_bytes(comparison: Comparison) -> bytes:
    """`comparison` as the content of a file."""
    arrays = {"plan": _packed(plan_bytes(comparison.plan))}
    arrays |= {f"records/{name}": _packed(record_bytes(record)) for name, record in comparison.records.items()}
    content = {
        "spec": comparison.spec,
        "backends": list(comparison.records),
        "certificates": {name: _certificate(one) for name, one in comparison.certificates.items()},
        "blames": [_dumped(blame) for blame in comparison.blames],
        "pairs": [_dumped(pair) for pair in comparison.pairs],
        "unseen": None if comparison.unseen is None else list(comparison.unseen),
        "oracle": comparison.oracle,
        "certificate_seconds": comparison.certificate_seconds,
    }
    return pack("comparison", content, arrays)


def comparison_from(data: bytes) -> Comparison:
    """The comparison that `comparison_bytes` wrote. Raises StorageError."""
    content, arrays = unpack(data, "comparison")
    try:
        names = [str(name) for name in content["backends"]]
        return Comparison(
            spec=str(content["spec"]),
            plan=plan_from(arrays["plan"].tobytes()),
            records={name: record_from(arrays[f"records/{name}"].tobytes()) for name in names},
            certificates={name: _read_certificate(content["certificates"][name], name) for name in names},
            blames=tuple(_read(Blame, entry) for entry in content["blames"]),
            pairs=tuple(_read(Pair, entry) for entry in content["pairs"]),
            unseen=None if content["unseen"] is None else tuple(content["unseen"]),
            oracle=bool(content["oracle"]),
            certificate_seconds=float(content["certificate_seconds"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"does not make sense: {error}") from error


def _packed(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def _certificate(certificate: Certificate) -> tree.Tree:
    return {
        "provenance": tree.dump(certificate.provenance),
        "findings": [_dumped(finding) for finding in certificate.findings],
        "plain": [_dumped(finding) for finding in certificate.plain],
        "accumulated": _number(certificate.accumulated),
        "failure": certificate.failure,
    }


def _read_certificate(entry: Any, name: str) -> Certificate:
    return Certificate(
        tree.load(Provenance, entry["provenance"], f"certificates.{name}"),
        tuple(_read(Finding, one) for one in entry["findings"]),
        tuple(_read(Finding, one) for one in entry["plain"]),
        float(entry["accumulated"]),
        entry["failure"],
    )


def _dumped(value: Any) -> list[Any]:
    return [_number(getattr(value, field.name)) for field in fields(value)]


def _number(x: Any) -> Any:
    # JSON has no infinity and no NaN; as text they keep what they are.
    if isinstance(x, float) and not np.isfinite(x):
        return {"float": repr(float(x))}
    return list(x) if isinstance(x, tuple) else x


def _read(kind: Any, entry: list[Any]) -> Any:
    found = {}
    for field, x in zip(fields(kind), entry, strict=True):
        if isinstance(x, dict):
            x = float(x["float"])  # noqa: PLW2901 — the value itself, decoded
        found[field.name] = tuple(x) if isinstance(x, list) else x
    return kind(**found)
