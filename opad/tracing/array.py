"""TracedArray: what a differentiated function sees in place of an array; every NumPy operation on it adds a record."""

from fractions import Fraction

import numpy as np
from scipy.sparse import spmatrix

from opad.errors import TracingError
from opad.tracing.components import Component, Pack, Parts
from opad.tracing.kept import KEEP_LIMIT, WITHOUT_LIMIT, kept, kept_view, space
from opad.tracing.messages import caller, refuse_subclass
from opad.tracing.primitives import RULES, JacobianRule
from opad.tracing.trace import ObjectArrayMet

_ndarray = np.ndarray
_NO_KEYWORDS = {}  # shared by the records of operators; never changed


class TracedArray:
    """An array inside a function that is being differentiated.

    It behaves as a NumPy array does in expressions: operators, NumPy functions, SciPy's special functions, methods
    and indexing. Comparisons, shapes and dtypes are plain values, so that control flow works as usual.

    Attributes
    ----------
    value : the plain array (of an outer trace, if traces are nested)
    """

    __slots__ = ("index", "tape", "value")
    __array_priority__ = 1000
    __hash__ = None
    is_symbolic = True

    def __init__(self, value, trace, index):
        self.value = value
        self.tape = trace
        self.index = index

    # -- plain information ------------------------------------------------------------------------------------------

    @property
    def shape(self):
        return np.shape(self.value)

    @property
    def ndim(self):
        return np.ndim(self.value)

    @property
    def size(self):
        return np.size(self.value)

    @property
    def dtype(self):
        value = self.value
        return value.dtype if hasattr(value, "dtype") else np.dtype(type(value))

    @property
    def itemsize(self):
        return self.dtype.itemsize

    @property
    def nbytes(self):
        return self.size * self.itemsize

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a traced array without axes")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self.value)

    def __repr__(self):
        return f"TracedArray({self.value!r})"

    def __format__(self, spec):
        value = self
        while getattr(value, "is_symbolic", False):
            value = value.value
        return format(value, spec)

    def alias(self):
        """Another handle on the same variable, which in-place operators on this one leave as it is."""
        return TracedArray(self.value, self.tape, self.index)

    def __copy__(self):
        return self.alias()

    def __deepcopy__(self, memo):
        return self.alias()

    # -- arithmetic -------------------------------------------------------------------------------------------------

    def __matmul__(self, other):
        try:
            y = record_pair(RULES[np.matmul], self, other)
        except ObjectArrayMet:
            return np.matmul(self, _joined(other))
        return self.times_sparse(other) if y is NotImplemented and hasattr(other, "tocsr") else y

    def __rmatmul__(self, other):
        try:
            y = record_pair(RULES[np.matmul], other, self)
        except ObjectArrayMet:
            return np.matmul(_joined(other), self)
        return self.sparse_times(other) if y is NotImplemented and hasattr(other, "tocsr") else y

    def __neg__(self):
        return record_one(RULES[np.negative], self)

    def __pos__(self):
        return record_one(RULES[np.positive], self)

    def __abs__(self):
        return record_one(RULES[np.absolute], self)

    def __divmod__(self, other):
        return np.divmod(self, other)

    def __rdivmod__(self, other):
        return np.divmod(other, self)

    def __round__(self, digits=None):
        return round(plain(self), digits)

    def __getitem__(self, key):
        trace = self.tape
        key = index_key(key, trace)
        value = self.value
        y = value[key]
        records = trace.records
        if records is None:
            trace.require_open()
        source = records[self.index]
        if source is not None and source[0].is_assignable and getattr(y, "base", None) is not None:
            y = y.copy()  # a view would keep all of the array, which will change
        index = len(records)
        result = y
        if y.nbytes > KEEP_LIMIT if type(y) is _ndarray else type(y) in WITHOUT_LIMIT:
            result = kept_view(y)
        records.append((RULES[getitem], result, (space(value), key), _NO_KEYWORDS, ((0, self.index),)))
        return TracedArray(y, trace, index)


def _joined(arguments):
    return TracedArray.without_objects(arguments)


def getitem(x, key):
    """x[key], as a function that can have a rule."""
    return x[key]


