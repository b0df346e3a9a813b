"""Whether the backends that were asked for are there: said before anything runs, and without importing any of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bpcompare.cli.codes import reason
from bpcompare.engine.address import Address, UnknownBackendError, locate
from bpcompare.mistakes import MISTAKES
from bpcompare.network import Network
from bpcompare.spec.files import missing_file
from bpcompare.text.words import did_you_mean, listed


def present(names: Iterable[str] | None, network: Network | None = None) -> None:
    """Raise UnknownBackendError, with a suggestion, for a name nobody offers, a file, class or Python that is not there.

    With the `network` that they are to run, also for a place that it does not have.
    """
    for name in names or ():
        address = locate(name)
        reason = _no_python(address) or (_no_class(address) if address.from_file else "") or _no_place(address, network)
        if reason:
            raise UnknownBackendError(f"{name}: {reason}")


def _no_python(address: Address) -> str:
    there = not address.interpreter or Path(address.interpreter).is_file()
    return "" if there else f"there is no Python at {address.interpreter}"


def _no_place(address: Address, network: Network | None) -> str:
    """What is missing of the place at which a mistake is to be planted alone: delta!BP301:h.bias."""
    code, _, place = address.mistake.partition(":")
    if not place or network is None:
        return ""
    spots = MISTAKES[code].spots(network)
    if place in spots:
        return ""
    where = f"it can at {listed(spots, 12)}" if spots else f"nor anywhere else in {network.name}"
    return f"{code} cannot be made at {place}; {did_you_mean(place, spots) or where}"


def _no_class(address: Address) -> str:
    """What is missing of a file's class. A name that stands nowhere in the file cannot be one of it."""
    where, _, wanted = address.target.rpartition(":")
    path = Path(where)
    if not path.is_file():
        hint = missing_file(path)
        return f"there is no file {where}" + (f"; {hint}" if hint else "")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"{where} cannot be read: {reason(error)}"
    classes = re.findall(r"^\s*class\s+(\w+)", text, re.MULTILINE)
    if not wanted:
        return f"which class of it? {' or '.join(f'{where}:{one}' for one in classes[:8]) or f'{where}:Class'}"
    made_elsewhere = re.search(r"import\s*\*|\bglobals\b|\bexec\b", text)
    if made_elsewhere or re.search(rf"\b{re.escape(wanted)}\b", text):
        return ""
    hint = did_you_mean(wanted, classes) or f"its classes: {', '.join(classes[:8]) or 'none'}"
    return f"{where} has no class {wanted}; {hint}"
