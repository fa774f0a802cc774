"""check_operator finds what is wrong: operators with one fault each, and the checks that must fail for it."""

import numpy as np
import pytest

import opad.operators as ops
from opad.testing import check_operator


class Sound(ops.Operator):
    """Multiplication by a fixed matrix, written out; the faulty operators below change one thing each."""

    def __init__(self):
        self.A = np.arange(6.0).reshape(2, 3)
        self.dims, self.dimsd = (3,), (2,)

    def apply(self, X):
        return X @ self.A.T

    def apply_adjoint(self, Y):
        return Y @ self.A


class WrongAdjoint(Sound):
    def apply_adjoint(self, Y):
        return -(Y @ self.A)


class Affine(Sound):
    def apply(self, X):
        return X @ self.A.T + 1


class MixesBatches(Sound):
    def apply(self, X):
        return np.cumsum(X @ self.A.T, axis=0) if X.ndim > 1 else X @ self.A.T


class TransposeInsteadOfAdjoint(Sound):
    def __init__(self):
        super().__init__()
        self.A = self.A + 1j


class ChangesItsArgument(Sound):
    def apply(self, X):
        result = X @ self.A.T
        X += 0.5
        return result


class ReturnsItsData(Sound):
    def __init__(self):
        super().__init__()
        self.zero = np.zeros(2)

    def apply(self, X):
        return (X @ self.A.T) if X.ndim > 1 or X.dtype != float else self._write(X)

    def _write(self, X):
        self.zero[...] = X @ self.A.T
        return self.zero


class LosesPrecision(Sound):
    def apply(self, X):
        return (X @ self.A.T).astype(np.complex64 if X.dtype.kind == "c" else np.float32)


class WrongShape(Sound):
    def apply(self, X):
        return (X @ self.A.T)[..., None]


class NoPickle(Sound):
    def __init__(self):
        super().__init__()
        self.function = lambda x: x


FAULTS = {
    WrongAdjoint: {"dot test", "dense adjoint"},
    Affine: {"linearity", "dot test"},
    MixesBatches: {"batch axes", "columns in one product"},
    TransposeInsteadOfAdjoint: {"dot test", "dense adjoint"},
    ChangesItsArgument: {"arguments unchanged"},
    ReturnsItsData: {"results alias no data"},
    LosesPrecision: {"dtypes"},
    WrongShape: {"domain"},
    NoPickle: {"pickle and copy"},
}


def failures(report):
    return {check.name.split(" [")[0] for check in report.failed}


def test_the_sound_operator_passes():
    assert check_operator(Sound()).ok


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault):
    report = check_operator(fault(), interop=False)
    assert not report.ok
    assert FAULTS[fault] <= failures(report)


def test_the_assertion_shows_the_numbers():
    with pytest.raises(AssertionError, match=r"WrongAdjoint(.|\n)*dot test \[float64\] .*e[+-]\d\d <= .* FAILED"):
        check_operator(WrongAdjoint(), raise_on_failure=True)
    with pytest.raises(AssertionError, match="checks failed"):
        check_operator(WrongAdjoint(), interop=False).assert_ok()


def test_interop_notices_a_wrong_adjoint():
    assert not check_operator(WrongAdjoint())["interop: pylops dottest"].ok


def test_the_report_is_a_table_with_the_reasons_for_what_was_skipped():
    report = check_operator(ops.RFFT((5,)))
    assert report
    assert "domain [complex128]" in str(report)
    assert "not a dtype of this operator's domain" in str(report)
    assert report["interop: scipy gmres"].note == "of as_real()"
    compound = check_operator(ops.Concatenate(((2,), (3,)), 0))
    assert any("several inputs or outputs" in check.note for check in compound.skipped)
    with pytest.raises(KeyError, match="no check 'nonsense'"):
        report["nonsense"]


def test_there_are_26_checks_of_interoperation():
    report = check_operator(Sound())
    assert sum(check.name.startswith("interop: ") for check in report.checks) == 26
    assert all(check.applies for check in report.checks if check.name.startswith("interop: "))


def test_only_operators():
    with pytest.raises(TypeError, match=r"given ndarray; expected an opad\.Operator\. Convert it with as_operator"):
        check_operator(np.eye(2))
