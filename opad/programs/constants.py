"""What a recorded function uses besides its arguments: arrays and numbers that it closes over.

A program holds private copies of such arrays, and watches the originals: before every replay they are compared, bit by
bit, with the copies. If one has changed, or a name has been bound to something else, the function is recorded again.
Arrays that nobody else can reach any more (temporaries of the recording) and read-only arrays that own their memory are
not compared.
"""

import functools
import sys
import types
import weakref
from collections import Counter, deque

import numpy as np
from scipy.sparse import issparse

from opad.tracing.bits import duplicate, same_bits

_LIMIT = 4096  # objects looked at in search of arrays and numbers
_LIBRARIES = {"opad", "numpy", "scipy", "pylops", "optree", "torch", "jax", "functools", "builtins", "threading"}


class Constants:
    """The arrays from outside that one recording meets."""

    def __init__(self):
        self.snapshots = {}  # id of a snapshot -> snapshot
        self._originals = {}  # id of an array -> (weak reference, snapshot, the array itself if it is a view)
        self._owned = {}  # arrays that opad has made: nobody else can change them

    def own(self, array):
        """Declare an array to be opad's."""
        self._owned[id(array)] = array
        return array

    def is_owned(self, array):
        """True if the memory of a constant belongs to opad and will not change."""
        return id(array) in self._owned or id(array) in self.snapshots

    def snapshot(self, array):
        """A copy of an array as it is now; the same one for the same contents."""
        if self.is_owned(array):
            return array
        if not array.flags.writeable and array.base is None:
            return self._remember(array)
        known = self._originals.get(id(array))
        if known is not None and known[0]() is array and same_bits(array, known[1]):
            return known[1]
        copy = duplicate(array)
        root = array.base
        while isinstance(root, np.ndarray) and root.base is not None:
            root = root.base
        if root is None or id(root) not in self._owned:
            self._originals[id(array)] = (weakref.ref(array), copy, array if root is not None else None)
        return self._remember(copy)

    def _remember(self, snapshot):
        self.snapshots[id(snapshot)] = snapshot
        return snapshot

    def watched(self):
        """[(array, snapshot)] of what somebody may still change."""
        ours = Counter(id(known[2].base) for known in self._originals.values() if known[2] is not None)
        return [(known[0](), known[1]) for known in self._originals.values() if _is_held(known, ours)]


def _is_held(known, ours):
    """True if somebody else can reach the memory of an array; `ours` counts the views that we hold, by their base."""
    if known[2] is None:  # it owns its memory, and we have only a weak reference
        return known[0]() is not None
    if not getattr(sys, "_is_gil_enabled", lambda: True)():  # reference counts say nothing there
        return True
    if sys.getrefcount(known[2]) > 2:  # the tuple's and the argument's
        return True
    view, expected = known[2], ours[id(known[2].base)]
    while view.base is not None:
        if not isinstance(view.base, np.ndarray) or sys.getrefcount(view.base) > expected + 1:
            return True
        view, expected = view.base, 1
    return False


