"""The linearisation of a function at a point: its block system, kept, and everything that can be done with it."""

import numpy as np
from scipy.sparse import coo_array

from opad.blocks import BlockMatrix, I
from opad.blocks.drawing import pattern_html
from opad.blocks.scalar import ScalarSystem
from opad.blocks.substitution import back_substitution, forward_substitution
from opad.calculus import pytrees
from opad.calculus.elimination import result_dtype, space_of
from opad.calculus.engine import Run
from opad.calculus.matrices import accumulated_blocks, accumulated_matrix
from opad.calculus.planning import NOTHING_YET, Planner
from opad.errors import NonScalarOutputError
from opad.operators import Identity, Operator
from opad.operators.structural import IdentityMinus
from opad.tracing.assembly import assemble
from opad.tracing.trace import blocks_of, influential


class Linearization:
    """The Jacobian of a function at a point, as the block system (I - L) dx = D dp.

    Blocks are made once, when they are first needed, and kept: any number of products costs no further evaluation of
    the function. Instances come from `opad.linearize`.

    Attributes
    ----------
    value : the function's result
    run : Run, the program that was recorded
    operations : list, the places on the tape of those records that influence the result, first to last
    """

    @classmethod
    def at(cls, f, *args):
        """The linearisation of f at a point; what `opad.linearize` returns for arguments of vector spaces."""
        return cls(Run(f, args, {}, range(len(args)), kept=True))

    def __init__(self, run):
        self.run = run
        self.value = pytrees.unflatten(run.structure, [pytrees.copied(value) for value in run.results])
        self._count = len(run.inputs)
        self._rows = [None] * len(run.records)
        self._bound = {}
        self._planner = None
        self.operations = influential(run.records, self._count, [index for _, index in run.outputs])

    # -- products ---------------------------------------------------------------------------------------------------

    def jvp(self, *dx):
        """The directional derivative: forward substitution.

        Parameters
        ----------
        *dx : one tangent per argument, structured and shaped like it

        Returns
        -------
        tangent of the result, structured like `value`
        """
        leaves = self.run.directions(dx)
        tangents = self.push(leaves)
        fresh = pytrees.fresh_leaves(tangents, self.run.results, leaves)
        return pytrees.unflatten(self.run.structure, fresh)

    def vjp(self, g):
        """The adjoint derivative applied to a cotangent of the result: back substitution.

        Parameters
        ----------
        g : structured and shaped like `value`

        Returns
        -------
        tuple with one cotangent per argument
        """
        leaves = pytrees.matching_leaves(g, self.run.structure, "the cotangent")
        leaves = [
            pytrees.direction(leaf, value, "the cotangent")
            for leaf, value in zip(leaves, self.run.results, strict=True)
        ]
        cotangents = self.pull(leaves)
        return tuple(self.run.by_argument(pytrees.fresh_leaves(cotangents, self.run.inputs, leaves)))

    def gradient(self):
        """The gradient of a scalar result: a bare gradient for one argument, a tuple for several."""
        shapes = [np.shape(value) for value in self.run.results]
        if shapes != [()]:
            raise NonScalarOutputError(
                f"gradient() of a linearisation whose result has shapes {shapes}; expected one number. Use vjp(g)."
            )
        gradients = self.vjp(pytrees.unflatten(self.run.structure, [pytrees.ones_like(self.run.outputs[0][0])]))
        return gradients[0] if len(gradients) == 1 else gradients

    def push(self, leaves):
        """Tangents of the output leaves for tangents of the input leaves, with leading batch axes; None is zero."""
        x = [None] * len(self.run.records)
        x[: self._count] = leaves
        if "forward" not in self._bound:
            self._bound["forward"] = self._bind("solve", "apply")
        forward_substitution(self._bound["forward"].__getitem__, x, self.operations)
        return [None if index is None else x[index] for _, index in self.run.outputs]

    def pull(self, leaves):
        """Cotangents of the input leaves for cotangents of the output leaves, with leading batch axes."""
        x = self.run.seeds(leaves)
        if "adjoint" not in self._bound:
            self._bound["adjoint"] = self._bind("solve_adjoint", "apply_adjoint")
        back_substitution(self._bound["adjoint"].__getitem__, x, reversed(self.operations), release=True)
        return x[: self._count]

    def _bind(self, solve, apply):
        """Rows as the substitutions take them, with methods bound."""
        bound = [None] * len(self._rows)
        for i in self.operations:
            diagonal, blocks = self.row(i)
            bound[i] = (
                diagonal and getattr(diagonal, solve),
                tuple([(j, block and getattr(block, apply)) for j, block in blocks]),
            )
        return bound

    def row(self, i):
        """(diagonal, blocks) of an operation: its blocks with their columns, None being the identity."""
        row = self._rows[i]
        if row is None:
            diagonal, blocks = blocks_of(self.run.records[i])
            row = self._rows[i] = diagonal, tuple(blocks)
        return row

    def __getstate__(self):
        """Everything but the rules, most of which cannot be pickled: the blocks that they made."""
        for i in self.operations:
            self.row(i)
        return {**self.__dict__, "_bound": {}, "_planner": None, "run": self.run.without_rules()}

    # -- as matrices ------------------------------------------------------------------------------------------------

    @property
    def jacobian(self):
        """The Jacobian as an Operator from the arguments to the result (tuples of shapes where there are several)."""
        return JacobianOperator(self)

    def jacobian_matrix(self, order="auto", sparse=None, max_bytes=None):
        """The Jacobian as one matrix, result elements by argument elements, in C order one leaf after another.

        Parameters
        ----------
        order : as for `opad.jacobian`; `report()` says afterwards what was chosen
        sparse : bool, optional
            Whether to return a scipy.sparse CSR array. None: if the elimination keeps every block sparse.
        max_bytes : int, optional; what a single dense block may take

        Returns
        -------
        (M, N) array or scipy.sparse.csr_array

        Raises
        ------
        EliminationOrderError, PlanMismatchError, AccumulationError, RealLinearError

        Examples
        --------
        >>> import numpy as np, opad
        >>> lin = opad.linearize(lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0]))
        >>> lin.jacobian_matrix(sparse=True).toarray()
        array([[2., 1., 0.],
               [0., 3., 2.]])
        """
        self._planner = order if isinstance(order, Planner) else Planner(order, bool(sparse))
        return accumulated_matrix(self, self._planner, sparse, max_bytes)

    def jacobian_blocks(self, order="auto", max_bytes=None):
        """The Jacobian by elimination, as a BlockMatrix with one structured operator per result and argument leaf.

        Parameters
        ----------
        order, max_bytes : as for `jacobian_matrix`; "forward" and "reverse" are orders of elimination here

        Returns
        -------
        BlockMatrix; Hadamard where a result depends on an argument element by element, Matrix with a sparse or a dense
        array elsewhere

        Examples
        --------
        >>> import numpy as np, opad
        >>> lin = opad.linearize(lambda x, y: np.sin(x) * y, np.zeros(3), np.ones(3))
        >>> print(lin.jacobian_blocks())
        BlockMatrix: 1 x 2 blocks, 2 not zero
          H H
          H Hadamard
        """
        self._planner = order if isinstance(order, Planner) else Planner(order, sparse=True)
        return accumulated_blocks(self, self._planner, max_bytes)

    def scalar_system(self):
        """The system of a program of single numbers, with numbers as entries, for substitution at memory speed.

        Partial derivatives of equal operations are evaluated together, as vectors; the tape is not needed any more.

        Returns
        -------
        opad.blocks.scalar.ScalarSystem, with jvp(dp) and vjp(g) on vectors of the inputs and of the results

        Raises
        ------
        ShapeError
            If an operation has an array as its result.

        Examples
        --------
        >>> import numpy as np, opad
        >>> lin = opad.linearize(lambda x, y: np.sin(x) * y, 0.0, 3.0)
        >>> lin.scalar_system().vjp(np.array([1.0]))
        array([3., 0.])
        """
        run, p, n = self.run, self._count, len(self.operations)
        rows, columns, values = assemble(run.records, self.operations)
        place = np.full(len(run.records), -1, np.int32)
        place[self.operations] = np.arange(n, dtype=np.int32)
        copied = sorted({index for _, index in run.outputs if index is not None and index < p})
        for k, index in enumerate(copied):  # results that are arguments get a row
            place[index] = n + k
        inner = columns >= p
        rows_of_D = np.concatenate([place[rows[~inner]], place[copied]])
        columns_of_D = np.concatenate([columns[~inner], copied]).astype(np.int32)
        values_of_D = np.concatenate([values[~inner], np.ones(len(copied))])
        n += len(copied)
        L = coo_array((values[inner], (place[rows[inner]], place[columns[inner]])), shape=(n, n))
        D = coo_array((values_of_D, (rows_of_D, columns_of_D)), shape=(n, p))
        return ScalarSystem(L, D, [-1 if index is None else place[index] for _, index in run.outputs])

    def report(self):
        """How the last matrix was computed, what else was considered, and the modelled costs, as text."""
        return NOTHING_YET if self._planner is None else self._planner.report()

    @property
    def system(self):
        """(L, D), the block matrices of (I - L) dx = D dp; one row per operation, one column of D per input array."""
        names = [f"x{k + 1} {self.run.records[i][0].__name__}" for k, i in enumerate(self.operations)]
        inputs = self.run.input_names
        place = {i: k for k, i in enumerate(self.operations)}
        spaces = [space_of(self.run.records[i][1]) for i in self.operations]
        L, D = {}, {}
        for i in self.operations:
            diagonal, blocks = self.row(i)
            k = place[i]
            if diagonal is not None:
                L[k, k] = IdentityMinus(diagonal)
            for j, block in blocks:
                target, column = (D, j) if j < self._count else (L, place[j])
                block = Identity(spaces[k]) if block is None else block
                target[k, column] = target[k, column] + block if (k, column) in target else block
        rows = len(self.operations)
        return (
            BlockMatrix(L, (rows, rows), spaces, spaces, names, names),
            BlockMatrix(D, (rows, self._count), spaces, [np.shape(p) for p in self.run.inputs], names, inputs),
        )

    @property
    def output_rows(self):
        """Row of the system in which each output leaf stands; None for an output that depends on no argument."""
        place = {i: k for k, i in enumerate(self.operations)}
        return [place.get(index) for _, index in self.run.outputs]

    def __repr__(self):
        shapes = [np.shape(p) for p in self.run.inputs]
        results = [np.shape(value) for value in self.run.results]
        return f"<Linearization {shapes} -> {results}, {len(self.operations)} operations>"

    def _repr_html_(self):
        L, D = self.system
        return pattern_html(I - L, D, titles=("I - L:", "D:"))


