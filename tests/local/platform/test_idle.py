"""The hub stops the servers that nobody uses. It stops no other server."""

from __future__ import annotations

import io
import socket
import time
import zipfile
from pathlib import Path

import pytest
import requests

from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until


@pytest.mark.slow
def test_a_server_is_stopped_when_nobody_uses_it_and_not_because_no_page_is_open(
    tmp_path: Path,
) -> None:
    nobody = socket.create_server(
        ("127.0.0.1", 0)
    )  # in place of a broker, which nothing here needs
    platform = RunningPlatform(
        tmp_path / "data",
        IDLE_TIMEOUT="45s",
        KERNEL_IDLE_TIMEOUT="12s",
        DISK_LIMIT="64K",
        KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{nobody.getsockname()[1]}",
    )
    try:
        platform.start()
        admin = LocalPerson(platform, "admin", platform.admin_password)

        def runs(name: str) -> bool:
            return bool(admin.api("GET", f"users/{name}").json()["servers"])

        ada, linus, grace = (LocalPerson(platform, name) for name in ("ada", "linus", "grace"))
        for person in (grace, ada, linus):
            person.editor()
        # A cell that waits uses no processor, and nobody looks at it.
        working = linus.notebook("train.py")
        answer = working.post(
            "api/kernel/run", {"cellIds": ["a"], "codes": ["import time\ntime.sleep(900)"]}
        )
        assert answer.ok
        working.socket.close()
        # A page that is open and sends requests all the time is not somebody who uses it.
        ada.session.get(f"{ada.base}?file=train.py", timeout=30)
        opened = time.monotonic()
        ada.notebook("train.py")

        grace_was_kept = kernel_was_ended = False

        def ada_is_stopped() -> bool:
            nonlocal grace_was_kept, kernel_was_ended
            script = {"Sec-Fetch-Mode": "cors"}
            try:
                ada.session.get(f"{ada.base}api/usage", headers=script, timeout=30)
                own = ada.session.get(f"{ada.base}_mosshub/status", headers=script, timeout=30)
            except requests.ConnectionError:  # her server ended while it answered
                return False
            if own.ok and "ended" in own.text:  # her page is hidden: it does not say what it shows
                kernel_was_ended |= [k["reason"] for k in own.json()["ended"]] == ["idle"]
            # Every open page tells how long it is, and has a button against it.
            status = grace.session.get(f"{grace.base}_mosshub/status", headers=script, timeout=30)
            if status.json()["stops_in"] < 25:
                assert grace.post("_mosshub/keep", {}).status_code == 204
                grace_was_kept = True
            return not runs("ada")

        wait_until(ada_is_stopped, 45 + 60, "the idle server to be stopped")
        assert time.monotonic() - opened > 40
        # The culler looks at both in one go, and again every few seconds.
        assert grace.post("_mosshub/keep", {}).status_code == 204
        time.sleep(15)
        assert runs("linus") and grace_was_kept and runs("grace")
        # Ada's kernel was stopped before her server, and that of linus works on.
        assert kernel_was_ended
        state = linus.session.get(
            f"{linus.base}api/kernel/status",
            headers={"Marimo-Session-Id": working.id, "Sec-Fetch-Mode": "cors"},
            timeout=30,
        )
        assert state.json() == {"state": "running"}
        # Grace keeps hers for longer, from a form that needs no script. The admin sees it.
        home = grace.session.get(grace.base, timeout=30).text
        assert "until tomorrow morning" in home and "Download all my files" in home
        assert "A newer editor" not in home
        form = {"Origin": grace.origin, "Sec-Fetch-Site": "same-origin"}
        kept = grace.session.post(
            f"{grace.base}_mosshub/keep", {"until": "4h", "from": "home"}, headers=form, timeout=30
        )
        assert "It keeps running until" in kept.text
        # What her home takes is over the limit: she is told, and can still work.
        assert "Notebooks are still saved" in kept.text
        people = admin.session.get(f"{admin.url}/hub/mosshub/admin/people.json", timeout=30)
        cells = people.json()["people"]["grace"]["cells"]
        assert "kept for 3 h 59 min" in cells["idle"] and "of 0 MB" in cells["disk"]
        files = grace.session.get(f"{grace.base}_mosshub/my-files.zip", timeout=60)
        with zipfile.ZipFile(io.BytesIO(files.content)) as archive:
            assert archive.read("notebooks/train.py") and archive.testzip() is None
        assert not [name for name in archive.namelist() if name.startswith(".venv/")]
    finally:
        platform.stop()
        nobody.close()
