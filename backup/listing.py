"""The backups of a repository, as lines for a person."""

import json
from datetime import datetime

from backup.create import describe
from backup.errors import BackupError
from backup.manifest import Manifest
from backup.places import LAST, MANIFEST
from backup.restic import Restic


def list_backups(repository: Restic) -> str:
    """Return a line for each backup, the newest last, and how the last scheduled one ended."""
    lines = []
    for snapshot in repository.snapshots():
        try:
            about = describe(Manifest.from_json(repository.read(snapshot["id"], MANIFEST)))
        except BackupError as error:
            about = str(error)
        size = snapshot.get("summary", {}).get("total_bytes_processed", 0)
        time = datetime.fromisoformat(snapshot["time"]).astimezone().strftime("%Y-%m-%d %H:%M")
        lines.append(
            f"{snapshot['short_id']}  {time}  {snapshot['hostname']}  {_size(size)}  {about}"
        )
    lines = lines or [f"There are no backups at {repository.address} yet."]
    if LAST.exists():
        last = json.loads(LAST.read_text())
        if not last["ok"]:
            lines.append(f"The last scheduled backup ({last['at']}) failed: {last['text']}")
    return "\n".join(lines)


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
