"""Checks that users run on their own operators and functions. Each returns its numbers; none draws or prints."""

from opad.testing.derivatives import DerivativeReport as DerivativeReport
from opad.testing.derivatives import check_derivative as check_derivative
from opad.testing.manifolds import check_manifold as check_manifold
from opad.testing.operators import check_operator as check_operator
from opad.testing.report import Check as Check
from opad.testing.report import OperatorReport as OperatorReport
