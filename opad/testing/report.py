"""What a check returns: one row per property with the measured error, the tolerance and a verdict."""

from dataclasses import dataclass, field


@dataclass
class Check:
    """One property of an operator, measured.

    Attributes
    ----------
    name : str
    error : float, relative; None if the check does not apply
    tolerance : float
    note : str, why the check does not apply, or the exception that was raised
    """

    name: str
    error: float | None
    tolerance: float = 0.0
    note: str = ""

    @property
    def applies(self):
        return self.error is not None

    @property
    def ok(self):
        return self.error is None or bool(self.error <= self.tolerance)

    @property
    def verdict(self):
        return ("ok" if self.ok else "FAILED") if self.applies else "-"


@dataclass
class OperatorReport:
    """The result of `opad.testing.check_operator`.

    Attributes
    ----------
    subject : str, the repr of the operator
    checks : list of Check
    ok : bool, True if no check that applies failed
    failed, skipped : lists of Check

    `str(report)` is a table; `assert_ok()` raises AssertionError with that table unless `ok`.
    """

    subject: str
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self):
        return all(check.ok for check in self.checks)

    @property
    def failed(self):
        return [check for check in self.checks if not check.ok]

    @property
    def skipped(self):
        return [check for check in self.checks if not check.applies]

    def __getitem__(self, name):
        """The check of that name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r}; there are {[check.name for check in self.checks]}")

    def __bool__(self):
        return self.ok

    def __str__(self):
        return self._table(self.checks)

    def _table(self, checks):
        width = max([len(check.name) for check in checks], default=0)
        lines = [f"{self.subject}: {len(self.failed)} of {len(self.checks)} checks failed"]
        for check in checks:
            numbers = f"{check.error:9.2e} <= {check.tolerance:8.2e}" if check.applies else " " * 21
            lines.append(f"  {check.name:<{width}}  {numbers}  {check.verdict:<6}  {check.note}".rstrip())
        return "\n".join(lines)

    def assert_ok(self):
        """Raise AssertionError with the numbers of what failed; return the report if nothing did."""
        if not self.ok:
            raise AssertionError(self._table(self.failed))
        return self
