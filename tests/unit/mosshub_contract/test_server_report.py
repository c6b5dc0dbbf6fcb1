"""What a server tells the hub survives the journey, and nonsense does not arrive."""

from __future__ import annotations

import pytest
from mosshub_contract.server_report import ServerReport, from_json, to_json


@pytest.mark.parametrize(
    "report", [ServerReport(1.5), ServerReport(2.0, kept_until=9.5, disk_bytes=3, disk_limit=4)]
)
def test_a_report_arrives_as_it_was(report: ServerReport) -> None:
    assert from_json(to_json(report)) == report


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", "{}", '{"last_used": "x", "kept_until": 1}', b"\xff", '{"last_used": {}}'],
)
def test_nonsense_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        from_json(text)
