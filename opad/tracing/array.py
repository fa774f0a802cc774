"""TracedArray: what a differentiated function sees in place of an array; every NumPy operation on it adds a record."""

import inspect

import numpy as np

from opad.errors import TracingError, UnsupportedArgumentError
from opad.tracing.components import Component, Pack, Parts
from opad.tracing.kept import KEEP_LIMIT, Space, kept
from opad.tracing.messages import caller, instead_of_scipy, missing_rule, name_of
from opad.tracing.primitives import COMPOSITES, CONSTANTS, RULES, JacobianRule
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

    # -- NumPy's protocols ------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        try:
            if method == "__call__" and not kwargs:
                primitive = RULES.get(ufunc)
                if primitive is not None:
                    if len(inputs) == 1:
                        return record_one(primitive, self)
                    return record(primitive, inputs, kwargs)
            return _other_ufunc_call(ufunc, method, inputs, kwargs)
        except ObjectArrayMet:
            return getattr(ufunc, method)(*_joined(inputs), **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        try:
            return call(function, args, kwargs)
        except ObjectArrayMet:
            return function(*_joined(args), **_joined(kwargs))

    def __opad_dispatch__(self, function, args, kwargs):
        return call(function, args, kwargs)

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

    def _refuse_number(self, what):
        raise TracingError(
            f"{what} of a traced array, or its assignment into a plain array, would lose its derivative{caller()}. "
            "Expected a NumPy function: "
            + (
                instead_of_scipy()
                or "write np.sin(x) in place of math.sin(x), np.stack or np.concatenate in place of y[i] = x; "
                "opad.stop_gradient(x) gives the plain value."
            )
        )

    def __float__(self):
        self._refuse_number("float()")

    def __int__(self):
        self._refuse_number("int()")

    def __complex__(self):
        self._refuse_number("complex()")

    def __index__(self):
        raise TracingError(
            f"a traced array was used as an index or as an integer{caller()}. Expected an integer; use "
            "int(opad.stop_gradient(x)) if the position may be treated as constant."
        )

    def item(self):
        self._refuse_number(".item()")

    def tolist(self):
        self._refuse_number(".tolist()")

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
        records.append((RULES[getitem], y, (Space(value), key), _NO_KEYWORDS, ((0, self.index),)))
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


def _add_binary_operators():
    pairs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power,
        "mod": np.remainder, "floordiv": np.floor_divide,
    }  # fmt: skip
    for name, ufunc in pairs.items():

        def forward(self, other, ufunc=ufunc):
            try:
                return record_pair(RULES.get(ufunc) or ufunc, self, other)
            except ObjectArrayMet:
                return ufunc(self, _joined(other))

        def reflected(self, other, ufunc=ufunc):
            try:
                return record_pair(RULES.get(ufunc) or ufunc, other, self)
            except ObjectArrayMet:
                return ufunc(_joined(other), self)

        setattr(TracedArray, f"__{name}__", forward)
        setattr(TracedArray, f"__r{name}__", reflected)
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        ufunc = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}.get(name)
        ufunc = ufunc or {"eq": np.equal, "ne": np.not_equal}[name]
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
    if type(y) is _ndarray and y.nbytes > KEEP_LIMIT:
        result, values = kept(primitive, y, values, parents)
    records.append((primitive, result, values, _NO_KEYWORDS, parents))
    return TracedArray(y, trace, index)


def record_pair(primitive, a, b):
    """`record` for two positional arguments: the short way for operators."""
    if type(primitive) is np.ufunc:
        return _other_ufunc_call(primitive, "__call__", (a, b), {})
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
    if type(y) is _ndarray and y.nbytes > KEEP_LIMIT:
        result, values = kept(primitive, y, values, parents)
    records.append((primitive, result, values, _NO_KEYWORDS, parents))
    return TracedArray(y, trace, index)


def _operand(constant, trace):
    """A constant next to a traced array in an arithmetic operation, in a form that rules can work with."""
    if isinstance(constant, list | tuple):
        return np.array(constant)
    if getattr(constant, "__array_ufunc__", constant) is None or hasattr(constant, "tocsr"):
        return NotImplemented
    if isinstance(constant, np.matrix):
        raise TracingError(
            f"a traced array met a np.matrix{caller()}, whose products and shapes differ from those of arrays; "
            "expected an array. Write np.asarray(M)."
        )
    return trace.protect(np.asarray(constant)) if isinstance(constant, _ndarray) else constant


def record(primitive, args, kwargs):
    """Call a primitive on values of the innermost trace among its arguments and add the record."""
    trace = None
    for a in args:
        if type(a) is TracedArray and (trace is None or a.tape.level > trace.level):
            trace = a.tape
    if kwargs:
        primitive.check_call(args, kwargs)
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
    if type(y) is _ndarray and y.nbytes > KEEP_LIMIT:
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


def call(function, args, kwargs):
    """What NumPy's function does with arguments among which there are traced arrays."""
    primitive = RULES.get(function)
    if kwargs:
        kwargs = {name: value for name, value in kwargs.items() if not _is_default(name, value)}
    if primitive is not None:
        if len(args) > 1:
            primitive.check_call(args, kwargs)
        return record(primitive, args, kwargs)
    implementation = COMPOSITES.get(function)
    if implementation is not None:
        return _call_composite(function, implementation, args, kwargs)
    if function in CONSTANTS:
        return CONSTANTS[function](*map(plain_nested, args), **{k: plain_nested(v) for k, v in kwargs.items()})
    raise missing_rule(function)


def _is_default(name, value):
    return value is np._NoValue or (value is None and (name == "out" or name == "dtype"))


def _call_composite(function, implementation, args, kwargs, suffix=""):
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        try:
            inspect.signature(implementation).bind(*args, **kwargs)
        except TypeError as reason:
            raise UnsupportedArgumentError(
                f"{name_of(function)}{suffix} was called on a traced array with arguments that opad does not cover"
                f"{caller()}: {reason}. Expected {inspect.signature(implementation)}; write the operation without it."
            ) from error
        raise


def plain_nested(x):
    """`plain` on the elements of lists and tuples, too."""
    if isinstance(x, list | tuple):
        return type(x)(plain_nested(part) for part in x)
    return plain(x)


def _other_ufunc_call(ufunc, method, inputs, kwargs):
    """Ufuncs without a rule of their own, with keywords, or used through reduce, accumulate, outer."""
    kwargs = {name: value for name, value in kwargs.items() if not _is_default(name, value)}
    if "out" in kwargs:
        raise TracingError(
            f"{name_of(ufunc)} was to write a traced value into an existing array (out=, or an in-place operator "
            f"such as y += x){caller()}. Expected an expression that makes a new array: write y = y + x."
        )
    if method == "__call__":
        return call(ufunc, inputs, kwargs)
    implementation = COMPOSITES.get((ufunc, method))
    if implementation is None and method == "outer" and not kwargs and ufunc.nin == 2:
        a, b = inputs
        return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)
    if implementation is None:
        raise missing_rule(ufunc, f".{method}")
    return _call_composite(ufunc, implementation, inputs, kwargs, f".{method}")


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
