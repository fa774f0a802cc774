"""A one-sided difference in float32, exactly as the notes list it, beside the gradient."""

import numpy

import opad


def f(x1, x2):
    return numpy.log(x1) + x1 * x2 - numpy.sin(x2)


def one_sided_difference(findings, quick):
    """A one-sided difference of f = log x₁ + x₁ x₂ - sin x₂ at (2, 5) in float32."""
    x1, x2, h = numpy.array([2.0, 5.0, 1e-5], dtype=numpy.float32)
    d_f_x2 = (f(x1, x2 + h) - f(x1, x2)) / h
    findings.equal(
        "error of the difference in x₂, h = 1e-5", "0.09509146", str(numpy.absolute(x1 - numpy.cos(x2) - d_f_x2))
    )

    gradient = opad.grad(f, argnums=(0, 1))(x1, x2)
    exact = 5 + 1 / 2, 2 - numpy.cos(5.0)
    findings.close("the gradient by opad, also in float32", "(1/x₁ + x₂, x₁ - cos x₂)", gradient, exact, 1e-7)
    kinds = {str(part.dtype) for part in gradient}
    findings.claim("its precision", "float32", ", ".join(sorted(kinds)), kinds == {"float32"})


EXPERIMENTS = [one_sided_difference]