_MUTABLE_INDICES = (list, _ndarray, TracedArray)


def index_key(key, trace):
    """A key that later changes to its arrays do not reach."""
    if type(key) is tuple:
        return tuple([_index(k, trace) if type(k) in _MUTABLE_INDICES else k for k in key])
    return _index(key, trace) if type(key) in _MUTABLE_INDICES else key


def _index(k, trace):
    """An index that later changes to `k` do not reach."""
    if type(k) is TracedArray:
        k.__index__()
    return trace.protect(k) if type(k) is _ndarray else np.array(k, dtype=None if np.size(k) else np.intp)


def scaled_sparse(ufunc, a, b):
    """The elementwise product of an array and a sparse one, or a quotient by a number; NotImplemented for all else."""
    x, S = (b, a) if hasattr(a, "tocsr") else (a, b)
    if not hasattr(S, "tocsr") or (x.ndim and (ufunc is np.divide or isinstance(S, spmatrix))):
        return NotImplemented  # for a spmatrix, * is the matrix product
    if ufunc is np.multiply:
        return TracedArray.sparse_array_of(S).multiply(x)
    return TracedArray.sparse_array_of(S).multiply(1 / x) if ufunc is np.divide and S is a else NotImplemented


def _add_binary_operators():
    pairs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
        "mod": np.remainder, "floordiv": np.floor_divide,
    }  # fmt: skip
    for name, ufunc in pairs.items():

        def forward(self, other, ufunc=ufunc):
            try:
                y = record_pair(RULES.get(ufunc) or ufunc, self, other)
            except ObjectArrayMet:
                return ufunc(self, _joined(other))
            return scaled_sparse(ufunc, self, other) if y is NotImplemented else y

        def reflected(self, other, ufunc=ufunc):
            try:
                y = record_pair(RULES.get(ufunc) or ufunc, other, self)
            except ObjectArrayMet:
                return ufunc(_joined(other), self)
            return scaled_sparse(ufunc, other, self) if y is NotImplemented else y

        setattr(TracedArray, f"__{name}__", forward)
        setattr(TracedArray, f"__r{name}__", reflected)
    comparisons = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
    for name, ufunc in {**comparisons, "eq": np.equal, "ne": np.not_equal}.items():
        setattr(TracedArray, f"__{name}__", lambda self, other, ufunc=ufunc: ufunc(plain(self), plain(other)))


_add_binary_operators()


# -- recording ------------------------------------------------------------------------------------------------------


def plain(x):
    """The value of a traced array, through all levels; other objects as they are."""
    while type(x) is TracedArray:
        x = x.value
    return x


def record_one(primitive, x):
    """`record` for a single argument: the short way for unary ufuncs."""
    trace = x.tape
    value = x.value
    y = primitive.function(value)
    records = trace.records
    if records is None:
        trace.require_open()
    index, result, values, parents = len(records), y, (value,), ((0, x.index),)
    if y.nbytes > KEEP_LIMIT if type(y) is _ndarray else type(y) in WITHOUT_LIMIT:
        result, values = kept(primitive, y, values, parents)
    records.append((primitive, result, values, _NO_KEYWORDS, parents))
    return TracedArray(y, trace, index)


def record_pair(primitive, a, b):
    """`record` for two positional arguments: the short way for operators."""
    if type(primitive) is np.ufunc:  # one without a rule
        return primitive(a, b)
    if type(a) is TracedArray:
        trace = a.tape
        if type(b) is TracedArray:
            if b.tape is trace:
                values, parents = (a.value, b.value), ((0, a.index), (1, b.index))
            elif b.tape.level > trace.level:
                trace = b.tape
                values, parents = (a.alias(), b.value), ((1, b.index),)
            else:
                values, parents = (a.value, b.alias()), ((0, a.index),)
        else:
            if type(b) is _ndarray:
                b = trace.protect(b)
            elif type(b) is not float and type(b) is not int:
                b = _operand(b, trace)
                if b is NotImplemented:
                    return b
            values, parents = (a.value, b), ((0, a.index),)
    else:
        trace = b.tape
        if type(a) is _ndarray:
            a = trace.protect(a)
        elif type(a) is not float and type(a) is not int:
            a = _operand(a, trace)
            if a is NotImplemented:
                return a
        values, parents = (a, b.value), ((1, b.index),)
    y = primitive.function(*values)
    records = trace.records
    if records is None:
        trace.require_open()
    index, result = len(records), y
    if y.nbytes > KEEP_LIMIT if type(y) is _ndarray else type(y) in WITHOUT_LIMIT:
        result, values = kept(primitive, y, values, parents)
    records.append((primitive, result, values, _NO_KEYWORDS, parents))
    return TracedArray(y, trace, index)


