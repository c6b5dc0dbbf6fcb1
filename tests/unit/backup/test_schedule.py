"""When the next backup begins."""

from datetime import datetime
from pathlib import Path

import pytest

from backup import listing, schedule
from backup.errors import BackupError
from backup.restic import Restic
from backup.schedule import seconds_until
from backup.settings import BackupSettings, load_settings


@pytest.mark.parametrize(
    ("now", "seconds"),
    [("02:59:30", 30), ("03:00:00", 24 * 3600), ("04:00:00", 23 * 3600)],
)
def test_the_next_backup_is_the_next_time_that_the_clock_shows_it(now: str, seconds: int) -> None:
    assert seconds_until("03:00", datetime.fromisoformat(f"2026-11-27T{now}")) == seconds


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BACKUP_AT", "3 o'clock", "BACKUP_AT=3 o'clock: expected time of day"),
        ("BACKUP_TO", "backups", "BACKUP_TO=backups: expected an absolute path"),
        ("BACKUP_KEEP_DAILY", "-1", "BACKUP_KEEP_DAILY=-1: expected days"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BackupError, match=expected):
        load_settings()


class EnoughError(Exception):
    """Two days are enough."""


def test_a_day_that_fails_is_told_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = iter([BackupError("There is no space left at /backups."), "Saved 3 users.", None])

    def create(_: BackupSettings) -> str:
        match next(days):
            case BackupError() as error:
                raise error
            case str(text):
                told.append(listing.list_backups(Restic("/backups")))
                return text
        raise EnoughError

    told: list[str] = []
    waited: list[float] = []
    monkeypatch.setattr(Restic, "snapshots", lambda *_: [])
    monkeypatch.setattr(schedule.time, "sleep", waited.append)
    monkeypatch.setattr(schedule, "create", create)
    for module in (schedule, listing):
        monkeypatch.setattr(module, "LAST", tmp_path / "last.json")
    monkeypatch.setenv("BACKUP_AT", "03:00")
    monkeypatch.setenv("BACKUP_TO", "/backups")
    with pytest.raises(EnoughError):
        schedule.run_forever(load_settings())
    assert "There is no space left at /backups." in told[0]
    assert "failed" not in listing.list_backups(Restic("/backups"))
    assert "Saved 3 users." in capsys.readouterr().out
    assert len(waited) == 3 and all(0 < seconds <= 24 * 3600 for seconds in waited)
