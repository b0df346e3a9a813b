"""What each op means, as data. `OPS` lists them all: an op is on it because it stands in the file of its family."""

from types import ModuleType
from typing import TypeVar

from bpcompare.ops import activation, convolution, dense, embedding, error, normalization, pooling, shape, update
from bpcompare.ops.activation import *
from bpcompare.ops.convolution import *
from bpcompare.ops.dense import *
from bpcompare.ops.embedding import *
from bpcompare.ops.error import *
from bpcompare.ops.normalization import *
from bpcompare.ops.op import *
from bpcompare.ops.pooling import *
from bpcompare.ops.shape import *
from bpcompare.ops.update import *

_Kind = TypeVar("_Kind", bound=Op)


def _written_in(kind: type[_Kind], *families: ModuleType) -> tuple[type[_Kind], ...]:
    """The ops of the families that have a name, in the order in which they are written."""
    found = [op for family in families for op in vars(family).values() if isinstance(op, type) and issubclass(op, kind)]
    return tuple(op for op in found if "name" in vars(op))


LAYERS = _written_in(LayerOp, dense, convolution, pooling, normalization, embedding, shape)  # type: ignore[type-abstract]
ACTIVATIONS = _written_in(Activation, activation)
ERRORS = _written_in(ErrorOp, error)
UPDATES = _written_in(UpdateOp, update)
OPS: dict[str, type[Op]] = {op.name: op for op in (*LAYERS, *ACTIVATIONS, *ERRORS, *UPDATES)}
