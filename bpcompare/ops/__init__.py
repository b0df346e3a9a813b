"""What each op means, as data. `OPS` lists them all: an op is on it because it stands in the file of its family."""

from types import ModuleType
from typing import TypeVar

from bpcompare.ops import (
    activation,
    arithmetic,
    constant,
    convolution,
    dense,
    embedding,
    error,
    normalization,
    parametric,
    penalty,
    pooling,
    product,
    reduction,
    shape,
    update,
)
from bpcompare.ops.activation import *
from bpcompare.ops.arithmetic import *
from bpcompare.ops.constant import *
from bpcompare.ops.convolution import *
from bpcompare.ops.dense import *
from bpcompare.ops.embedding import *
from bpcompare.ops.error import *
from bpcompare.ops.normalization import *
from bpcompare.ops.op import *
from bpcompare.ops.parametric import *
from bpcompare.ops.penalty import *
from bpcompare.ops.pooling import *
from bpcompare.ops.product import *
from bpcompare.ops.reduction import *
from bpcompare.ops.shape import *
from bpcompare.ops.update import *

_Kind = TypeVar("_Kind", bound=Op)


def _written_in(kind: type[_Kind], *families: ModuleType) -> tuple[type[_Kind], ...]:
    """The ops of the families that have a name, in the order in which they are written."""
    found = [op for family in families for op in vars(family).values() if isinstance(op, type) and issubclass(op, kind)]
    return tuple(op for op in found if "name" in vars(op))


_LAYERS = (dense, convolution, pooling, normalization, embedding, shape, arithmetic, product, reduction, constant, parametric)
LAYERS = _written_in(LayerOp, *_LAYERS)  # type: ignore[type-abstract]
ACTIVATIONS = _written_in(Activation, activation)
ERRORS = _written_in(ErrorOp, error)
PENALTIES = _written_in(PenaltyOp, penalty)
UPDATES = _written_in(UpdateOp, update)
OPS: dict[str, type[Op]] = {op.name: op for op in (*LAYERS, *ACTIVATIONS, *ERRORS, *PENALTIES, *UPDATES)}
FAMILIES = tuple(dict.fromkeys(op.__module__.rpartition(".")[2] for op in OPS.values()))
"""The names of the files here that have ops. Laws and backends have a file of the same name, with a `TABLE`, for each."""
