"""docs/settings.md says what the settings' classes say, and a test uses every setting."""

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from docs import settings_page
from hub.settings import Settings

ROOT = Path(__file__).resolve().parents[3]

#: Settings that no test uses, each with the reason.
NOT_TESTED = {
    "BACKUP_MEMORY": "docker compose hands it on as it is",
    "DOCKER_SOCKET": "the tests have no rootless engine",
    "KAFKA_HEAP": "docker compose hands it on as it is",
    "KAFKA_MEMORY": "docker compose hands it on as it is",
}


@cache
def text_of_tests() -> str:
    """Return all tests as one text, without this one."""
    paths = [p for p in (ROOT / "tests").rglob("*") if p.suffix == ".py" and p.is_file()]
    skipped = {"node_modules", ".artifacts"}
    kept = [p for p in paths if p != Path(__file__) and not skipped.intersection(p.parts)]
    return "\n".join(path.read_text("utf-8") for path in kept)


def all_settings() -> set[str]:
    example = (ROOT / "docker/.env.example").read_text("utf-8")
    hubs = {name.upper() for name in Settings.model_fields}
    return hubs | set(re.findall(r"(?m)^([A-Z_]+)=", example))


def is_used(name: str) -> bool:
    """Return whether a test sets or reads a setting: NAME, `name=…` or `settings.name`."""
    lower = name.lower()
    return bool(re.search(rf"\b(?:{name}\b|{lower}=|settings\.{lower}\b)", text_of_tests()))


def test_the_page_is_fresh() -> None:
    assert settings_page.PAGE.read_text("utf-8") == settings_page.page(), "make settings-docs"


def test_every_setting_is_on_the_page() -> None:
    page = settings_page.PAGE.read_text("utf-8")
    assert [name for name in sorted(all_settings()) if f"`{name}`" not in page] == []


def test_a_new_setting_needs_a_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings_page.SUBJECTS, "Hub", "servers data_dir")
    with pytest.raises(ValueError, match="database_url"):
        settings_page.page()


def test_every_setting_is_used_by_a_test_or_named_with_a_reason() -> None:
    unused = {name for name in all_settings() if not is_used(name)}
    assert unused == set(NOT_TESTED)


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
