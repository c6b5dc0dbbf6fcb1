"""Write the dashboard of Grafana from the rows below: `python docker/monitoring/…/write.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "mosshub.json"

_SPAWN = "jupyterhub_server_spawn_duration_seconds"
_LOOP = "jupyterhub_event_loop_interval_seconds_bucket"
_REQUESTS = "jupyterhub_request_duration_seconds"
_MB = "decbytes"


def p95(metric: str, window: str = "10m") -> str:
    """Return the query for the 95th percentile of a histogram."""
    return f"histogram_quantile(0.95, sum by (le) (rate({metric}[{window}])))"


#: Title, unit, and each query with its legend, by the title of a row of panels.
ROWS: dict[str, list[tuple[str, str, list[tuple[str, str]]]]] = {
    "Platform": [
        ("Parts that answer", "short", [("up", "{{job}}")]),
        ("Editors that run", "short", [("jupyterhub_running_servers", "editors")]),
        ("Users", "short", [("jupyterhub_total_users", "users")]),
        ("Failed starts in an hour", "short", [("increase(mosshub_failed_starts_total[1h])", "")]),
        ("Start of an editor, 95 %", "s", [(p95(f"{_SPAWN}_bucket", "1h"), "start")]),
        ("Requests to the hub, 95 %", "s", [(p95(f"{_REQUESTS}_bucket"), "request")]),
        (
            "Requests a second",
            "reqps",
            [
                ("rate(requests_web[5m])", "proxy, pages"),
                ("rate(requests_ws[5m])", "proxy, WebSockets"),
                (f"sum(rate({_REQUESTS}_count[5m]))", "hub"),
            ],
        ),
        ("The hub's event loop, 95 %", "s", [(p95(_LOOP, "5m"), "event loop")]),
    ],
    "Editors and apps": [
        ("Memory", _MB, [("mosshub_server_memory_bytes", "{{user}} {{server}}")]),
        ("Processors", "short", [("mosshub_server_processors", "{{user}} {{server}}")]),
        ("Busy (1) or idle", "short", [("mosshub_server_idle_seconds < bool 180", "{{user}}")]),
        ("Files", _MB, [("mosshub_home_bytes", "{{user}}")]),
    ],
    "Broker": [
        ("Answers", "short", [("mosshub_broker_up", "broker")]),
        (
            "Messages written a second",
            "wps",
            [("sum by (owner) (rate(mosshub_topic_messages_written_total[5m]))", "{{owner}}")],
        ),
        ("Lag", "short", [("mosshub_group_lag", "{{group}}")]),
        ("Topics on the disk", _MB, [("sum by (owner) (mosshub_topic_bytes)", "{{owner}}")]),
        (
            "Dead letters",
            "short",
            [('sum by (owner) (mosshub_topic_messages{kind="dead-letters"})', "{{owner}}")],
        ),
        ("Topics", "short", [("sum by (owner) (mosshub_topics)", "{{owner}}")]),
    ],
    "Agents": [
        ("At work", "short", [("mosshub_agent_alive", "{{owner}} {{agent}}")]),
        (
            "Predictions a second",
            "short",
            [("mosshub_agent_predictions_per_second", "{{owner}} {{agent}}")],
        ),
        (
            "Share of the time that quotas made it wait",
            "percentunit",
            [("rate(mosshub_agent_throttled_seconds_total[5m])", "{{owner}} {{agent}}")],
        ),
        ("Errors", "short", [("increase(mosshub_agent_errors_total[1h])", "{{owner}} {{agent}}")]),
    ],
    "Disk, certificate, backup": [
        (
            "Free",
            "percentunit",
            [
                ("mosshub_disk_free_bytes / mosshub_disk_bytes", "host"),
                ("mosshub_broker_disk_free_bytes / mosshub_broker_disk_bytes", "broker"),
            ],
        ),
        (
            "Certificate ends in",
            "s",
            [("mosshub_certificate_valid_until_seconds - time()", "certificate")],
        ),
        (
            "Age of the last daily backup",
            "s",
            [("time() - mosshub_backup_last_seconds", "backup")],
        ),
        ("The last daily backup was made", "short", [("mosshub_backup_succeeded", "backup")]),
    ],
}


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row, charts in ROWS.items():
        place = {"x": 0, "y": y, "w": 24, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": row, "gridPos": place})
        y += 1
        for number, (title, unit, queries) in enumerate(charts):
            place = {"x": number % 3 * 8, "y": y + number // 3 * 7, "w": 8, "h": 7}
            panels.append(panel(len(panels) + 1, title, unit, queries, place))
        y += (len(charts) + 2) // 3 * 7
    return {
        "uid": "mosshub",
        "title": "Mosshub",
        "editable": False,
        "refresh": "1m",
        "schemaVersion": 41,
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    }


def panel(
    number: int, title: str, unit: str, queries: list[tuple[str, str]], place: dict[str, int]
) -> dict[str, Any]:
    """Return a chart over time.

    Args:
        number: its id.
        title: what it shows.
        unit: Grafana's name of the unit.
        queries: each query with its legend.
        place: where it is.
    """
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "gridPos": place,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + i), "datasource": source, "expr": query, "legendFormat": legend}
            for i, (query, legend) in enumerate(queries)
        ],
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUT.write_text(text(), "utf-8")