def _operand(constant, trace):
    """A constant next to a traced array in an arithmetic operation, in a form that rules can work with."""
    if isinstance(constant, list | tuple):
        return np.array(constant)
    if getattr(constant, "__array_ufunc__", constant) is None or hasattr(constant, "tocsr"):
        return NotImplemented
    if isinstance(constant, _ndarray):
        refuse_subclass(type(constant))
    if isinstance(constant, Fraction):
        raise TracingError(
            f"a traced array met the fraction {constant}{caller()}, with which NumPy makes arrays of objects; expected "
            "a floating-point number. Write float(c)."
        )
    return trace.protect(np.asarray(constant)) if isinstance(constant, _ndarray) else constant


def record(primitive, args, kwargs):
    """Call a primitive on values of the innermost trace among its arguments and add the record."""
    trace = None
    for a in args:
        if type(a) is TracedArray and (trace is None or a.tape.level > trace.level):
            trace = a.tape
    if kwargs:
        for a in kwargs.values():
            if type(a) is TracedArray and (trace is None or a.tape.level > trace.level):
                trace = a.tape
    if trace is None:
        return primitive.function(*args, **kwargs)
    records = trace.records
    if records is None:
        trace.require_open()
    values, parents = [], []
    for slot, a in enumerate(args):
        if type(a) is TracedArray and a.tape is trace:
            parents.append((slot, a.index))
            a = a.value
        elif type(a) is _ndarray:
            a = trace.protect(a)
        elif type(a) is TracedArray:
            a = a.alias()
        elif primitive.takes_operands and type(a) is not float:
            a = _operand(a, trace)
        values.append(a)
    if kwargs:
        kwargs = dict(kwargs)
        for name, a in kwargs.items():
            if type(a) is TracedArray and a.tape is trace:
                parents.append((name, a.index))
                kwargs[name] = a.value
            elif type(a) is _ndarray:
                kwargs[name] = trace.protect(a)
    y = primitive.function(*values, **kwargs)
    index = len(records)
    if primitive.multiple:
        y = tuple(y)
        records.append((primitive, y, values, kwargs, parents))
        return tuple(_component(trace, y, index, k) for k in range(len(y)))
    result = y
    if y.nbytes > KEEP_LIMIT if type(y) is _ndarray else type(y) in WITHOUT_LIMIT:
        result, values = kept(primitive, y, values, parents)
    records.append((primitive, result, values, kwargs, parents))
    return TracedArray(y, trace, index)


def _component(trace, parts, index, k):
    """A record for one array of a tuple that an operation returned."""
    if parts[k].dtype.kind not in "fc":
        return parts[k]
    trace.records.append((_COMPONENT, parts[k], (Parts(parts), k), {}, ((0, index),)))
    return TracedArray(parts[k], trace, len(trace.records) - 1)


def _component_rule(y, parts, k):
    return Component(parts.templates, k)


_COMPONENT = JacobianRule(lambda parts, k: parts[k], _component_rule, casts=False)
_COMPONENT.__name__ = "component"


def pack(trace, arrays):
    """A record whose variable is the tuple of several traced arrays; one block can then span them all."""
    values = tuple(a.value for a in arrays)
    parents = tuple((k, a.index) for k, a in enumerate(arrays))
    trace.records.append((_PACK, values, values, {}, parents))
    return TracedArray(values, trace, len(trace.records) - 1)


def _pack_rule(y, *arrays):
    shapes = tuple(np.shape(a) for a in arrays)
    return tuple(Pack(arrays, k) for k in range(len(shapes)))


_PACK = JacobianRule(lambda *arrays: arrays, _pack_rule, casts=False)
_PACK.__name__ = "pack"
