"""The kernel of the laws: a few primitives, each with its transpose written by hand. A law is a forward program over them."""

from bpcompare.laws.kernel.arithmetic import add, divide, elementwise, multiply, negative, subtract, where
from bpcompare.laws.kernel.correlation import correlate, returned_to
from bpcompare.laws.kernel.functions import exp, log, power, sqrt, tanh
from bpcompare.laws.kernel.moves import aligned, concat, cut, expand, pad, permute, put, reshape, take
from bpcompare.laws.kernel.node import Node, UnreachedError, lifted, pulled_back
from bpcompare.laws.kernel.scores import largest, log_softmax, softmax
from bpcompare.laws.kernel.standard import standardized
from bpcompare.laws.kernel.sums import matmul, mean, moments, total

__all__ = [
    "Node",
    "UnreachedError",
    "add",
    "aligned",
    "concat",
    "correlate",
    "cut",
    "divide",
    "elementwise",
    "exp",
    "expand",
    "largest",
    "lifted",
    "log",
    "log_softmax",
    "matmul",
    "mean",
    "moments",
    "multiply",
    "negative",
    "pad",
    "permute",
    "power",
    "pulled_back",
    "put",
    "reshape",
    "returned_to",
    "softmax",
    "sqrt",
    "standardized",
    "subtract",
    "take",
    "tanh",
    "total",
    "where",
]
