"""A GRU in Equinox, run over a sequence by scan: a module is its own tree of parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp

import bpcompare


class Gru(eqx.Module):
    cell: eqx.nn.GRUCell
    out: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.cell = eqx.nn.GRUCell(3, 8, key=one)
        self.out = eqx.nn.Linear(8, 2, key=two)

    def __call__(self, xs):
        h, _ = jax.lax.scan(lambda h, x: (self.cell(x, h), None), jnp.zeros(8), xs)
        return self.out(h)


@eqx.filter_jit
def loss(model, x, y):
    return jnp.mean((jax.vmap(model)(x) - y) ** 2)


t = jnp.linspace(0, 3, 6)
x = jnp.stack([jnp.sin(t + phase)[:, None] * jnp.arange(1.0, 4.0) for phase in range(4)])
y = jnp.stack([jnp.array([jnp.sin(3.5 + phase), jnp.cos(3.5 + phase)]) for phase in range(4)])
step = bpcompare.check(loss, Gru(jax.random.key(0)), x, y)
print(step)
