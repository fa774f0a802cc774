"""The coverage table is made from the registers of NumPy and SciPy, and reaches its targets."""

from opad import coverage


def differentiated(group):
    return sum(kind in ("rule", "composed") for kind in coverage.table()[group].values())


def test_targets():
    ufuncs = coverage.table()["NumPy float ufuncs"]
    assert [name for name, kind in ufuncs.items() if not kind] == []
    assert differentiated("NumPy array functions") >= 180
    assert differentiated("scipy.special ufuncs") >= 70
    assert differentiated("scipy.fft transforms") >= 26
    assert differentiated("opad.scipy.linalg") >= 55
    assert differentiated("opad.scipy.special") >= 14
    assert differentiated("opad.scipy.sparse.linalg") >= 2
    assert differentiated("opad.scipy.signal") >= 20


def test_the_command_prints_totals(capsys):
    coverage.main()
    assert capsys.readouterr().out.count("differentiated in both modes") == 8
