"""opad, compiled: plain NumPy under `opad.compile(opad.grad(…))`; recording is not timed."""

from functools import partial

import opad

from . import opad_eager

version = opad.__version__
make = partial(opad_eager.make, transform=opad.compile)
