"""Of many servers the hub stops those that nobody uses, and disturbs none of the others."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.support.host_names import server_of
from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import wait_until

IDLE_S = 40
NAMES = [f"user{number:02}" for number in range(30)]
USED = NAMES[::2]


@pytest.mark.slow
def test_of_thirty_servers_the_idle_half_goes_and_the_others_answer_on(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data", IDLE_TIMEOUT=f"{IDLE_S}s", ACTIVE_SERVER_LIMIT="30") as hub:
        admin = LocalPerson(hub, "admin", hub.admin_password)
        answers: Counter[int] = Counter()

        def running() -> list[str]:
            users = admin.api("GET", "users?state=ready").json()
            return sorted(user["name"] for user in users)

        def say_used(names: list[str]) -> None:
            """Tell the hub that these servers are used, as they do themselves."""
            now = {"last_activity": datetime.now(UTC).isoformat()}
            for name in names:
                about = {**now, "servers": {"": now}}
                said = admin.api("POST", f"users/{name}/activity", json=about)
                assert said.ok, said.text

        def use() -> None:
            """Use half of them, and ask each of those for a page."""
            say_used(USED)
            for name in USED:
                page = requests.get(server_of(hub.url, name), timeout=30)
                answers[page.status_code] += 1

        def idle_half_is_gone() -> bool:
            use()
            time.sleep(1)
            return not set(running()) - set(USED)

        assert admin.api("POST", "users", json={"usernames": NAMES}).ok

        def all_run() -> bool:
            for name in set(NAMES) - set(running()):
                admin.api("POST", f"users/{name}/server")  # 429 while too many start at once
            say_used(running())
            return running() == NAMES

        wait_until(all_run, 120, "thirty servers run")
        began = time.monotonic()
        wait_until(idle_half_is_gone, IDLE_S + 60, "the idle half is gone")
        assert time.monotonic() - began > IDLE_S / 4, "nobody stops a server that just started"
        until = time.monotonic() + IDLE_S
        while time.monotonic() < until:  # as long again
            use()
            time.sleep(2)
        assert running() == USED
        assert set(answers) == {200} and answers[200] > 10 * len(USED)
