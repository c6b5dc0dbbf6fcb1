"""renovate.json opens an update for each version that stands outside of a lock."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from embedded_kafka import KAFKA_VERSION

from supply import audit, pin, scan
from tests.unit.supply.test_pin import chart_images

ROOT = Path(__file__).resolve().parents[3]
POLICY = json.loads((ROOT / "renovate.json").read_text())
Dependency = tuple[str, str, str, str]


def expression(text: str) -> re.Pattern[str]:
    """Return an expression of Renovate, whose engine is RE2, as one of Python."""
    assert not re.search(r"\(\?(?:[=!]|<[=!])", text), f"RE2 does not look ahead or behind: {text}"
    return re.compile(text.replace("(?<", "(?P<"))


def files(patterns: list[str]) -> list[str]:
    """Return the files of the repository that `managerFilePatterns` name."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(pattern[0] == pattern[-1] == "/" for pattern in patterns), "else these are globs"
    found = {pattern: [n for n in listed if re.search(pattern[1:-1], n)] for pattern in patterns}
    assert all(found.values()), f"a pattern names no file: {found}"
    return sorted(name for names in found.values() for name in names)


def dependencies(manager: dict) -> list[Dependency]:
    """Return what a manager finds: file, source, name and version."""
    found = []
    for name in files(manager["managerFilePatterns"]):
        text = (ROOT / name).read_text("utf-8")
        matches = [m for one in manager["matchStrings"] for m in expression(one).finditer(text)]
        assert matches, f"{manager['description']} is not in {name}"
        for match in matches:
            called = match.groupdict().get("depName") or manager["depNameTemplate"]
            found.append((name, manager["datasourceTemplate"], called, match["currentValue"]))
    return found


def all_dependencies() -> set[Dependency]:
    return {one for manager in POLICY["customManagers"] for one in dependencies(manager)}


def versions(name: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / name).read_text("utf-8"))


def test_what_the_audit_runs_is_found() -> None:
    assert ("supply/audit.py", "pypi", *audit.PIP_AUDIT.split("==")) in all_dependencies()
    assert ("supply/scan.py", "docker", *scan.GRYPE.split(":")) in all_dependencies()


def test_each_version_of_a_dockerfile_and_the_makefiles_uv_are_found() -> None:
    expected = {("Makefile", "pypi", "uv", *versions("Makefile", r"uv==([\d.]+)"))}
    for path in (ROOT / "images").glob("*/Dockerfile"):
        name = str(path.relative_to(ROOT))
        for variable, version in re.findall(r"ARG (\w+)_VERSION=(\S+)", path.read_text()):
            expected.add((name, "pypi", variable.lower(), version))
    assert len(expected) == 4
    assert expected <= all_dependencies()
    assert len({version for _, _, name, version in all_dependencies() if name == "uv"}) == 1


def test_the_charts_images_are_found_also_behind_a_digest() -> None:
    values = "kubernetes/chart/values.yaml"
    others = [image for image in chart_images().values() if not image.startswith("mosshub/")]
    expected = {(values, "docker", *image.partition("@")[0].rsplit(":", 1)) for image in others}
    assert {one for one in all_dependencies() if one[0] == values} == expected
    (manager,) = (m for m in POLICY["customManagers"] if "chart's" in m["description"])
    digest = "sha256:" + "a" * 64
    match = expression(*manager["matchStrings"]).search(f"  caddy: caddy:2.6.2@{digest} # it\n")
    assert match and (match["currentValue"], match["currentDigest"]) == ("2.6.2", digest)


def test_kafka_is_one_update_which_names_what_its_lock_needs() -> None:
    named = {(source, name) for _, source, name, version in all_dependencies() if version}
    assert {("maven", "org.apache.kafka:kafka_2.13"), ("docker", "apache/kafka")} <= named
    jars = "shared_lib/embedded_kafka/jars.py"
    assert (jars, "maven", "org.apache.kafka:kafka_2.13", KAFKA_VERSION) in all_dependencies()
    (rule,) = (r for r in POLICY["packageRules"] if r.get("groupName") == "Apache Kafka")
    assert set(rule["matchPackageNames"]) == {"org.apache.kafka:kafka_2.13", "apache/kafka"}
    assert "python -m embedded_kafka.relock" in rule["prBodyNotes"][0]


def test_all_files_of_compose_are_read() -> None:
    composes = {str(p.relative_to(ROOT)) for p in pin.files() if p.parent.name == "docker"}
    assert set(files(POLICY["docker-compose"]["managerFilePatterns"])) >= composes


def test_the_tests_parts_are_updated_too() -> None:
    """config:recommended leaves out tests/, where locks of npm and of Go stand."""
    assert POLICY["ignorePaths"] == ["**/node_modules/**"]


def test_a_release_waits_and_a_mended_weakness_does_not() -> None:
    assert POLICY["minimumReleaseAge"] == "7 days"
    assert POLICY["vulnerabilityAlerts"]["minimumReleaseAge"] is None
    assert POLICY["lockFileMaintenance"]["enabled"] is True


@pytest.mark.parametrize("manager", POLICY["customManagers"], ids=lambda m: m["description"])
def test_each_manager_has_the_fields_that_renovate_needs(manager: dict) -> None:
    assert manager["customType"] == "regex"
    known = {"customType", "description", "managerFilePatterns", "matchStrings"}
    assert set(manager) - known <= {"depNameTemplate", "datasourceTemplate"}
    for one in manager["matchStrings"]:
        groups = expression(one).groupindex
        assert "currentValue" in groups and ("depName" in groups) != ("depNameTemplate" in manager)
