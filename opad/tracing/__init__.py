"""From NumPy programs to block systems: traced arrays, the tape, and the Jacobian rules."""

import opad.tracing.inplace
import opad.tracing.methods  # noqa: F401
from opad.tracing.rules import fft, indexing, linalg, norms, products, reductions, shaping, ufuncs  # noqa: F401
