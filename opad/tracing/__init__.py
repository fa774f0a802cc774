"""From NumPy programs to block systems: traced arrays, the tape, and the Jacobian rules."""

import opad.tracing.assignment
import opad.tracing.calls
import opad.tracing.inplace
import opad.tracing.methods
import opad.tracing.objects
import opad.tracing.refusals  # noqa: F401
from opad.tracing.rules import (  # noqa: F401  register what they cover
    fft,
    indexing,
    linalg,
    norms,
    polynomials,
    products,
    reductions,
    scipy_fft,
    selecting,
    sequences,
    shaping,
    sparse,
    special,
    special_tuples,
    statistics,
    ufunc_methods,
    ufuncs,
)
