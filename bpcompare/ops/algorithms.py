"""Algorithms with a weaker rounding bound than a direct sum: which ops have them, and how far they may be off.

A backend names what it uses in `Provenance.algorithms` ("conv2d": "winograd"). A name is accepted for an op that has such an
algorithm, and widens the balls of that op's products by that algorithm's bound; what is beyond is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2, sqrt
from typing import Any, Literal

from bpcompare.ops import OPS, Conv2d, Dense, Op

Reach = Literal["terms", "largest", "norms"]


@dataclass(frozen=True)
class Algorithm:
    """What a product may be off by: `factor(op, size)` times u times a sum over its terms, as `reach` says.

    "terms": Σ|w||a|, element by element. "largest": the same with the largest |w| and |a| of each channel in every place, for
    algorithms that mix neighbouring windows. "norms": Σ ‖w‖₂‖a‖₂ over channels, for those that mix all windows. `units` are how
    many u of float32 the factor counts; `dtypes` those it is known for. `size` is the longest side of an image.
    """

    ops: tuple[type[Op], ...]
    reach: Reach
    units: float
    dtypes: tuple[str, ...] = ("float32", "float64")

    def factor(self, op: Op, size: int) -> float:
        """Units of roundoff; 0 where the algorithm cannot be meant, because the op at hand has other sizes."""
        if self.reach == "largest":
            return self.units if isinstance(op, Conv2d) and op.kernel == (3, 3) and op.stride == (1, 1) else 0.0
        if self.reach == "norms":
            return self.units * log2(2.0 * size + max(op.kernel)) if isinstance(op, Conv2d) else 0.0
        return self.units

    def unseen(self, op: Op, places: Sequence[int]) -> float:
        """How many times more terms it mixes than the fullest window sees. `places`: how many each image and kernel has."""
        if not isinstance(op, Conv2d) or not places or self.reach == "terms":
            return 1.0
        kernel, stride = op.kernel[0] * op.kernel[1], op.stride[0] * op.stride[1]
        seen = max(1.0, kernel / min(places)) * stride
        # Σ over the places that meet of two norms spread evenly is √(fewer/more) of the product of the norms.
        return seen * sqrt(max(places) / min(places)) if self.reach == "norms" else seen


def _narrow(bits: int, parts: int = 1) -> float:
    """In units of 2⁻²⁴: operands cut to `parts` numbers of `bits` bits each, products of the last parts left out.

    Each operand is off by 2^−(bits·parts), so one product by twice that and its square; with more parts, the smallest product of
    two parts is left out as well.
    """
    off = 2.0 ** -(bits * parts)
    return ((2 if parts == 1 else 3) * off + off * off) * 2.0**24


_PRODUCTS = (Dense, Conv2d)
ALGORITHMS: Mapping[str, Algorithm] = {
    # Largest size in use, F(6×6, 3×3) with the points 0, ±1, ±2, ±½, ∞: Σ|Aᵀ|(|G|1 ⊙ |Bᵀ|1) over 3 taps, squared, is 509
    # (Barabasz et al., ACM TOMS 46 (2020), on componentwise bounds). The largest that was measured in float32 is 100.
    "winograd": Algorithm((Conv2d,), "largest", 512.0),
    # Normwise bound log₂N of an FFT: Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2. Measured: 1.0 log₂N.
    "fft": Algorithm((Conv2d,), "norms", 8.0),
    "tf32": Algorithm(_PRODUCTS, "terms", _narrow(11), ("float32",)),
    "bf16": Algorithm(_PRODUCTS, "terms", _narrow(8), ("float32",)),
    "tf32x3": Algorithm(_PRODUCTS, "terms", _narrow(11, 2), ("float32",)),
    "bf16x3": Algorithm(_PRODUCTS, "terms", _narrow(8, 2), ("float32",)),
}
"""By name. TF32 has 11 significant bits, bfloat16 8; both have the range of float32."""
NAMES: Mapping[str, str] = {"tensorfloat32": "tf32", "bfloat16": "bf16", "bfloat16_3x": "bf16x3", "bf16_bf16_f32_x3": "bf16x3"}
"""Other names of the same."""
DIRECT = ("direct", "")
"""Says that there is nothing to say."""


def algorithm(op: Op, declared: Mapping[str, str], dtype: str) -> Algorithm | None:
    """The algorithm that is declared for `op`, if it has such a one."""
    found = ALGORITHMS.get(_plain(declared.get(op.name, "")))
    return found if found is not None and isinstance(op, found.ops) and dtype in found.dtypes else None


def problems(declared: Any, dtype: str) -> Iterator[str]:
    """What cannot be meant by `declared`, a mapping from names of ops to names of algorithms."""
    if not isinstance(declared, Mapping):
        yield f"wanted a mapping from ops to algorithms, got {type(declared).__name__}"
        return
    for name, how in declared.items():
        if not isinstance(name, str) or not isinstance(how, str) or name not in OPS:
            yield f"{name!r:.60}: {how!r:.60}: wanted the name of an op, and that of an algorithm"
            continue
        if _plain(how) in DIRECT:
            continue
        known = {key: one for key, one in ALGORITHMS.items() if issubclass(OPS[name], one.ops)}
        if _plain(how) not in known:
            has = f"known for it are {', '.join(sorted(known))}" if known else "nothing but a direct evaluation is known for it"
            yield f"{name} has no algorithm {how!r:.60}; {has}"
        elif dtype not in known[_plain(how)].dtypes:
            yield f"{name} by {how}: its bound is that of a product in float32, and the plan is in {dtype}"


def _plain(name: str) -> str:
    word = name.strip().casefold()
    return NAMES.get(word, word)
