"""Checks that users run on their own operators. Each returns its numbers; none of them draws or prints."""

from opad.testing.operators import check_operator as check_operator
from opad.testing.report import Check as Check
from opad.testing.report import OperatorReport as OperatorReport
