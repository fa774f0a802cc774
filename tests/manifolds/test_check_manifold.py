"""check_manifold finds what is wrong, by the name of what is wrong."""

import numpy as np
import pytest

import opad.manifolds as m
from opad.manifolds.maps import SelfAdjoint
from opad.testing import check_manifold


def twice(x, w):
    return 2 * (w - x * np.sum(x * w, axis=-1, keepdims=True))


def along_the_first_axis(x, w):
    return w - x * w[..., :1] / x[0]


class NotIdempotent(m.Sphere):
    def projection(self, x):
        return SelfAdjoint(twice, x)


class NotOrthogonal(m.Sphere):
    def projection(self, x):
        return m.PointMap(along_the_first_axis, along_the_first_axis_adjoint, (x,), x.shape)


def along_the_first_axis_adjoint(x, w):
    first = np.sum(x * w, axis=-1, keepdims=True) / x[0]
    return w - first * np.eye(len(x))[0]


class WrongAdjoint(m.Sphere):
    def projection(self, x):
        return SelfAdjoint(along_the_first_axis, x)


class WrongDimension(m.Sphere):
    def __init__(self, n):
        super().__init__(n)
        self.dim = n


class LeavesTheSphere(m.Sphere):
    def retraction(self, x, z):
        return x + z


class WrongDirection(m.Sphere):
    def retraction(self, x, z):
        return super().retraction(x, 1.1 * z)


class NotOfSecondOrder(m.Sphere):
    def retraction(self, x, z):
        return super().retraction(x, z + z * np.sqrt(np.sum(z * z) + 1e-300))

    def exp(self, x, z):
        return self.retraction(x, z)


class WrongCurvature(m.Sphere):
    def curvature(self, x, G):
        return SelfAdjoint(m.sphere.scale_by, np.sum(x * G), dims=x.shape)


class NotSymmetric(m.Stiefel):
    def curvature(self, X, G):
        return None

    def hessian_conversion(self, X, G):
        shift = np.arange(9.0).reshape(3, 3)
        return lambda HZ, Z: self.projection(X).apply(HZ + Z @ shift)


class ChangesItsArgument(m.Sphere):
    def retraction(self, x, z):
        x += 1e-3
        return super().retraction(x, z)


WRONG = {
    "projection idempotent": NotIdempotent(4),
    "projection self-adjoint in the metric": NotOrthogonal(4),
    "projection as an operator: adjoint, batch, dtypes, pickle": WrongAdjoint(4),
    "rank of the tangent map = dim": WrongDimension(4),
    "retraction stays on the manifold": LeavesTheSphere(4),
    "retraction, first order": WrongDirection(4),
    "Hessian, slope 3": WrongCurvature(4),
    "Hessian symmetric": NotSymmetric(5, 3),
    "arguments unchanged": ChangesItsArgument(4),
    "retraction, second order": NotOfSecondOrder(4),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    report = check_manifold(WRONG[name])
    assert not report.ok
    assert any(check.name.endswith(name) for check in report.failed), str(report)
    with pytest.raises(AssertionError, match="FAILED"):
        check_manifold(WRONG[name], raise_on_failure=True)


def test_a_right_one_with_points_of_ones_own():
    report = check_manifold(m.Sphere(3), points={"pole": np.array([0.0, 0.0, 1.0])})
    assert report.ok
    assert all(check.name.startswith("pole: ") for check in report.checks)


def test_a_manifold_without_hessian():
    assert check_manifold(WrongCurvature(4), hessian=False).ok
