"""Reductions of rows add in the order of NumPy."""

import numpy as np
import pytest

from opad.programs.fusion.summation import FUNCTIONS, row_max, row_min, row_sum


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_row_sum_is_numpys_to_the_bit(dtype, rng):
    for n in [*range(1, 40), 127, 128, 129, 136, 137, 255, 256, 257, 1000, 1797]:
        x = rng.standard_normal(n + 3).astype(dtype)
        total = row_sum(x, 2, n)
        assert type(total) is dtype
        assert total == np.sum(x[2 : n + 2])


@pytest.mark.parametrize("n", range(1, 14))
def test_extrema(rng, n):
    x = rng.standard_normal(n + 2)
    x[0] = np.nan  # outside
    assert row_max(x, 1, n) == x[1 : n + 1].max()
    assert row_min(x, 1, n) == x[1 : n + 1].min()
    for k in range(1, n + 1):
        with_nan = x.copy()
        with_nan[k] = np.nan
        assert np.isnan(row_max(with_nan, 1, n))
        assert np.isnan(row_min(with_nan, 1, n))


def test_compiled_functions(rng):
    pytest.importorskip("numba")
    from opad.programs.fusion.summation import compiled_functions

    functions, x = compiled_functions(), rng.standard_normal(777)
    assert functions.keys() == FUNCTIONS.keys()
    assert functions["row_sum"](x, 7, 770) == np.sum(x[7:])
    assert functions["row_max"](x, 7, 770) == np.max(x[7:])
