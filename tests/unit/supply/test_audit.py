"""An audit that nobody answered is not taken for a clean one."""

from pathlib import Path

import pytest

from supply.accepted import FILE, Finding, judge, read_accepted
from supply.audit import read_npm_audit, read_pip_audit, report
from supply.scan import read_grype, reason_of

FINDING = Finding("GHSA-1", "thing 1.0", "It breaks.")


def test_a_finding_needs_an_explanation() -> None:
    lines, clean = judge([FINDING], {}, complete=True)
    assert (lines, clean) == (
        ["thing 1.0: GHSA-1 It breaks. (NOT EXPLAINED in supply/accepted.toml)"],
        False,
    )
    lines, clean = judge([FINDING], {"GHSA-1": "not used"}, complete=True)
    assert clean and "accepted: not used" in lines[0]


def test_an_explanation_leaves_with_its_finding_but_not_while_a_source_is_silent() -> None:
    assert judge([], {"GHSA-1": "not used"}, complete=True)[1] is False
    assert judge([], {"GHSA-1": "not used"}, complete=False) == ([], True)


def test_each_explanation_has_a_reason(tmp_path: Path) -> None:
    read_accepted(FILE)
    bad = tmp_path / "accepted.toml"
    bad.write_text('[[accepted]]\nid = "GHSA-1"\npackage = "thing"\nreason = " "\n')
    with pytest.raises(ValueError, match="needs id, package and reason"):
        read_accepted(bad)


def test_pip_audits_success_without_an_answer_is_silence() -> None:
    skipped = {"name": "a", "skip_reason": "Dependency not found on PyPI"}
    weak = {"name": "b", "version": "1", "vulns": [{"id": "PYSEC-1", "description": "It\nis."}]}
    assert read_pip_audit({"dependencies": [skipped]}) == ([], "it knows no package at all")
    found, silence = read_pip_audit({"dependencies": [skipped, weak]})
    assert (found, silence) == ([Finding("PYSEC-1", "b 1", "It is.")], "it does not know a")
    assert read_pip_audit({"dependencies": [{**weak, "vulns": []}]}) == ([], "")


def test_npm_tells_each_advisory_once() -> None:
    advisory = {"url": "https://github.com/advisories/GHSA-2", "title": "It fails"}
    found = {
        "deep": {"range": "<2", "via": [advisory]},
        "top": {"range": "*", "via": ["deep"]},
    }
    assert read_npm_audit({"vulnerabilities": found}) == [Finding("GHSA-2", "deep <2", "It fails")]


def test_grype_tells_each_weakness_of_a_package_once_and_where_it_is_mended() -> None:
    match = {
        "vulnerability": {"id": "CVE-1", "severity": "High", "fix": {"versions": ["3.0-2"]}},
        "artifact": {"name": "openssl", "version": "3.0-1"},
    }
    assert read_grype({"matches": [match, match]}) == [
        Finding("CVE-1", "openssl 3.0-1", "High, mended in 3.0-2")
    ]
    assert read_grype({"matches": []}) == []


def test_why_grype_did_not_scan_is_told_in_a_line() -> None:
    docker = (
        "Unable to find image\ndocker: Error response from daemon: no such host.\nSee 'docker'."
    )
    assert reason_of(docker) == "docker: Error response from daemon: no such host."
    assert reason_of("\x1b[31mERROR\x1b[0m failed to load vulnerability db\n\n").endswith(" db")
    assert reason_of("") == "it gave no reason"


def test_silence_is_named_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([("uv.lock, osv", ([], "no address"))]) == 0
    said = capsys.readouterr().out
    assert "uv.lock, osv: not reached: no address\nNo source was reached, so nothing" in said
    assert report([("uv.lock, pypi", ([FINDING], ""))]) == 1
    assert "NOT EXPLAINED" in capsys.readouterr().out
    assert report([("uv.lock, pypi", ([], "")), ("uv.lock, osv", ([], "no address"))]) == 0
    assert "The sources that were reached know no weakness." in capsys.readouterr().out
