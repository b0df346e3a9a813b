import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _overflow_is_expected():
    """As where the judge works: what overflows becomes an infinite radius, and no warning."""
    with np.errstate(all="ignore"):
        yield
