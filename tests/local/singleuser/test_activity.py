"""What counts as activity."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from tests.support.singleuser import Person
from tests.support.waiting import wait_until


def _last(ada: Person) -> datetime:
    server = ada.hub.api("GET", "users/ada").json()["servers"][""]
    return datetime.fromisoformat(server["last_activity"])


@pytest.mark.slow
def test_activity_is_a_users_or_a_kernels(ada: Person) -> None:
    notebook = ada.notebook()
    # The start of the kernel must be over.
    before = _last(ada)

    def settled() -> bool:
        nonlocal before
        last, now = before, _last(ada)
        before = now
        pings = [ada.get("api/usage").ok for _ in range(25) if not time.sleep(0.1)]
        return all(pings) and last == now

    wait_until(settled, 60, "an idle server whose page sends requests all the time")
    # The user edits something.
    document = {"cellIds": ["a"], "codes": ["1 + 1"]}
    assert notebook.post("api/kernel/run", document).ok
    wait_until(lambda: _last(ada) > before, 60, "the edit to count")
    # A kernel works while no page is open.
    notebook.post(
        "api/kernel/run",
        {
            "cellIds": ["b"],
            "codes": ["import time\nend = time.time() + 20\nwhile time.time() < end: pass"],
        },
    )
    notebook.socket.close()
    started = _last(ada)
    wait_until(lambda: (_last(ada) - started).total_seconds() > 4, 60, "the kernel to count")
