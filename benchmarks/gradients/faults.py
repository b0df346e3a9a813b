"""Where the framework's own gradient is not its forward's: what is called wrong there is wrong. Each with a reproduction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What is so of these functions, and code that shows it with nothing but the framework."""

    names: tuple[str, ...]
    says: str
    shown: str


FAULTS = (
    Fault(
        ("cholesky_solve", "cholesky_inverse"),
        "The forward reads one triangle of L alone; the gradient of what it does not read is not 0. Torch's own tests hand it "
        "a triangle of L (`gradcheck_wrapper_triangular_input`), so that they do not see it.",
        "L = torch.tensor([[2.0, 0.5], [1.0, 3.0]], requires_grad=True)  # 0.5 is not read\n"
        "torch.autograd.grad(torch.cholesky_inverse(L).sum(), L)[0][0, 1]  # -0.1235",
    ),
    Fault(
        ("nn.functional.max_unpool1d", "nn.functional.max_unpool2d", "nn.functional.max_unpool3d"),
        "Where an index is there twice (windows that overlap), one of the values is written; both get the gradient.",
        "x = torch.tensor([[[1.0, 2.0]]], requires_grad=True)\n"
        "y = torch.nn.functional.max_unpool1d(x, torch.tensor([[[0, 0]]]), 2)  # [1, 0, 0, 0]\n"
        "torch.autograd.grad(y.sum(), x)[0]  # [1, 1]",
    ),
    Fault(
        ("nn.functional.embedding",),
        "With `max_norm`, the forward shortens long rows of the weight, in place and without autograd, which takes the short "
        "rows for the input. Torch's page warns of the write.",
        "w, at = torch.tensor([[3.0, 4.0]], requires_grad=True), torch.tensor([0])\n"
        "y = torch.nn.functional.embedding(at, w.clone(), max_norm=1.0)  # w / |w|\n"
        "torch.autograd.grad(y[0, 0], w)[0]  # [[1, 0]]; the derivative of w / |w| is [[0.128, -0.096]]",
    ),
    Fault(
        ("nn.functional.hardsigmoid",),
        "Its backward multiplies by 1/6 in the digits of float32, in float64, too.",
        "x = torch.zeros(1, dtype=torch.float64, requires_grad=True)\n"
        "torch.autograd.grad(torch.nn.functional.hardsigmoid(x).sum(), x)[0].item()  # 0.16666667163372, not 1/6",
    ),
    Fault(
        ("as_strided_scatter",),
        "Where all of the input is written over by a number, the input still gets the gradient.",
        "x, s = torch.tensor([5.0], requires_grad=True), torch.tensor(7.0)\n"
        "y = torch.as_strided_scatter(x, s, (), ())  # [7], whatever x is\n"
        "torch.autograd.grad(y.sum(), x)[0]  # [1]",
    ),
    Fault(
        ("as_strided", "as_strided.partial_views", "as_strided_copy"),
        "It goes by memory, not by entries: of a part of a larger array, it gives numbers that stand beside that part.",
        "x = torch.arange(4.0)[1:2]\ntorch.as_strided(x, (1,), (1,), 0)  # 0, and not 1",
    ),
    Fault(
        ("median", "nanmedian", "masked.median"),
        "Of an input that is expanded along the axis, it sorts in the memory that all share, and gives other numbers, or what "
        "stands in memory that nobody filled.",
        "x = torch.tensor([[1.0, 2.0, 3.0]]).expand(3, 3)\n"
        "torch.median(x, 0).values  # [2, 2, 6e-38] in one run, and not [1, 2, 3]",
    ),
    Fault(
        ("matrix_exp", "linalg.matrix_exp"),
        "Its gradient is a block of the exponential of [[Aᵀ, dy], [0, Aᵀ]]: the larger dy is, the fewer of its digits are right. "
        "It loses 5 of 16 for dy = 65536, and 11 for 1e12.",
        "A = torch.tensor([[-6.0, -8.0], [5.0, -8.0]], dtype=torch.float64, requires_grad=True)\n"
        "def scaled(c):\n"
        "    return torch.autograd.grad(c * torch.matrix_exp(A)[0, 1], A)[0] / c\n"
        "(scaled(1e12) - scaled(1.0)).abs().max() / scaled(1.0).abs().max()  # 7e-5",
    ),
    Fault(
        ("digamma", *(f"polygamma.polygamma_n_{n}" for n in range(5)), "special.polygamma.special_polygamma_n_0"),
        "The derivative of digamma, ψ', is a series that torch cuts off early: it is right to 9 or 10 digits in float64.",
        "x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)\n"
        "torch.autograd.grad(torch.digamma(x), x)[0].item() - torch.pi**2 / 6  # 8e-10",
    ),
    Fault(
        ("attention.dot_product_attention", "attention.dot_product_attention (causal)"),
        "JAX's attention works its shares out in float32 where all it is given is float64: it is right to eight digits.",
        "q, k, v = jnp.asarray(np.random.default_rng(0).normal(size=(3, 1, 5, 2, 4)))  # jax_enable_x64\n"
        'shares = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / 2.0, -1)\n'
        'jnp.abs(jax.nn.dot_product_attention(q, k, v) - jnp.einsum("bhqk,bkhd->bqhd", shares, v)).max()  # 5e-8',
    ),
    Fault(
        ("jax.scipy.special.spence",),
        "Beyond 1 its gradient is NaN, and at 1 it is 0: that of the branch that is not taken. It is ln x / (1 − x), and −1.",
        "jax.grad(jax.scipy.special.spence)(1.7)  # nan",
    ),
)

KNOWN = {name: fault for fault in FAULTS for name in fault.names}
