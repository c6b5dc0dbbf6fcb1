"""Findings of an audit, and those that are explained."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("accepted.toml")


class Finding(NamedTuple):
    """A known weakness of a package that is locked.

    Attributes:
        id: the advisory, such as GHSA-… or PYSEC-….
        package: name and version.
        text: what it is, in a line.
    """

    id: str
    package: str
    text: str


def one_line(text: str, length: int = 100) -> str:
    """Return the beginning of a text, in one line."""
    return " ".join(text.split())[:length]


def read_accepted(path: Path = FILE) -> dict[str, str]:
    """Return the reason of each finding that is accepted, by the advisory's id.

    Raises:
        ValueError: one has no id, no package or no reason.
    """
    found = {}
    for one in tomllib.loads(path.read_text("utf-8")).get("accepted", []):
        if not all(str(one.get(key, "")).strip() for key in ("id", "package", "reason")):
            raise ValueError(f"{path.name}: each [[accepted]] needs id, package and reason: {one}")
        found[one["id"]] = one["reason"]
    return found


def judge(
    findings: Iterable[Finding], accepted: Mapping[str, str], *, complete: bool
) -> tuple[list[str], bool]:
    """Return a line for each finding, and whether all of them are explained.

    Args:
        findings: what was found.
        accepted: the reasons by id.
        complete: whether every source was reached; else nothing is said to be out of date.
    """
    lines, clean, seen = [], True, set()
    for finding in sorted(set(findings)):
        seen.add(finding.id)
        reason = accepted.get(finding.id)
        clean = clean and reason is not None
        what = f"accepted: {reason}" if reason else "NOT EXPLAINED in supply/accepted.toml"
        lines.append(f"{finding.package}: {finding.id} {finding.text} ({what})")
    for left in sorted(set(accepted) - seen) if complete else ():
        clean = False
        lines.append(f"{left}: supply/accepted.toml explains it, and nobody finds it any more")
    return lines, clean
