"""Documents of few ops and of all."""

import tomllib

import pytest

from bpcompare.spec.document import document_type, read_as_document
from bpcompare.spec.shipped import shipped


@pytest.mark.parametrize("name", sorted(name for name, path in shipped().items() if path.suffix == ".toml"))
def test_a_spec_reads_alike_among_all_ops(name: str) -> None:
    """What a spec means depends on which other ops the reader knows."""
    raw = tomllib.loads(shipped()[name].read_text(encoding="utf-8"))
    read, whole = read_as_document(raw), document_type().model_validate(raw)
    assert type(read) is not type(whole)
    assert repr(read) == repr(whole)
