"""Spec files, TOML or JSON: text to Network, with every problem reported at its line."""

from __future__ import annotations

from bpcompare.spec.reader import parse, read
from bpcompare.spec.schema import json_schema

__all__ = ["json_schema", "parse", "read"]
