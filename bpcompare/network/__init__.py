"""What a spec says: layers, parameters, an error, an update rule, data; and everything that can be wrong with it."""

from bpcompare.network.network import (
    Data,
    Dtype,
    Error,
    Input,
    Layer,
    Network,
    Problem,
    SpecError,
    Training,
)

__all__ = ["Data", "Dtype", "Error", "Input", "Layer", "Network", "Problem", "SpecError", "Training"]
