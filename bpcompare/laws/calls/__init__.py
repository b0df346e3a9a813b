"""Laws of functions that frameworks call by name: forward programs on whole arrays, one file a family."""

from importlib import import_module

from bpcompare.laws.calls.called import Arguments, CallLaw, Formula, SeedLaw

FAMILIES = (
    "arithmetic",
    "blends",
    "functions",
    "special",
    "activations",
    "moves",
    "layouts",
    "indexing",
    "writing",
    "bags",
    "sums",
    "reductions",
    "contractions",
    "extremes",
    "windows",
    "maxima",
    "sampling",
    "grids",
    "convolutions",
    "scores",
    "errors",
    "normalization",
    "attention",
    "recurrent",
    "scaling",
    "lax",
    "collectives",
    "alignment",
    "prefixes",
    "segments",
    "linear_algebra",
    "factorizations",
    "matrix_functions",
    "complex_numbers",
    "complex_functions",
    "complex_lax",
    "quantized",
    "backwards",
)

CALLS: dict[str, CallLaw] = {
    function: law for family in FAMILIES for function, law in import_module(f"bpcompare.laws.calls.{family}").rows.table.items()
} | {"backward": SeedLaw()}
"""Every function that has a law, by its name without the framework's prefix and without a trailing underscore."""

__all__ = ["CALLS", "Arguments", "CallLaw", "Formula"]
