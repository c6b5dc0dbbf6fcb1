"""The logs of a platform without containers."""

from pathlib import Path


def read_logs(data_dir: Path) -> str:
    """Return the hub's log, and behind it those of all users' servers."""
    logs = data_dir / "logs"
    paths = [logs / "hub.log", *sorted((logs / "servers").glob("*.log"))]
    return "".join(path.read_text(errors="replace") for path in paths if path.exists())
