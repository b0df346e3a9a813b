"""The proof that nothing rounds: the last bit that fits is accepted, and the first that does not is refused."""

import numpy as np
import pytest

from bpcompare.numbers.dyadic import Dyadic, InexactError, Precision
from bpcompare.numbers.number import dot, total

BITS = {"float32": 24, "float64": 53}


def _dyadic(x, dtype):
    return Dyadic(np.asarray(x, np.float64), Precision(dtype))


@pytest.mark.parametrize("dtype", BITS)
def test_sums_up_to_the_last_bit(dtype):
    """2^p ones added up fit if none is a half; one bit more, and the order of summation shows."""
    top = 2.0 ** BITS[dtype]
    for parts in ([top / 2, top / 4, 1.0], [top - 2, 1.0], [top / 2 - 1, top / 2 - 1, 1.0]):
        assert total([_dyadic([part], dtype) for part in parts]).mid[0] == sum(parts)
        assert (_dyadic([parts[0]], dtype) + _dyadic([sum(parts[1:])], dtype)).mid[0] == sum(parts)
        assert dot(_dyadic([parts], dtype), _dyadic(np.ones((len(parts), 1)), dtype)).mid[0, 0] == sum(parts)
    for parts in ([top, 1.0], [top / 2, top / 2, 1.0], [top / 2, 0.5], [top - 1, -1.0, 1.0]):
        arrays = [_dyadic([part], dtype) for part in parts]
        with pytest.raises(InexactError):
            total(arrays)
        with pytest.raises(InexactError):
            dot(_dyadic([parts], dtype), _dyadic(np.ones((len(parts), 1)), dtype))
        with pytest.raises(InexactError):
            total(_dyadic([parts], dtype), axis=1)


@pytest.mark.parametrize("dtype", BITS)
def test_products_up_to_the_last_bit(dtype):
    """A product has as many bits as both factors together."""
    half = BITS[dtype] // 2
    odd = 2.0**half - 1
    assert (_dyadic([odd], dtype) * _dyadic([odd], dtype)).mid[0] == odd**2
    with pytest.raises(InexactError):
        _dyadic([2.0 ** (half + 1) - 1], dtype) * _dyadic([2.0 ** (half + 1) - 1], dtype)


def test_cancellation_is_no_excuse():
    """Partial sums in another order are as large as all terms together, however small the sum is."""
    with pytest.raises(InexactError):
        total([_dyadic([2.0**24], "float32"), _dyadic([-(2.0**24)], "float32"), _dyadic([1.0], "float32")])


def test_numbers_below_the_smallest():
    """Multiples of less than the smallest normal number may be flushed."""
    tiny = 2.0**-126
    assert total([_dyadic([tiny], "float32"), _dyadic([tiny], "float32")]).mid[0] == 2 * tiny
    with pytest.raises(InexactError):
        total([_dyadic([tiny / 2], "float32"), _dyadic([tiny], "float32")])


def test_division_by_anything_but_a_power_of_two():
    """A third has no last bit."""
    assert (_dyadic([3.0], "float32") / 4.0).mid[0] == 0.75
    with pytest.raises(InexactError):
        _dyadic([3.0], "float32") / 3.0
