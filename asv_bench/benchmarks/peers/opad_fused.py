"""opad, compiled with `fuse=True`: elementwise steps as loops that numba compiles."""

from functools import partial

import opad

from . import opad_eager

version = opad.__version__
make = partial(opad_eager.make, transform=partial(opad.compile, fuse=True))
