"""`make audit`: known weaknesses of all locked packages, and of what the images have of Debian.

A source that does not answer is named, and is no failure: without a network there is nothing to
learn. A finding fails the audit unless `accepted.toml` explains it.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from supply.accepted import Finding, judge, one_line, read_accepted
from supply.scan import scan_all
from supply.tools import NPM_FOLDERS, npm, run, uv

PIP_AUDIT = "pip-audit==2.10.1"


def python_requirements() -> str:
    """Return all locked packages of Python, as pip-audit reads them."""
    done = run(
        *(uv(), "export", "--quiet", "--frozen", "--all-packages", "--all-extras"),
        *("--group", "dev", "--no-emit-workspace", "--no-hashes"),
    )
    if done.returncode:
        raise SystemExit(f"audit: uv cannot export uv.lock: {done.stderr.strip()}")
    return done.stdout


def audit_python(service: str) -> tuple[list[Finding], str]:
    """Ask one source about the packages of uv.lock.

    Args:
        service: pip-audit's name of the source: `pypi` or `osv`.

    Returns:
        What it knows, and why it said nothing; empty if it answered for all.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(python_requirements())
        file.flush()
        done = run(
            *(uv(), "tool", "run", "--quiet", PIP_AUDIT, "--vulnerability-service", service),
            *("--disable-pip", "--no-deps", "--requirement", file.name),
            *("--format", "json", "--progress-spinner", "off"),
        )
    try:
        return read_pip_audit(json.loads(done.stdout))
    except ValueError:
        return [], (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]


def read_pip_audit(report: dict[str, Any]) -> tuple[list[Finding], str]:
    """Return the findings of a report, and which packages nobody answered for.

    pip-audit calls that success: it leaves out a package that the source does not know, and a
    source that knows none was not reached.
    """
    findings, unknown = [], []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        for weakness in package.get("vulns", ()):
            findings.append(
                Finding(
                    weakness["id"],
                    f"{package['name']} {package['version']}",
                    one_line(weakness.get("description", "")),
                )
            )
    if unknown and len(unknown) == len(report["dependencies"]):
        return findings, "it knows no package at all"
    return findings, f"it does not know {', '.join(unknown)}" if unknown else ""


def audit_npm(folder: Path) -> tuple[list[Finding], str]:
    """Ask the registry about the packages of a package-lock.json.

    Returns:
        What it knows, and why it said nothing; empty if it answered.
    """
    done = run(npm(), "audit", "--json", "--package-lock-only", folder=folder)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    if "vulnerabilities" not in report:
        said = report.get("message") or done.stderr.strip() or "it gave no reason"
        return [], str(said).splitlines()[0]
    return read_npm_audit(report), ""


def read_npm_audit(report: dict[str, Any]) -> list[Finding]:
    """Return the findings of npm's report."""
    findings = []
    for name, package in report["vulnerabilities"].items():
        for advisory in package["via"]:
            if isinstance(advisory, dict):  # else the name of the package that has it
                number = str(advisory["url"]).rpartition("/")[2]
                findings.append(
                    Finding(number, f"{name} {package['range']}", one_line(advisory["title"]))
                )
    return findings


def report(answers: Iterable[tuple[str, tuple[list[Finding], str]]]) -> int:
    """Print what the sources say; return the exit status.

    Args:
        answers: each source's name, what it knows, and why it said nothing.
    """
    findings: list[Finding] = []
    complete, reached = True, False
    for source, (found, silence) in answers:
        findings += found
        complete, reached = complete and not silence, reached or not silence
        told = f"not reached: {silence}" if silence else f"{len(found)} findings"
        print(f"{source}: {told}", flush=True)
    lines, clean = judge(findings, read_accepted(), complete=complete)
    if not reached:
        print("No source was reached, so nothing is known.")
    elif not lines:
        print("The sources that were reached know no weakness.")
    print(*lines, sep="\n", end="\n" if lines else "")
    return 0 if clean else 1


def main() -> int:
    """Ask all sources; return 1 if a finding is not explained."""
    python = ((f"uv.lock, {service}", audit_python(service)) for service in ("pypi", "osv"))
    root = Path(__file__).resolve().parent.parent
    node = (
        (f"{folder}/package-lock.json, npm", audit_npm(root / folder)) for folder in NPM_FOLDERS
    )
    return report([*python, *node, *scan_all()])


if __name__ == "__main__":
    sys.exit(main())
