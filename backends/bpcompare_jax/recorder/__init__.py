"""Records one step of a JAX loss: its jaxpr, equation by equation, with what arrives at each value on the way back."""

from bpcompare_jax.recorder.asking import asked
from bpcompare_jax.recorder.stepping import checked

__all__ = ["asked", "checked"]
