"""What each op means, as data. The one list of them all is `OPS`."""

from bpcompare.ops.activation import (
    Elu,
    GeluErf,
    GeluTanh,
    Identity,
    LeakyRelu,
    Relu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from bpcompare.ops.convolution import Conv2d
from bpcompare.ops.dense import Dense
from bpcompare.ops.embedding import Embedding
from bpcompare.ops.error import BinaryCrossEntropyWithLogits, HalfSquared, Huber, MeanSquared, SoftmaxCrossEntropy
from bpcompare.ops.normalization import BatchNorm, LayerNorm
from bpcompare.ops.op import Activation, ErrorOp, LayerOp, Op, ParameterShape, Shape, Shapes, UpdateOp
from bpcompare.ops.pooling import AvgPool2d, MaxPool2d
from bpcompare.ops.shape import Add, Concat, Dropout, Flatten, Scale
from bpcompare.ops.update import Adam, AdamW, Sgd

LAYERS: tuple[type[LayerOp], ...] = (
    Dense,
    Conv2d,
    MaxPool2d,
    AvgPool2d,
    LayerNorm,
    BatchNorm,
    Embedding,
    Add,
    Concat,
    Scale,
    Flatten,
    Dropout,
)
ACTIVATIONS: tuple[type[Activation], ...] = (
    Identity,
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Elu,
    Softplus,
    GeluErf,
    GeluTanh,
    Silu,
    Softmax,
)
ERRORS: tuple[type[ErrorOp], ...] = (HalfSquared, MeanSquared, SoftmaxCrossEntropy, BinaryCrossEntropyWithLogits, Huber)
UPDATES: tuple[type[UpdateOp], ...] = (Sgd, Adam, AdamW)
OPS: dict[str, type[Op]] = {op.name: op for op in (*LAYERS, *ACTIVATIONS, *ERRORS, *UPDATES)}

__all__ = [
    "ACTIVATIONS", "ERRORS", "LAYERS", "OPS", "UPDATES",
    "Activation", "Adam", "AdamW", "Add", "AvgPool2d", "BatchNorm", "BinaryCrossEntropyWithLogits", "Concat", "Conv2d",
    "Dense", "Dropout", "Elu", "Embedding", "ErrorOp", "Flatten", "GeluErf", "GeluTanh", "HalfSquared", "Huber", "Identity",
    "LayerNorm", "LayerOp", "LeakyRelu", "MaxPool2d", "MeanSquared", "Op", "ParameterShape", "Relu", "Scale", "Sgd", "Shape",
    "Shapes", "Sigmoid", "Silu", "Softmax", "SoftmaxCrossEntropy", "Softplus", "Tanh", "UpdateOp",
]  # fmt: skip
