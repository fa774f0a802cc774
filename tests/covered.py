"""To which order of derivatives the tests verify each function, from the registries that the tests run over."""

import numpy as np

from opad.tracing.rules.scipy_fft import TRANSFORMS
from tests.scipy import registry, test_mirrors
from tests.tracing import test_rules, test_rules_fft, test_rules_linalg, test_scipy_fft


def orders():
    """{function: the highest order of derivatives that is compared with Taylor remainders or differences}."""
    found = dict.fromkeys(TRANSFORMS, test_scipy_fft.ORDER)
    found.update(dict.fromkeys(_named(np.fft, test_rules_fft.CASES), test_rules_fft.ORDER))
    found.update(dict.fromkeys(_named(np.linalg, [[c.name] for c in test_rules_linalg.CASES]), test_rules_linalg.ORDER))
    found.update(dict.fromkeys((case.function for case in test_rules.CASES), test_rules.ORDER))
    found.update(dict.fromkeys((case.mirror for case in registry.CASES), test_mirrors.ORDER))
    return found


def _named(module, cases):
    """The functions of a module that the names of cases begin with."""
    names = {name.split()[0] for name, *_ in cases}
    return [getattr(module, name) for name in sorted(names) if hasattr(module, name)]
