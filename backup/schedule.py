"""Makes a backup every day at the time that BACKUP_AT names, until it is stopped."""

import json
import time
from datetime import datetime, timedelta

from mosshub_contract.files import write_atomically

from backup.create import create
from backup.errors import BackupError
from backup.places import LAST
from backup.settings import BackupSettings


def seconds_until(at: str, now: datetime) -> float:
    """Return the seconds from `now` until the next time that it is `at`, such as `03:00`."""
    hour, minute = map(int, at.split(":"))
    wanted = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if wanted <= now:
        wanted += timedelta(days=1)
    return (wanted - now).total_seconds()


def run_once(settings: BackupSettings) -> bool:
    """Make a backup, print and note how it ended; return whether it was made."""
    began = f"{datetime.now():%Y-%m-%d %H:%M}"
    try:
        text, ok = create(settings), True
    except BackupError as error:
        text, ok = str(error), False
    print(f"{began} {text}", flush=True)
    write_atomically(LAST, json.dumps({"ok": ok, "at": began, "text": text}))
    return ok


def run_forever(settings: BackupSettings) -> None:
    """Make a backup every day.

    Raises:
        BackupError: BACKUP_AT or BACKUP_TO is missing.
    """
    if not (settings.backup_at and settings.backup_to):
        raise BackupError("A daily backup needs BACKUP_AT (03:00) and BACKUP_TO in docker/.env.")
    print(f"A backup every day at {settings.backup_at} to {settings.backup_to}", flush=True)
    while True:
        time.sleep(seconds_until(settings.backup_at, datetime.now()))
        run_once(settings)
