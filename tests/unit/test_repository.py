"""What the whole repository agrees on: one version, and the same checks in make and in git."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECTS = [
    tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    for folder in (".", "shared_lib", "singleuser")
]


def test_all_packages_have_one_version() -> None:
    versions = {project["name"]: project["version"] for project in PROJECTS}
    assert len(set(versions.values())) == 1, versions


def test_the_changelog_has_that_version() -> None:
    newest = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == PROJECTS[0]["version"]


def test_all_packages_name_the_license_in_the_file() -> None:
    assert {project["license"] for project in PROJECTS} == {"BSD-3-Clause"}
    assert (ROOT / "LICENSE").read_text().startswith("BSD 3-Clause License")


def test_security_names_tests_that_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    named = re.findall(r"`(tests/[\w/.]+)`", text)
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_tool_of_make_lint_runs_before_a_commit() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    in_make = {
        " ".join(command.replace(" --check", "").split())
        for command in re.findall(r"\.venv/bin/[^&|;\n]+", recipe)
    }
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in configuration["repos"] for hook in repo["hooks"]]
    before_commit = {hook["entry"].replace(" --force-exclude", "") for hook in hooks}
    assert before_commit == in_make
    assert {repo["repo"] for repo in configuration["repos"]} == {"local"}, "nothing is fetched"
