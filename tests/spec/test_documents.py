"""Documents of few ops and of all."""

import tomllib
from dataclasses import replace

import pytest

from bpcompare.spec import parse
from bpcompare.spec.document import document_type, read_as_document
from bpcompare.spec.shipped import shipped


@pytest.mark.parametrize("name", sorted(name for name, path in shipped().items() if path.suffix == ".toml"))
def test_a_spec_reads_alike_among_all_ops(name: str) -> None:
    """What a spec means depends on which other ops the reader knows."""
    raw = tomllib.loads(shipped()[name].read_text(encoding="utf-8"))
    read, whole = read_as_document(raw), document_type().model_validate(raw)
    assert type(read) is not type(whole)
    assert repr(read) == repr(whole)


def test_what_says_the_same_is_one_object_and_what_differs_is_not():
    """Ten thousand nodes would be written down one by one; or −0.0, which is equal to 0.0, would be read as 0.0."""
    layers = "".join(
        f'[layers.{name}]\nop = "dense"\nfrom = ["x"]\nunits = 1\ng = {{ op = "leaky_relu", slope = {slope} }}\n'
        f'init = {{ kind = "normal", scale = {scale} }}\n'
        for name, slope, scale in (("a", "0.5", "0.5"), ("b", "0.5", "0.5"), ("c", "0.25", "0.0"), ("d", "0.25", "-0.0"))
    )
    text = (
        f'[inputs.x]\nunits = 1\n{layers}[layers.o]\nop = "dense"\nfrom = ["a", "b", "c", "d"]\nunits = 1\n'
        '[error]\nop = "half_squared"\nof = "o"\nreduce = "sum"\n[update]\nrule = "sgd"\neta = 0.5\n'
        "[data]\nexamples = [{ x = [1.0], t = [0.5] }]\n"
    )
    network = parse(text)
    a, b, c, d = (network.layers[name].g for name in "abcd")
    assert a is b
    assert c is d
    assert a != c
    scales = [repr(network.parameters[f"{name}.weight"].init.scale) for name in "abcd"]
    assert scales == ["0.5", "0.5", "0.0", "-0.0"]
    fresh = replace(network)  # what is known of its graph is worked out anew
    assert (network.order, network.shapes) == (fresh.order, fresh.shapes)
