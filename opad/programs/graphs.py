"""A program on a GPU as one CUDA graph: one launch, in place of a call of Python for every step."""

import sys

from opad.errors import TracingError


def require_no_guards(guards):
    """Raise if a program looks at values while it runs, which a graph cannot."""
    values = [guard for guard in guards if guard.kind != "spec"]
    if values:
        raise TracingError(
            f"opad.compile(…, cuda_graph=True) met {len(values)} value(s) that decide how the program goes on (`if`, "
            "int(), a test for finite values); expected a program without, since a graph is launched as a whole. "
            "Write np.where for the `if`, or leave cuda_graph=False."
        )


class CapturedRun:
    """A program for arrays on a device that is captured at its first call, and launched from then on.

    A graph reads and writes fixed places: arguments are copied to places of its own, results from them. Its memory
    comes from a pool of its own, so that nobody else is given what it works in.

    Parameters
    ----------
    run : function from the arguments, arrays of CuPy, to the list of results

    References
    ----------
    NVIDIA, CUDA C++ Programming Guide, CUDA Graphs: Creating a Graph Using Stream Capture.
    """

    def __init__(self, run):
        self._run = run
        self._graph = None

    def __call__(self, *leaves):
        if self._graph is None:
            self._capture(leaves)
        for place, leaf in zip(self._inputs, leaves, strict=True):
            place[...] = leaf
        self._graph.launch()
        return [out.copy() if hasattr(out, "copy") else out for out in self._outputs]

    def _capture(self, leaves):
        cuda = _cuda(leaves)
        cuda.get_current_stream().synchronize()  # on which the arguments were made
        stream, self._pool = cuda.Stream(non_blocking=True), cuda.MemoryPool()
        with cuda.using_allocator(self._pool.malloc), stream:
            self._inputs = [leaf.copy() for leaf in leaves]
            self._run(*self._inputs)  # kernels are compiled and the pool is filled, neither of which can be captured
            stream.synchronize()
            stream.begin_capture()
            try:
                self._outputs = self._run(*self._inputs)
            finally:
                self._graph = stream.end_capture()


def _cuda(leaves):
    """The module `cuda` of the library of the arguments."""
    for leaf in leaves:
        library = sys.modules.get(type(leaf).__module__.partition(".")[0])
        if not hasattr(leaf, "copy") or not hasattr(library, "cuda"):
            raise TracingError(
                f"opad.compile(…, cuda_graph=True) was given {type(leaf).__name__}; expected arrays of CuPy alone. "
                "Move it to the device (cupy.asarray, also for numbers), or leave cuda_graph=False."
            )
    return library.cuda
