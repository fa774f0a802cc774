"""The reproductions' command line: exit status, tables, figures, report. The claims themselves are its own checks."""

import base64
import re

import numpy as np
import pytest

pytest.importorskip("sympy")
pytest.importorskip("sklearn")

import papers
from papers import bellani2024
from papers.__main__ import main
from papers.findings import Claim, Findings, relative_error
from papers.report import page_html, summary_text, table_text


@pytest.mark.parametrize("name", ["edelman2023", "bellani2024", "naumann2020"])
def test_fast_folders_agree(name, tmp_path, capsys):
    assert main([name, "--quick", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert name in out and "all agree" in out
    assert "NO" not in out.split()
    for suffix in ("png", "svg"):
        assert list((tmp_path / name).glob(f"*.{suffix}"))


def test_report_contains_every_figure_and_claim(tmp_path, capsys):
    main(["bellani2024", "--quick", "--output", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    embedded = [base64.b64decode(data) for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]
    written = [path.read_bytes() for path in (tmp_path / "bellani2024").glob("*.svg")]
    assert sorted(embedded) == sorted(written) and written
    assert page.count('class="yes"') == int(re.search(r"(\d+) claims, all agree", capsys.readouterr().out)[1])
    assert "0.09509146" in page


def test_unknown_name_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["edelmann", "--quick"])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "unknown name 'edelmann'" in message
    assert f"available: {', '.join(papers.available())}" in message


def test_a_claim_that_does_not_agree_gives_exit_status_1(monkeypatch, tmp_path, capsys):
    def wrong(findings, quick):
        """A wrong claim."""
        findings.equal("one and one", 3, 1 + 1)

    monkeypatch.setattr(bellani2024, "EXPERIMENTS", [wrong])
    assert main(["bellani2024", "--output", str(tmp_path)]) == 1
    assert "1 of 1 claims do not agree" in capsys.readouterr().out
    assert 'class="no"' in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_an_experiment_that_fails_is_a_claim_that_does_not_agree(monkeypatch, tmp_path, capsys):
    def broken(findings, quick):
        """A broken experiment."""
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(bellani2024, "EXPERIMENTS", [broken])
    assert main(["bellani2024", "--output", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "broken runs to its end" in captured.out and "ZeroDivisionError: by nothing" in captured.out
    assert "Traceback" in captured.err


def test_every_folder_says_what_it_claims():
    for name in papers.available():
        source = papers.load(name)
        assert source.TITLE and source.SOURCE and len(source.__doc__) > 300
        assert all(experiment.__doc__ for experiment in source.EXPERIMENTS)


@pytest.fixture
def findings(tmp_path):
    found = Findings("name", "Title", "Somewhere, 2024", tmp_path)
    found.section("Numbers & <signs>")
    found.close("short", "a formula", [1.0, 2.0], [1.0, 2.0])
    found.claim("a claim that is much too long to stand in a single line of the table " * 2, "v̄", "here", False)
    return found


@pytest.mark.parametrize("width", [60, 80, 120])
def test_table_is_aligned_at_every_width(findings, width):
    lines = table_text(findings, width).splitlines()
    assert all(len(line) <= width for line in lines if "v̄" not in line)
    head = next(line for line in lines if line.startswith("claim"))
    yes, no = (next(line for line in lines if line.endswith(word)) for word in ("yes", "NO"))
    assert yes.index("yes") == head.index("agrees")
    assert no.index("NO") == head.index("agrees") + 1  # the combining macron takes no place


def test_colours_mark_disagreement(findings):
    text = table_text(findings, 80, colour=True)
    assert "\033[32myes\033[0m" in text and "\033[31m" in text
    assert "\033" not in table_text(findings, 80)


def test_summary_and_page_escape_and_name_what_is_wrong(findings):
    assert summary_text([findings]).startswith("1 of 2 claims do not agree")
    page = page_html([findings])
    assert "Numbers &amp; &lt;signs&gt;" in page and "<signs>" not in page


def test_relative_error():
    assert relative_error([1.0, 3.0], [1.0, 2.0]) == 0.5
    assert relative_error([[1.0], [[0.5]]], [[1.0], [[1.0]]]) == 0.5
    assert relative_error(0.1, 0.0) == 0.1
    assert relative_error([1.0], 1.0) == float("inf")
    for values in ([1.0, np.nan], [np.nan, 1.0]):
        assert np.isnan(relative_error(values, [1.0, 1.0]))


def test_claims_are_kept_in_order(findings):
    assert [type(claim) for claim in findings.claims] == [Claim, Claim]
    assert findings.claims[0].agrees and not findings.claims[1].agrees
