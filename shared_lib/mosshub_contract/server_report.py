"""What a user's server tells the hub about itself, and the hub's answer.

A server sends a report to `API_PATH`, with its own token, whenever it looks at its own activity.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

#: Path of the hub's route, below the hub's API.
API_PATH = "/mosshub/server-report"


@dataclass(frozen=True)
class ServerReport:
    """What a server knows of itself.

    Attributes:
        last_used: when its user or a kernel did something, in seconds since 1970.
        kept_until: it is not stopped for idleness until then; None if nobody asked for that.
        disk_bytes: what the user's files take; None if it is not known yet.
        disk_limit: what they may take; None without a limit.
    """

    last_used: float
    kept_until: float | None = None
    disk_bytes: int | None = None
    disk_limit: int | None = None


def to_json(report: ServerReport) -> str:
    """Return a report as the body of a request."""
    return json.dumps(asdict(report))


def from_json(text: str | bytes) -> ServerReport:
    """Return the report in the body of a request.

    Raises:
        ValueError: it is not JSON, or no such report.
    """
    try:
        found = json.loads(text)
        return ServerReport(
            last_used=float(found["last_used"]),
            kept_until=_number(found["kept_until"], float),
            disk_bytes=_number(found["disk_bytes"], int),
            disk_limit=_number(found["disk_limit"], int),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a report of a server: {error!r}") from None


def _number(value: Any, kind: type) -> Any:
    return None if value is None else kind(value)
