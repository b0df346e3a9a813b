"""`bpcompare schema`: the JSON Schema of specs."""

from __future__ import annotations

from bpcompare.cli.terminal import say_exactly


def schema() -> int:
    """Print the JSON Schema of specs, for editors that check TOML or JSON while it is written."""
    from json import dumps

    from bpcompare.spec import json_schema

    say_exactly(dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0
