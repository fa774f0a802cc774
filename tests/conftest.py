"""Fixtures of all tests."""

import os

import hypothesis
import numpy as np
import pytest

# Continuous integration draws the same examples every time; runs by hand look for new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def rng():
    return np.random.default_rng(20230328)
