"""What an admin writes about backups reaches restic."""

import pytest

from backup.settings import load_settings


def test_how_many_backups_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_KEEP_DAILY", "1")
    monkeypatch.setenv("BACKUP_KEEP_WEEKLY", "2")
    monkeypatch.setenv("BACKUP_KEEP_MONTHLY", "3")
    assert load_settings().keep == {"daily": 1, "weekly": 2, "monthly": 3}


def test_secrets_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().backup_secrets
    monkeypatch.setenv("BACKUP_SECRETS", "no")
    assert not load_settings().backup_secrets
