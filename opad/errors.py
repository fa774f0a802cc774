"""Every exception that opad raises on purpose.

Each message has three parts: what was given, what was expected, what to do about it.
"""


class OpadError(Exception):
    """Base class of all errors raised by opad."""


class ShapeError(OpadError, ValueError):
    """An array, operator or block has the wrong shape."""


class DtypeError(OpadError, TypeError):
    """An argument has a dtype that cannot be differentiated (integers, booleans, objects)."""


class RealLinearError(OpadError, TypeError):
    """A map that is only real-linear (abs, real, conj) was used where a complex-linear one is needed."""


class ConversionError(OpadError, TypeError):
    """An object is not what is needed, and cannot be read as one: an operator, a block system, a manifold."""


class OptionError(OpadError, ValueError):
    """An option has a value that is none of those offered."""


class CyclicSystemError(OpadError, ValueError):
    """The variables of a block system depend on each other in a circle."""


class SingularBlockError(OpadError, ValueError):
    """A diagonal block of a block system cannot be solved."""


class DegenerateSpectrumError(OpadError, ValueError):
    """Eigenvectors or singular vectors were differentiated where they are not differentiable."""


class ConvergenceError(OpadError, RuntimeError):
    """An iterative solve of a diagonal block did not reach its tolerance."""


class TracingError(OpadError, TypeError):
    """A construct on a traced array that cannot be differentiated; the message says what to write instead."""


class TracedAttributeError(TracingError, AttributeError):
    """An attribute of NumPy arrays that a traced array cannot have."""


class MissingRuleError(TracingError, NotImplementedError):
    """A function without a Jacobian rule met a traced array."""


class UnsupportedArgumentError(TracingError):
    """A keyword or argument value that the Jacobian rule of a function does not cover."""


class ClosedTraceError(TracingError):
    """A traced array was used after the trace that made it had ended."""


class NonFiniteError(OpadError, FloatingPointError):
    """An operation made a NaN or an infinity while `opad.debug` was active."""


class NonScalarOutputError(OpadError, TypeError):
    """`grad` was asked for the gradient of a function whose output is not one real number."""


class StructureError(OpadError, TypeError):
    """A function argument or result is not an array, a scalar, or a nested container of them."""


class EliminationOrderError(OpadError, ValueError):
    """An elimination order that is unknown, misses a variable, repeats one, or is out of reach for this program."""


class PlanMismatchError(OpadError, ValueError):
    """An elimination plan was applied to another program than the one it was made for."""


class AccumulationError(OpadError, MemoryError):
    """A block of a Jacobian cannot be stored within the memory allowed."""


class MissingPackageError(OpadError, ImportError):
    """An optional package is needed and not installed."""


class ManifoldError(OpadError, ValueError):
    """A point, tangent vector or constraint of a manifold is not what it is said to be.

    Attributes
    ----------
    residual : float, how far off it is; NaN where there is no number
    """

    def __init__(self, message, residual=float("nan")):
        super().__init__(message)
        self.residual = residual


class NotOnManifoldError(ManifoldError):
    """A point does not lie on the manifold."""


class NotTangentError(ManifoldError):
    """A vector is not tangent to the manifold at the point."""


class IrregularConstraintError(ManifoldError):
    """The derivative of a constraint does not have full rank, so that it does not define a manifold there."""


class RetractionError(ConvergenceError):
    """The Newton iteration of a retraction did not converge: the step is too long.

    Attributes
    ----------
    residual : float, what is left of the constraint
    """

    def __init__(self, message, residual=float("nan")):
        super().__init__(message)
        self.residual = residual
