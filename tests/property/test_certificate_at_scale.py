"""Node-level graphs: thousands of single nodes, one weight array a layer."""

import pytest

import bpcompare
from bpcompare.testing.nodes import nodes


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "count"), [("delta", 10_000), ("torch", 1_000), ("jax", 200)])
def test_graphs_of_single_nodes(backend, count):
    """Something that grows with the square of the nodes would make the textbook's own graphs unusable."""
    if backend != "delta":
        pytest.importorskip(backend)
    comparison = bpcompare.run(nodes(count), [backend])
    assert comparison.verdict == "certified"
    assert len(comparison.certificates[backend].findings) == 7 * (count + 1) + 1
