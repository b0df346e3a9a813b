"""A convolutional net in torch, and its port to Flax: channels last, other names, the same weights.

bpcompare check flax_port.py:torch_model flax_port.py:flax_model
"""

import jax.numpy as jnp
import optax
import torch
from data import digits
from flax import linen
from torch import nn
from torch.nn import functional

import bpcompare

x, y = digits(8)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.dense = nn.Linear(4 * 4 * 4, 16)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = functional.max_pool2d(torch.relu(self.conv(x)), 2).flatten(1)
        return self.head(functional.gelu(self.norm(self.dense(x))))


class Port(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.max_pool(linen.relu(linen.Conv(4, (3, 3), name="conv")(x)), (2, 2), (2, 2))
        x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)  # torch flattens with the channels first
        x = linen.LayerNorm(epsilon=1e-5, name="norm")(linen.Dense(16, name="dense")(x))  # Flax's own ε is 1e-6
        return linen.Dense(10, name="head")(linen.gelu(x, approximate=False))  # and its gelu is tanh's


def net():
    torch.manual_seed(0)
    return Net()


def ported(model):
    """The weights in Flax's layout."""
    weights = {name: jnp.asarray(p.detach().numpy()) for name, p in model.named_parameters()}
    layers = {
        name: {"kernel": weights[f"{name}.weight"].T, "bias": weights[f"{name}.bias"]} for name in ("conv", "dense", "head")
    }
    layers["conv"]["kernel"] = weights["conv.weight"].transpose(2, 3, 1, 0)
    return {"params": {**layers, "norm": {"scale": weights["norm.weight"], "bias": weights["norm.bias"]}}}


def loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(Port().apply(params, x), y).mean()


def torch_model():
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    return {"model": model, "inputs": x, "target": y, "loss": functional.cross_entropy, "optimizer": optimizer}


def flax_model():
    data = jnp.asarray(x.permute(0, 2, 3, 1).numpy()), jnp.asarray(y.numpy())
    return {"model": loss, "inputs": (ported(net()), *data), "update": optax.adamw(1e-3, weight_decay=0.01)}


if __name__ == "__main__":
    first, second = torch_model(), flax_model()
    step = bpcompare.compare(
        bpcompare.check(first.pop("model"), first.pop("inputs"), **first),
        bpcompare.check(second["model"], *second["inputs"], update=second["update"]),
    )
    print(step)
