"""A loss in plain JAX, trained with optax: clipping, AdamW and a schedule."""

import jax
import jax.numpy as jnp
import optax
from data import digits

import bpcompare

images, classes = digits(256)
x, y = jnp.asarray(images.flatten(1).numpy()), jnp.asarray(classes.numpy())


def make(key, sizes=(64, 32, 10)):
    keys = jax.random.split(key, len(sizes) - 1)
    return [{"w": jax.random.normal(k, (m, n)) * m**-0.5, "b": jnp.zeros(n)} for k, m, n in zip(keys, sizes, sizes[1:])]


def loss(params, x, y):
    *hidden, last = params
    for layer in hidden:
        x = jax.nn.gelu(x @ layer["w"] + layer["b"])
    scores = x @ last["w"] + last["b"]
    return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()


params = make(jax.random.key(0))
optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(1e-2, 50)))
state = optimizer.init(params)


@jax.jit
def train(params, state, x, y):
    updates, state = optimizer.update(jax.grad(loss)(params, x, y), state, params)
    return optax.apply_updates(params, updates), state


for _ in range(5):
    params, state = train(params, state, x, y)
step = bpcompare.check(loss, params, x[:32], y[:32], update=(optimizer, state))
print(step)
