"""What the daily backup notes of itself is what Prometheus learns."""

import os
from pathlib import Path

import pytest

from backup import schedule
from backup.errors import BackupError
from backup.settings import BackupSettings
from watch.backups import LastBackup, last_backup


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_of_a_backup_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    def create(settings: BackupSettings) -> str:
        if fails:
            raise BackupError("no space")
        return "made"

    monkeypatch.setattr(schedule, "LAST", tmp_path / "last.json")
    monkeypatch.setattr(schedule, "create", create)
    schedule.run_once(BackupSettings())
    os.utime(tmp_path / "last.json", (1000, 1000))
    assert last_backup(tmp_path / "last.json") == LastBackup(1000, not fails)
    assert (tmp_path / "last.json").stat().st_mode & 0o044, "another user reads it"


@pytest.mark.parametrize("text", ["", "[]", "{}", "no"])
def test_a_file_of_another_kind_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "last.json").write_text(text)
    assert last_backup(tmp_path / "last.json") is None
    assert last_backup(tmp_path / "none") is None
