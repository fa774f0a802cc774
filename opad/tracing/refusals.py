"""What a traced array cannot become: a Python number, an index, memory. Each refusal says what to write instead."""

from opad.errors import TracedAttributeError, TracingError
from opad.tracing.array import TracedArray
from opad.tracing.messages import caller, instead_of_scipy


def _refused_number(what):
    def refuse(self, *args):
        raise TracingError(
            f"{what} of a traced array, or its assignment into a plain array, would lose its derivative{caller()}. "
            "Expected a NumPy function: "
            + (
                instead_of_scipy()
                or "write np.sin(x) in place of math.sin(x), np.stack or np.concatenate in place of y[i] = x; "
                "opad.stop_gradient(x) gives the plain value."
            )
        )

    return refuse


for _name, _what in {
    "__float__": "float()", "__int__": "int()", "__complex__": "complex()", "item": ".item()", "tolist": ".tolist()",
}.items():  # fmt: skip
    setattr(TracedArray, _name, _refused_number(_what))


def _index(self):
    self.tape.refusal = TracingError(
        f"a traced array was used as an index or as an integer{caller()}. Expected an integer; use "
        "int(opad.stop_gradient(x)) if the position may be treated as constant."
    )
    raise self.tape.refusal


TracedArray.__index__ = _index

_WAYS_OUT = {
    "view": "x.copy(), or x.astype(dtype)", "resize": "np.resize(x, shape)", "put": "x[index] = values",
    "choose": "np.choose(x.astype(int), choices)", "strides": "x.shape", "flags": "opad.stop_gradient(x).flags",
    "data": "opad.stop_gradient(x)", "tobytes": "opad.stop_gradient(x).tobytes()", "byteswap": "opad.stop_gradient(x)",
    "ctypes": "opad.stop_gradient(x).ctypes", "getfield": "x.real or x.imag", "tofile": "opad.stop_gradient(x)",
}  # fmt: skip


def _missing(self, name):
    if name not in _WAYS_OUT:
        raise AttributeError(f"a traced array has no attribute {name!r}")
    raise TracedAttributeError(
        f".{name} of a traced array was asked for{caller()}, which does not belong to memory of its own; expected "
        f"NumPy functions and operators. Write {_WAYS_OUT[name]}."
    )


TracedArray.__getattr__ = _missing
