"""What several modules of rules share."""

from opad.errors import UnsupportedArgumentError


def wants(function, given, expected):
    """The error for an argument that a rule does not cover."""
    return UnsupportedArgumentError(
        f"{function} was called on a traced array with {given}; expected {expected}. Rewrite the call, or register "
        "a rule with opad.jacobian_rule."
    )


def normalise_axis(axis, ndim):
    """A non-negative axis."""
    if not -ndim <= axis < ndim:
        raise IndexError(f"axis {axis} is out of bounds for an array with {ndim} axes")
    return axis % ndim
