"""docs/settings.md says what the settings' classes say, and a test sets every setting."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from docs import settings_page
from hub.settings import Settings

ROOT = Path(__file__).resolve().parents[3]

#: Settings that no test sets, each with the reason.
NOT_TESTED = {
    "DOCKER_SOCKET": "the tests have no rootless engine",
}


class Finder(ast.NodeVisitor):
    """Finds settings, by their names in the environment, that a test gives a value.

    They are keys of a dict, keyword arguments, `setenv("NAME", …)`, `….environment["NAME"] = …` and
    lines `NAME=…` of a text. What a test only expects or reads does not count, nor do the tables of
    values that are refused.
    """

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave out what is expected."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # else a docstring
            self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._add(*node.keys)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._add(*(place.slice for place in node.targets if isinstance(place, ast.Subscript)))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.found |= {given.arg for given in node.keywords if given.arg}
        if isinstance(node.func, ast.Attribute) and node.func.attr == "setenv":
            self._add(node.args[0])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found |= set(re.findall(r"(?:^|\s|--env=)([A-Z_]+)=(?!\S+: )", node.value))

    def _add(self, *names: ast.expr | None) -> None:
        self.found |= {str(name.value) for name in names if isinstance(name, ast.Constant)}


@cache
def set_by_tests() -> set[str]:
    """Return the settings to which a test gives a value."""
    paths = [p for p in (ROOT / "tests").rglob("*") if p.suffix == ".py" and p.is_file()]
    skipped = {"node_modules", ".artifacts", ".cache"}
    finder = Finder()
    for path in paths:
        if path != Path(__file__) and not skipped.intersection(path.parts):
            finder.visit(ast.parse(path.read_text("utf-8")))
    return finder.found


def all_settings() -> set[str]:
    example = (ROOT / "docker/.env.example").read_text("utf-8")
    hubs = {name.upper() for name in Settings.model_fields}
    return hubs | set(re.findall(r"(?m)^([A-Z_]+)=", example))


def test_the_page_is_fresh() -> None:
    assert settings_page.PAGE.read_text("utf-8") == settings_page.page(), "make settings-docs"


def test_every_setting_is_on_the_page() -> None:
    page = settings_page.PAGE.read_text("utf-8")
    assert [name for name in sorted(all_settings()) if f"`{name}`" not in page] == []


def test_a_new_setting_needs_a_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings_page.SUBJECTS, "Hub", "servers data_dir")
    with pytest.raises(ValueError, match="database_url"):
        settings_page.page()


def test_every_setting_is_set_by_a_test_or_named_with_a_reason() -> None:
    assert all_settings() - set_by_tests() == set(NOT_TESTED)


def test_a_setting_that_a_test_only_reads_or_expects_is_not_set() -> None:
    finder = Finder()
    text = """
def test_it(hub):
    '''With ONE=1.'''
    assert hub.env["TWO"] == {"TWO": "2"} and "TWO=2" in hub.text
    refuse("THREE", "3", "THREE=3: expected less")
    hub.env["FOUR"] = hub.make("--env=FIVE=5", f"SIX={6}\\nSEVEN=7", {"EIGHT": 8}, NINE="9")
    monkeypatch.setenv("TEN", hub.env["ELEVEN"])
"""
    finder.visit(ast.parse(text))
    assert finder.found == {"FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN"}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("kafka_produce_quota", 25 * 2**20, "`25M`"),
        ("keep_at_most", 86400.0, "`24h`"),
        ("kernel_timeout", 90, "`90s`"),
        ("subdomains", True, "`yes`"),
        ("allowed_users", frozenset({"b", "a"}), "`a,b`"),
        ("domain", None, ""),
    ],
)
def test_a_default_is_shown_as_one_writes_it(name: str, value: object, shown: str) -> None:
    assert settings_page.default(name, FieldInfo(default=value)) == shown
