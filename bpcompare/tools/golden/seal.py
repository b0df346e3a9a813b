"""Texts of JSON with a title, a version and a checksum: what was cut, or changed by hand, is noticed."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from bpcompare.plan.storage import StorageError

_TAIL = re.compile(r' "sha256": "([0-9a-f]{64})"\n}\n')


def sealed(body: str) -> bytes:
    """The text, in UTF-8, of an object in JSON that lacks its last entry: the checksum follows, and the brace."""
    return f"{body}{_tail(body)}".encode()


def unsealed(data: bytes, title: str, version: int) -> Any:
    """What a sealed text holds that begins with its title and the version of its format. Raises StorageError."""
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise StorageError("is not a golden that bpcompare wrote: it is no UTF-8 text") from error
    begins = f'{{\n "{title}": '
    if not text.startswith(begins):
        raise StorageError("is not a golden that bpcompare wrote")
    found = re.match(r"0*([1-9]\d{0,8})(?=,\n)", text[len(begins) :])
    if found is None:
        raise StorageError("is not a golden that bpcompare wrote: its format has no version")
    if int(found[1]) > version:
        raise StorageError(f"has format version {found[1]}, this bpcompare reads up to {version}; install a newer bpcompare")
    body, mark, tail = text.rpartition(' "sha256": ')
    if not _TAIL.fullmatch(mark + tail):
        raise StorageError("is cut short: its last lines are missing")
    if mark + tail != _tail(body):
        raise StorageError("was changed after it was written, or is damaged: its checksum does not match")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"does not make sense: {error}") from error


def _tail(body: str) -> str:
    return f' "sha256": "{sha256(body.encode()).hexdigest()}"\n}}\n'
