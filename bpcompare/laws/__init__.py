"""The law of each op: forward and Δ, once, for every arithmetic. `LAWS` is the table."""

from bpcompare import ops
from bpcompare.laws import activation, convolution, dense, embedding, error, normalization, pooling, shape, update
from bpcompare.laws.law import Law, Laws, UpdateLaw

LAWS = Laws(
    {
        ops.Dense: dense.DenseLaw(),
        ops.Conv2d: convolution.Conv2dLaw(),
        ops.MaxPool2d: pooling.MaxPool2dLaw(),
        ops.AvgPool2d: pooling.AvgPool2dLaw(),
        ops.LayerNorm: normalization.LayerNormLaw(),
        ops.BatchNorm: normalization.BatchNormLaw(),
        ops.Embedding: embedding.EmbeddingLaw(),
        ops.Add: shape.AddLaw(),
        ops.Concat: shape.ConcatLaw(),
        ops.Scale: shape.ScaleLaw(),
        ops.Flatten: shape.FlattenLaw(),
        ops.Dropout: shape.DropoutLaw(),
        ops.Identity: activation.IdentityLaw(),
        ops.Sigmoid: activation.SigmoidLaw(),
        ops.Tanh: activation.TanhLaw(),
        ops.Relu: activation.ReluLaw(),
        ops.LeakyRelu: activation.LeakyReluLaw(),
        ops.Elu: activation.EluLaw(),
        ops.Softplus: activation.SoftplusLaw(),
        ops.GeluErf: activation.GeluErfLaw(),
        ops.GeluTanh: activation.GeluTanhLaw(),
        ops.Silu: activation.SiluLaw(),
        ops.Softmax: activation.SoftmaxLaw(),
        ops.HalfSquared: error.HalfSquaredLaw(),
        ops.MeanSquared: error.MeanSquaredLaw(),
        ops.SoftmaxCrossEntropy: error.SoftmaxCrossEntropyLaw(),
        ops.BinaryCrossEntropyWithLogits: error.BinaryCrossEntropyWithLogitsLaw(),
        ops.Huber: error.HuberLaw(),
    },
    {ops.Sgd: update.SgdLaw(), ops.Adam: update.AdamLaw(), ops.AdamW: update.AdamWLaw()},
)

__all__ = ["LAWS", "Law", "Laws", "UpdateLaw"]
