"""How uv, npm and Grype are asked for weaknesses, and what becomes of their answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from supply import audit, scan, tools
from supply.accepted import Finding
from tests.unit.supply.programs import Program

REQUIREMENTS = "requests==2.0.0\nsix==1.17.0\n"
LISTING = "openssl\t3.5.1-1\tamd64\topenssl\nbash\t5.2-1\tamd64\tbash\n"
#: What each program prints where it knows a weakness; then npm and pip-audit end with 1.
PIP_AUDIT = {
    "dependencies": [
        {
            "name": "requests",
            "version": "2.0.0",
            "vulns": [
                {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "Leaks."}
            ],
        },
        {"name": "six", "version": "1.17.0", "vulns": []},
    ],
    "fixes": [],
}
NPM = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "ws": {
            "name": "ws",
            "range": "<8.17.1",
            "via": [{"url": "https://github.com/advisories/GHSA-1", "title": "ws falls over"}],
        }
    },
}
GRYPE = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-1",
                "severity": "High",
                "fix": {"versions": ["3.5.2-1"], "state": "fixed"},
            },
            "artifact": {"name": "openssl", "version": "3.5.1-1"},
        }
    ]
}


class Programs:
    """uv, npm and docker; Grype only if a test adds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uv, self.npm, self.docker = (Program(folder, name) for name in ("uv", "npm", "docker"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(tools, "ROOT", tmp_path)  # this machine's .venv has an npm of its own
    made = Programs(folder)
    made.uv.answers("export", REQUIREMENTS)
    made.docker.answers("dpkg-query", LISTING)
    return made


@pytest.mark.parametrize("service", ["pypi", "osv"])
def test_pip_audit_is_asked_about_all_that_is_locked(programs: Programs, service: str) -> None:
    programs.uv.answers("tool", PIP_AUDIT, "Found 1 known vulnerability in 1 package", status=1)
    assert audit.audit_python(service) == ([Finding("PYSEC-1", "requests 2.0.0", "Leaks.")], "")
    export, asked = programs.uv.calls
    assert {"--all-packages", "--all-extras", "--frozen", "--no-hashes"} <= set(export.arguments)
    assert "--group dev" in " ".join(export.arguments)
    assert asked.read == [REQUIREMENTS]
    words = " ".join(asked.arguments)
    assert words.startswith(f"tool run --quiet {audit.PIP_AUDIT} --vulnerability-service {service}")
    assert "--disable-pip --no-deps" in words, "pip-audit would resolve what is locked already"
    assert words.endswith("--format json --progress-spinner off")


def test_pip_audit_without_a_network_is_silent(programs: Programs) -> None:
    programs.uv.answers("tool", "", "Traceback …\nrequests.ConnectionError: no address\n", status=1)
    assert audit.audit_python("osv") == ([], "requests.ConnectionError: no address")


def test_a_lock_that_uv_does_not_read_stops_the_audit(programs: Programs) -> None:
    programs.uv.answers("export", err="error: no `uv.lock`\n", status=2)
    with pytest.raises(SystemExit, match=r"cannot export uv\.lock: error: no `uv\.lock`"):
        audit.audit_python("pypi")


def test_npm_is_asked_about_the_lock_in_its_folder(programs: Programs, tmp_path: Path) -> None:
    programs.npm.answers("audit", NPM, status=1)
    assert audit.audit_npm(tmp_path) == ([Finding("GHSA-1", "ws <8.17.1", "ws falls over")], "")
    (asked,) = programs.npm.calls
    assert asked.arguments == ["audit", "--json", "--package-lock-only"]
    assert Path(asked.folder).samefile(tmp_path)


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        ({"message": "405 Method Not Allowed", "statusCode": 405}, "npm error …", "405 Method"),
        ("", "npm error no network\nnpm error A log is in …", "npm error no network"),
        ("", "", "it gave no reason"),
    ],
)
def test_npm_without_its_registry_is_silent(
    programs: Programs, tmp_path: Path, out: object, err: str, said: str
) -> None:
    programs.npm.answers("audit", out, err, status=1)
    findings, silence = audit.audit_npm(tmp_path)
    assert findings == [] and silence.startswith(said)


def test_npm_that_is_not_there_is_silent(programs: Programs, tmp_path: Path) -> None:
    (programs.folder / "npm").unlink()
    assert "No such file" in audit.audit_npm(tmp_path)[1]


def test_grype_is_asked_about_debians_packages(programs: Programs) -> None:
    grype = Program(programs.folder, "grype")
    grype.answers("--output=json", GRYPE)
    found = [Finding("CVE-1", "openssl 3.5.1-1", "High, mended in 3.5.2-1")]
    assert scan.scan("mosshub/hub:local") == (found, "")
    (listed,) = programs.docker.calls
    assert "mosshub/hub:local" in listed.arguments
    (asked,) = grype.calls
    assert asked.arguments[1:] == ["--only-fixed", "--output=json"]
    parts = json.loads(asked.read[0])
    assert parts["metadata"]["component"]["name"] == "mosshub/hub:local"
    assert [part["name"] for part in parts["components"]] == ["bash", "openssl"]


def test_grypes_own_image_takes_its_place(programs: Programs) -> None:
    programs.docker.answers(scan.GRYPE, GRYPE)
    assert len(scan.scan("mosshub/hub:local")[0]) == 1
    mount = next(one for one in programs.docker.calls[1].arguments if one.startswith("--volume="))
    assert mount.endswith(":/image:ro")
    assert programs.docker.calls[1].arguments[-4:] == [
        *(scan.GRYPE, "sbom:/image/image.json", "--only-fixed", "--output=json")
    ]


def test_an_image_that_is_not_there_and_a_grype_without_its_data_are_silent(
    programs: Programs,
) -> None:
    programs.docker.answers(scan.GRYPE, err="failed to load vulnerability db\n", status=1)
    assert scan.scan("mosshub/hub:local") == ([], "failed to load vulnerability db")
    programs.docker.answers("dpkg-query", err="Unable to find image", status=125)
    assert scan.scan("mosshub/hub:local") == ([], "this machine does not have the image")


def test_all_sources_are_asked_and_a_finding_without_a_reason_fails(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.uv.answers("tool", PIP_AUDIT, status=1)
    programs.npm.answers("audit", {"auditReportVersion": 2, "vulnerabilities": {}})
    programs.docker.answers(scan.GRYPE, {"matches": []})
    assert audit.main() == 1
    said = capsys.readouterr().out
    sources = {line.partition(": ")[0] for line in said.splitlines() if line.endswith("findings")}
    locks = {f"{folder}/package-lock.json, npm" for folder in tools.NPM_FOLDERS}
    images = {f"{image}, grype" for image in scan.IMAGES}
    assert sources == {"uv.lock, pypi", "uv.lock, osv"} | locks | images
    assert "requests 2.0.0: PYSEC-1 Leaks. (NOT EXPLAINED" in said
    asked = {Path(call.folder).name for call in programs.npm.calls}
    assert asked == {Path(folder).name for folder in tools.NPM_FOLDERS}