class JacobianOperator(Operator):
    """The Jacobian J of a function at a point.  Forward: forward substitution.  Adjoint: back substitution.

    Parameters
    ----------
    linearization : Linearization
    """

    def __init__(self, linearization):
        self.linearization = linearization
        run = linearization.run
        shapes = tuple(np.shape(leaf) for leaf in run.inputs)
        results = tuple(np.shape(value) for value in run.results)
        self.single_input, self.single_output = len(shapes) == 1, len(results) == 1
        self.dims = shapes[0] if self.single_input else shapes
        self.dimsd = results[0] if self.single_output else results
        self.dtype = result_dtype(linearization)

    @property
    def value(self):
        """The function's result."""
        return self.linearization.value

    @property
    def clinear(self):
        """Whether every block is complex-linear; blocks between real arrays do not count."""
        linearization = self.linearization
        rows = (linearization.row(i)[1] for i in linearization.operations)
        return self.dtype.kind != "c" or all(block is None or block.clinear for row in rows for _, block in row)

    def apply(self, X):
        leaves = [X] if self.single_input else list(X)
        run = self.linearization.run
        result = _filled(self.linearization.push(leaves), run.results, leaves, run.inputs)
        return result[0] if self.single_output else result

    def apply_adjoint(self, Y):
        leaves = [Y] if self.single_output else list(Y)
        run = self.linearization.run
        result = _filled(self.linearization.pull(leaves), run.inputs, leaves, run.results)
        return result[0] if self.single_input else result


def _filled(parts, templates, given, given_templates):
    """Derivatives with zeros in place of None, with the batch axes of what was given."""
    batch = np.shape(given[0])[: np.ndim(given[0]) - np.ndim(given_templates[0])]
    return tuple(
        pytrees.zeros_like(template, batch) if part is None else part
        for part, template in zip(parts, templates, strict=True)
    )
