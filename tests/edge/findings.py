"""A finding in short, for the tests of the doctor and of what it asks."""

from edge.system.diagnostics import Finding, Verdict

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL


def verdict(finding: Finding) -> tuple[Verdict, str]:
    """The finding's verdict and remedy; every finding can be printed."""
    assert finding.lines()
    assert (finding.remedy == "") is (finding.verdict is PASS)
    return finding.verdict, finding.remedy
