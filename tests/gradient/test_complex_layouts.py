"""Contracts of layouts of complex numbers: they lie in memory as they do, both parts of each side by side."""

import numpy as np
import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")


def as_it_stands(z):
    """The numbers as they stand in memory, whatever the strides are."""
    return z.ravel(order="K").reshape(z.shape)


def as_torch_has_it(z):
    return torch.as_strided(z, z.shape, torch.empty(z.shape).stride())


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, dy):
        (z,) = ctx.saved_tensors
        return 2 * dy * z.conj()


class OfInput(Square):
    @staticmethod
    def backward(ctx, dy):
        (z,) = ctx.saved_tensors
        return 2 * dy * as_torch_has_it(z).conj()


class OfDy(Square):
    @staticmethod
    def backward(ctx, dy):
        (z,) = ctx.saved_tensors
        return 2 * as_torch_has_it(dy) * z.conj()


class OfBase(Square):
    @staticmethod
    def backward(ctx, dy):
        (z,) = ctx.saved_tensors
        return 2 * dy * torch.as_strided(z, z.shape, z.stride(), 0).conj()


SQUARES = {
    "input": ((lambda z: z * z, lambda z, dy: 2 * dy * np.conj(as_it_stands(z))), "layouts", "z was in Fortran order"),
    "dy": ((lambda z: z * z, lambda z, dy: 2 * as_it_stands(dy) * np.conj(z)), "layouts", "dy was in Fortran order"),
    "torch input": ((OfInput,), "layouts", "z was transposed"),
    "torch dy": ((OfDy,), "layouts", "dy was transposed"),
    "torch pair": ((lambda z: z * z, lambda z, dy: 2 * as_torch_has_it(dy) * z.conj()), "layouts", "dy was transposed"),
    "torch part": ((OfBase,), "views", "z was a part of a larger array"),
}


@pytest.mark.parametrize(("code", "name", "said"), SQUARES.values(), ids=SQUARES)
def test_complex_numbers_are_laid_out_in_other_ways(code, name, said, request):
    """Code that does not read complex numbers by their strides would be certified."""
    z = np.linspace(-1.3, 1.7, 12).reshape(3, 4) + 1j * np.linspace(0.4, -0.9, 12).reshape(3, 4)
    given = torch.tensor(z) if "torch" in request.node.callspec.id else z
    check = check_gradient(*code, *(() if len(code) == 2 else (None,)), (given,), names=("z",))
    assert [one.verdict for one in check.findings] == ["certified"]
    outcome = next(one for one in check.contracts if one.name == name)
    assert (outcome.outcome, said in outcome.said) == ("broken", True), outcome


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2), (2, 1, 3)])
def test_honest_complex_code_keeps_every_layout(shape):
    """Right code would be called wrong for how pairs are laid out."""
    z = np.random.default_rng(0).normal(size=(*shape, 2)) @ (1, 1j)
    own = {"NumPy": check_gradient(lambda z: z * z, lambda z, dy: 2 * dy * np.conj(z), (np.asarray(z),))}
    own["torch"] = check_gradient(Square, inputs=(torch.tensor(z),))
    own["conjugate"] = check_gradient(
        lambda z: (z.conj() * z, z.mT.conj() if z.ndim > 1 else z.conj()), inputs=(torch.tensor(z),)
    )
    for name, check in own.items():
        assert check.verdict == "certified", f"{name}\n{check}"
        outcomes = {one.name: one.outcome for one in check.contracts}
        assert (outcomes["layouts"], outcomes["views"]) == ("kept", "kept"), f"{name}\n{check}"
