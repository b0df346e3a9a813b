"""The JSON Schema of spec files, for editors."""

from __future__ import annotations

from typing import Any


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a spec, TOML or JSON, made from the same classes that read it."""
    from bpcompare.spec.document import document_type

    schema = document_type().model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "bpcompare spec"}
