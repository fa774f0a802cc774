"""Finding the operation that makes the first NaN or infinity, in a program or in a substitution: `opad.debug`.

While it is on, tapes are `WatchedRecords`, whose rows check what they are given and what their blocks make. Otherwise
tapes are lists, and nothing here is ever called.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import NamedTuple

import numpy as np

from opad.errors import NonFiniteError
from opad.operators.algebra import Wrapper
from opad.tracing import messages
from opad.tracing.primitives import Primitive, Row
from opad.tracing.trace import make_records

_site = ContextVar("the operation whose block is being made or applied", default=None)
_numbers = count()


@contextmanager
def debug(nans=True, infs=False):
    """While active, name the first operation that makes a NaN or an infinity, with the caller's file and line.

    It holds for functions that are traced in this thread (or task) while it is active: their own operations, and the
    forward and back substitutions of their derivatives, nested ones included. A context manager and a decorator.
    Programs of `opad.compile` are replayed unchecked; call the function itself.

    Parameters
    ----------
    nans : bool, raise where an operation has NaN in its result
    infs : bool, raise where an operation makes an infinity of finite arguments; constants may be infinite, as those of
        masks are

    Raises
    ------
    NonFiniteError

    Examples
    --------
    >>> import numpy as np, opad
    >>> def f(x):
    ...     return np.sum(np.sqrt(x * x))  # 0 / 0 in the derivative at 0
    >>> with opad.debug(infs=True), np.errstate(all="ignore"):  # doctest: +ELLIPSIS
    ...     opad.grad(f)(np.array([0.0, 1.0]))
    Traceback (most recent call last):
    ...
    opad.errors.NonFiniteError: the back substitution through numpy.sqrt (...) has an infinity in its result; ...
    """
    token = make_records.set((lambda: WatchedRecords((nans, infs))) if nans or infs else None)
    try:
        yield
    finally:
        make_records.reset(token)


class WatchedRecords(list):
    """A tape whose operations and blocks are checked for NaN and infinities.

    Parameters
    ----------
    checks : (nans, infs)
    """

    def __init__(self, checks):
        super().__init__()
        self.checks = checks
        self.number = next(_numbers)

    def append(self, record):
        primitive, y, args, kwargs, parents = record
        site, outer = Site(_name(primitive), messages.caller(), self.number), _site.get()
        if outer is not None and outer.number > self.number:  # of an inner trace, whose blocks compute with this one's
            site = Site(f"{site.name}, a part of {outer.name},", outer.place, self.number)
        self.require_finite(y, [*args, *kwargs.values()], site.name + site.place)
        super().append((Watched(primitive, self, site), y, args, kwargs, parents))

    def require_finite(self, y, given, what):
        """Raise if the value `y`, computed from `given`, is not what it should be."""
        nans, infs = self.checks
        if nans and _any(np.isnan, y):
            given = tuple(given)
            received = "NaN" if _any(np.isnan, given) else "an infinity" if _any(np.isinf, given) else None
            found = "NaN in its result" + (f", having received {received}" if received else "")
        elif infs and _any(np.isinf, y) and not _any(np.isinf, tuple(given)):
            found = "an infinity in its result"
        else:
            return
        raise NonFiniteError(
            f"{what} has {found}; expected finite numbers, as opad.debug is active. Look at its arguments there; "
            "np.where chooses on either side of a singular point, and a branch that it does not take has no derivative."
        )


def _any(test, value):
    """Whether a test holds anywhere in an array, a number, or a tuple of them."""
    while hasattr(value, "tape"):
        value = value.value
    if hasattr(value, "present"):  # a tuple of arrays, some of which are structural zeros
        value = tuple(value.present.values())
    if isinstance(value, tuple | list):
        return any(_any(test, part) for part in value)
    if isinstance(value, np.ndarray | np.generic | float | complex):
        return np.asarray(value).dtype.kind in "fc" and bool(np.any(test(value)))
    return False


def _name(primitive):
    """numpy.sqrt for functions of libraries, the bare name for others."""
    full = messages.name_of(primitive.function)
    return full if full.startswith(("numpy.", "scipy.")) else primitive.__name__


class Site(NamedTuple):
    """An operation, where it was called, and the number of its tape."""

    name: str
    place: str
    number: int


@contextmanager
def _at(site):
    """While the block of an operation is made or applied: what it computes for an outer trace is a part of it."""
    outer = _site.get()
    token = _site.set(site if outer is None or site.number > outer.number else outer)
    try:
        yield
    finally:
        _site.reset(token)


class Watched(Primitive):
    """A primitive whose blocks are checked.

    Parameters
    ----------
    primitive : Primitive
    records : WatchedRecords
    site : Site
    """

    def __init__(self, primitive, records, site):
        super().__init__(primitive.function)
        self.__name__ = primitive.__name__
        self.is_assignable = primitive.is_assignable
        self.primitive = primitive
        self.records = records
        self.site = site

    def blocks(self, y, args, kwargs, parents):
        with _at(self.site):
            stated = self.primitive.blocks(y, args, kwargs, parents)
        if type(stated) is Row:
            return Row(self._watch(stated.diagonal), [(j, op and self._watch(op)) for j, op in stated.blocks])
        return [(j, op and self._watch(op)) for j, op in stated]

    def _watch(self, op):
        return WatchedBlock(op, self.records, self.site)


class WatchedBlock(Wrapper):
    """A block that raises where its products are not finite.  Forward and adjoint: as `op`.

    Parameters
    ----------
    op : Operator
    records : WatchedRecords
    site : Site
    """

    def __init__(self, op, records, site):
        self.op = op
        self.records = records
        self.site = site

    dims = property(lambda self: self.op.dims)
    dimsd = property(lambda self: self.op.dimsd)

    def _checked(self, product, X, what):
        with _at(self.site):
            Y = product(X)
        self.records.require_finite(Y, [X], f"the {what} substitution through {self.site.name}{self.site.place}")
        return Y

    def apply(self, X):
        return self._checked(self.op.apply, X, "forward")

    def apply_adjoint(self, Y):
        return self._checked(self.op.apply_adjoint, Y, "back")

    def solve(self, Y):
        return self._checked(self.op.solve, Y, "forward")

    def solve_adjoint(self, X):
        return self._checked(self.op.solve_adjoint, X, "back")
