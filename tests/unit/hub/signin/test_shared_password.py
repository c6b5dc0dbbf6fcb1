"""The laptop's passwords: made once, readable by their owner alone, never half accepted."""

import stat
from pathlib import Path

import pytest

from hub.signin.shared_password import load_passwords


def test_the_first_start_makes_them_and_the_next_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "hub" / "passwords.json"
    first = load_passwords(path)
    assert load_passwords(path) == first
    assert len(first.people) >= 8
    assert len(first.admins) >= 32


def test_two_platforms_have_different_ones(tmp_path: Path) -> None:
    assert load_passwords(tmp_path / "a") != load_passwords(tmp_path / "b")


@pytest.mark.parametrize("widen", [False, True])
def test_only_the_owner_can_read_the_file(tmp_path: Path, widen: bool) -> None:
    path = tmp_path / "passwords.json"
    load_passwords(path)
    if widen:
        path.chmod(0o644)
        load_passwords(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"people": "12345678"}', '{"a": 1}'])
def test_a_broken_file_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="delete it to get new passwords"):
        load_passwords(path)


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    path.write_text('{"people": "short", "admins": "also-short"}')
    with pytest.raises(ValueError, match="8 characters or more"):
        load_passwords(path)
