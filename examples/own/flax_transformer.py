"""A small language model in Flax: embeddings, masked attention, layer norms."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

import bpcompare


class Block(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x, mask):
        h = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(2, qkv_features=self.width)(h, h, mask=mask)
        h = nn.LayerNorm()(x)
        return x + nn.Dense(self.width)(nn.gelu(nn.Dense(2 * self.width)(h)))


class Model(nn.Module):
    vocabulary: int = 20
    width: int = 16

    @nn.compact
    def __call__(self, ids):
        x = nn.Embed(self.vocabulary, self.width)(ids)
        x = x + self.param("position", nn.initializers.normal(0.02), (ids.shape[1], self.width))
        x = Block(self.width)(x, nn.make_causal_mask(ids))
        return nn.Dense(self.vocabulary)(nn.LayerNorm()(x))


model = Model()
ids = jax.random.randint(jax.random.key(1), (2, 7), 0, model.vocabulary)
params = model.init(jax.random.key(0), ids)


def loss(params, ids):
    scores = model.apply(params, ids)
    return optax.softmax_cross_entropy_with_integer_labels(scores, jnp.roll(ids, -1, 1)).mean()


step = bpcompare.check(loss, params, ids)
print(step)
