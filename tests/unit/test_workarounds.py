"""Work-arounds for faults of other packages: each names the locked version and its test.

A mark looks so, in a comment or a docstring:

    WORKAROUND(marimo 0.25.2): what is wrong, in one clause.
    More words if they are needed.
    Test: test_that_shows_the_fault

When a package is upgraded, the tests here list what has to be tried without its work-around.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from embedded_kafka import KAFKA_VERSION

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("hub", "singleuser", "shared_lib", "images", "docker")
SKIPPED = {"node_modules", "__pycache__", "__marimo__"}

# The package's name may have an owner (npm's @name/name).
MARK = re.compile(r"WORKAROUND\((?P<package>[\w.@/-]+) (?P<version>[\w.+-]+)\): (?P<fault>\S.*)")
TEST = re.compile(r"\bTests?: ((?:test_\w+)(?:, test_\w+)*)")


@dataclass(frozen=True)
class WorkAround:
    """A mark in the code: package, version, what is wrong, and the tests that show it."""

    place: str
    package: str
    version: str
    fault: str
    tests: tuple[str, ...]


def work_arounds_in(text: str, place: str) -> list[WorkAround]:
    """Return the work-arounds of a file; the words of a mark end at the next blank line.

    Raises:
        ValueError: a mark is not written as this module's docstring says.
    """
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if "WORKAROUND" not in line:
            continue
        mark = MARK.search(line)
        if mark is None:
            raise ValueError(f"{place}:{number + 1}: not WORKAROUND(package version): fault")
        block = []
        for following in lines[number:]:
            words = following.strip().lstrip("#/* ").strip()
            if not words or (block and "WORKAROUND" in words):
                break
            block.append(words)
        named = TEST.search(" ".join(block))
        tests = tuple(named[1].split(", ")) if named else ()
        where = f"{place}:{number + 1}"
        found.append(WorkAround(where, mark["package"], mark["version"], mark["fault"], tests))
    return found


def files() -> Iterator[Path]:
    """Yield the text files of the rooms in which work-arounds are."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            skipped = SKIPPED.intersection(path.relative_to(ROOT).parts)
            if path.is_file() and not skipped and path.name != "package-lock.json":
                yield path


@cache
def work_arounds() -> list[WorkAround]:
    found = []
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        # Modules that explain the marks write the word without a bracket.
        place = str(path.relative_to(ROOT))
        found += work_arounds_in(text.replace("`WORKAROUND`", "mark"), place)
    return found


@cache
def locked_versions() -> dict[str, str]:
    """Return the locked version of each package, of Python and Node, and that of Kafka."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {package["name"]: package["version"] for package in locked["package"]}
    node = json.loads((ROOT / "hub" / "node" / "package-lock.json").read_text())
    for path, package in node["packages"].items():
        if path:
            versions.setdefault(path.rpartition("node_modules/")[2], package["version"])
    return {**versions, "Kafka": KAFKA_VERSION}


@cache
def names_of_tests() -> frozenset[str]:
    """Return the names of all test functions below tests/."""
    functions = (
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(name for name in functions if name.startswith("test_"))


def errors_of(work_around: WorkAround) -> list[str]:
    """Return what is wrong with a mark."""
    errors = []
    locked = locked_versions().get(work_around.package)
    if locked is None:
        errors.append(f"no lock names the package {work_around.package}")
    elif locked != work_around.version:
        errors.append(
            f"{work_around.package} {locked} is locked: run {', '.join(work_around.tests)} without "
            "this work-around, then delete it or write the new version here"
        )
    if not work_around.tests:
        errors.append("it names no test")
    errors += [
        f"there is no test {name}" for name in work_around.tests if name not in names_of_tests()
    ]
    return errors


def test_each_work_around_names_the_locked_version_and_its_test() -> None:
    found = work_arounds()
    wrong = [f"{w.place}: {w.fault}: {error}" for w in found for error in errors_of(w)]
    assert not wrong, "\n".join(wrong)


def test_the_known_work_arounds_are_found() -> None:
    """So that an empty list above is a list of nothing wrong, and not of nothing read."""
    places = {w.place.partition(":")[0] for w in work_arounds()}
    patches = ROOT / "singleuser/marimo_singleuser/marimo_patches"
    modules = {str(p.relative_to(ROOT)) for p in patches.glob("*.py") if not p.name.startswith("_")}
    assert modules and modules <= places


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# WORKAROUND(marimo {marimo}): it hangs.\n# Test: {here}", None),
        ("# WORKAROUND(marimo {marimo}): it hangs.\n# More words.\n# Tests: {here}, {here}", None),
        ("# WORKAROUND(marimo 0.1.0): it hangs.\n# Test: {here}", "{marimo} is locked"),
        ("# WORKAROUND(no-such 1.0): it hangs.\n# Test: {here}", "no lock names"),
        ("# WORKAROUND(marimo {marimo}): it hangs.\n# Test: test_gone", "no test test_gone"),
        ("# WORKAROUND(marimo {marimo}): it hangs.\n\n# Test: {here}", "names no test"),
        ("# WORKAROUND(marimo {marimo}): it hangs.", "names no test"),
    ],
)
def test_a_wrong_mark_is_an_error(text: str, error: str | None) -> None:
    known = {"marimo": locked_versions()["marimo"], "here": "test_a_wrong_mark_is_an_error"}
    (mark,) = work_arounds_in(text.format(**known), "here")
    errors = errors_of(mark)
    if error is None:
        assert errors == []
    else:
        assert len(errors) == 1 and error.format(**known) in errors[0]


@pytest.mark.parametrize(
    "text", ["# WORKAROUND: it hangs", "# WORKAROUND(marimo): it hangs", "# WORKAROUND(marimo 1): "]
)
def test_a_mark_without_version_or_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="here:1"):
        work_arounds_in(text, "here")