class Watch:
    """Names and arrays on which a program relies; `holds()` is False once one of them has changed.

    Parameters
    ----------
    function : callable, the recorded function
    more : objects that it was given and that are not arrays
    """

    def __init__(self, function, more=()):
        self._cells, self._entries, self._lists, self._arrays, self._sizes = [], [], [], [], []
        self._seen = {}
        self._generators = []
        self._visit(function)
        for thing in more:
            self._visit(thing)
        self._random_states = [generator_state(g) for g in self._generators]

    def holds(self):
        """True while everything is as it was."""
        for cell, value in self._cells:
            if cell.cell_contents is not value and not _same(cell.cell_contents, value):
                return False
        for table, key, value in self._entries:
            if table.get(key) is not value and not _same(table.get(key), value):
                return False
        for sequence, parts in self._lists:
            if not _same_parts(sequence, parts):
                return False
        for table, size in self._sizes:
            if len(table) != size:
                return False
        for array, copy in self._arrays:  # noqa: SIM110  a generator costs more than a comparison
            if not same_bits(array, copy):
                return False
        return True

    def include(self, pairs):
        """Watch more arrays: [(array, snapshot)]."""
        known = {_region(array) for array, _ in self._arrays}
        for array, copy in pairs:
            if _region(array) not in known:
                known.add(_region(array))
                self._arrays.append((array, copy))

    def settle(self):
        """After the recording: stop watching what the function itself has changed; its names."""
        changed = []

        def split(entries, same, describe):
            kept = [entry for entry in entries if same(*entry)]
            changed.extend(describe(*entry) for entry in entries if not same(*entry))
            return kept

        self._cells = split(self._cells, lambda c, v: _same(c.cell_contents, v), lambda c, v: f"a {type(v).__name__}")
        self._entries = split(self._entries, lambda t, k, v: _same(t.get(k), v), lambda t, k, v: str(k))
        self._lists = split(self._lists, _same_parts, lambda s, p: f"a list of {len(p)}")
        self._arrays = split(self._arrays, same_bits, lambda a, copy: f"an array of shape {a.shape}")
        self._sizes = [(table, len(table)) for table, _ in self._sizes]  # what was added is the function's own cache
        return changed

    @property
    def has_drawn(self):
        """True if the recorded function drew random numbers from a generator that it closes over, or from np.random."""
        return any(generator_state(g) != state for g, state in zip(self._generators, self._random_states, strict=True))

    @property
    def is_complete(self):
        """True if all objects were looked at."""
        return len(self._seen) <= _LIMIT

    @property
    def nbytes(self):
        """Bytes that are compared before each replay."""
        return sum(array.nbytes for array, _ in self._arrays)

    # -- looking for arrays -----------------------------------------------------------------------------------------

    def _visit(self, thing):
        if id(thing) in self._seen or len(self._seen) > _LIMIT:
            return
        kind = type(thing)
        if kind in (int, float, complex, bool, str, bytes, type(None)) or isinstance(thing, types.ModuleType):
            return
        self._seen[id(thing)] = thing
        if isinstance(thing, type):
            self._visit_class(thing)
        elif isinstance(thing, np.ndarray) and thing.dtype.hasobject:
            parts = thing.reshape(-1)
            self._lists.append((parts, tuple(parts.tolist())))
            for part in parts.tolist():
                self._visit(part)
        elif isinstance(thing, np.ndarray):
            if thing.flags.writeable or thing.base is not None:
                self.include([(thing, thing.copy(order="K"))])
        elif isinstance(thing, np.random.Generator | np.random.RandomState):
            self._generators.append(thing)
        elif kind is types.FunctionType:
            self._visit_function(thing)
        elif kind is types.MethodType:
            self._visit(thing.__func__)
            self._visit(thing.__self__)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, *thing.args, *thing.keywords.values()):
                self._visit(part)
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            if not isinstance(thing, tuple | frozenset):
                self._lists.append((thing, tuple(thing)))
            for part in thing:
                self._visit(part)
        elif isinstance(thing, dict):
            self._sizes.append((thing, len(thing)))
            self._visit_table(thing, list(thing))
        else:
            self._visit_object(thing)

    def _visit_function(self, function):
        is_library = (function.__module__ or "").split(".")[0] in _LIBRARIES
        for cell in function.__closure__ or ():
            try:
                contents = cell.cell_contents
            except ValueError:  # not yet bound
                continue
            if not is_library:
                self._cells.append((cell, contents))
            self._visit(contents)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._visit(default)
        if not is_library:
            used = _names_in(function.__code__)
            names = [name for name in used if name in function.__globals__]
            self._visit_table(function.__globals__, names)
            for module in {id(m): m for m in map(function.__globals__.get, names)}.values():
                if isinstance(module, types.ModuleType) and _is_users(module.__name__):
                    self._visit_table(vars(module), [name for name in used if name in vars(module)])
            self._visit_table(vars(function), list(vars(function)))

    def _visit_object(self, thing):
        kind, table = type(thing), getattr(thing, "__dict__", None)
        module = kind.__module__.split(".")[0]
        if module == "opad":
            for part in list((table or {}).values()):
                if not isinstance(part, dict):
                    self._visit(part)
        elif issparse(thing) or module not in _LIBRARIES:
            if isinstance(table, dict):
                self._sizes.append((table, len(table)))
                self._visit_table(table, list(table))
            slots = _Slots(thing)
            self._visit_table(slots, [name for name in slots.names if name in slots])
            self._visit(kind)

    def _visit_class(self, cls):
        """The data of a class, and what its methods close over."""
        for base in cls.__mro__:
            if _is_users(base.__module__):
                for name, part in list(vars(base).items()):
                    part = getattr(part, "__func__", None) or getattr(part, "fget", None) or part
                    if isinstance(part, types.FunctionType):
                        self._visit(part)
                    elif not name.startswith("__") and not hasattr(part, "__get__"):
                        self._visit_table(vars(base), [name])

    def _visit_table(self, table, keys):
        for key in keys:
            value = table[key]
            if isinstance(value, type):
                self._visit(value)
            elif not isinstance(value, types.ModuleType):
                self._entries.append((table, key, value))
                self._visit(value)


class _Slots:
    """The attributes of an object that stand in slots, as a table."""

    def __init__(self, thing):
        self.thing = thing

    @property
    def names(self):
        """Of all slots."""
        slots = [base.__dict__.get("__slots__", ()) for base in type(self.thing).__mro__]
        names = [name for part in slots for name in ((part,) if isinstance(part, str) else part)]
        return [name for name in names if not name.startswith("__")]

    def __contains__(self, name):
        return hasattr(self.thing, name)

    def __getitem__(self, name):
        return getattr(self.thing, name)

    def get(self, name):
        """The attribute, None if it is not set."""
        return getattr(self.thing, name, None)


@functools.cache
def _is_users(module):
    """True for modules of neither the standard library nor an installed package."""
    if module.split(".")[0] in _LIBRARIES | sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def generator_state(generator):
    """The state of a random generator, as something to compare."""
    if isinstance(generator, np.random.RandomState):
        return _frozen(generator.get_state(legacy=False))
    return _frozen(generator.bit_generator.state)


def global_random_state():
    """The state of np.random; None where it has never been used."""
    module = sys.modules.get("numpy.random")
    return None if module is None else _frozen(module.get_state(legacy=False))


def _frozen(state):
    """Nested dicts of numbers and arrays as tuples that compare fast."""
    if isinstance(state, dict):
        return tuple([(name, _frozen(part)) for name, part in state.items()])
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _names_in(code):
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_in(constant)
    return names


def _region(array):
    """Equal for arrays in the same memory; with gaps it takes both shape and strides to tell."""
    layout = None if array.flags.forc else (array.shape, array.strides)
    return array.__array_interface__["data"][0], array.nbytes, layout


def _same(a, b):
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, int | float | complex | str | np.generic) and repr(a) == repr(b)


def _same_parts(sequence, parts):
    return len(sequence) == len(parts) and all(map(_same, sequence, parts))
