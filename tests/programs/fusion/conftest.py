"""Fixtures of fused programs."""

import pytest

from tests.programs.fusion.forced import every_group_fused, plain_loops


@pytest.fixture
def plain():
    """Every group is fused, as a loop in Python."""
    with plain_loops():
        yield


@pytest.fixture
def always():
    """Every group is fused, as a loop that numba compiles."""
    with every_group_fused():
        yield
