"""Reductions of rows add in the order of NumPy."""

import numpy as np
import pytest

from opad.programs.fusion.summation import FUNCTIONS, larger, row_extremum, row_sum, smaller


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
    assert row_extremum(x, 1, n, larger) == x[1 : n + 1].max()
    assert row_extremum(x, 1, n, smaller) == x[1 : n + 1].min()
    for k in range(1, n + 1):
        with_nan = x.copy()
        with_nan[k] = np.nan
        assert np.isnan(row_extremum(with_nan, 1, n, larger))
        assert np.isnan(row_extremum(with_nan, 1, n, smaller))


def test_compiled_functions(rng):
    pytest.importorskip("numba")
    from opad.programs.fusion.summation import compiled_functions

    functions, x = compiled_functions(), rng.standard_normal(777)
    assert functions.keys() == FUNCTIONS.keys()
    assert functions["row_sum"](x, 7, 770) == np.sum(x[7:])
    assert functions["row_extremum"](x, 7, 770, functions["larger"]) == np.max(x[7:])
    assert functions["row_extremum"](x, 7, 770, functions["smaller"]) == np.min(x[7:])
