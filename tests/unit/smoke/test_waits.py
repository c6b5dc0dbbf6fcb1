"""Nothing that `make smoke` waits for lasts for ever, and what it waits for is on the screen."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smoke import platform as smoke_platform
from smoke.__main__ import main
from smoke.errors import SmokeError
from smoke.platform import Platform


class SilentHub(BaseHTTPRequestHandler):
    """A hub whose server of ada is starting, and that keeps the line open and says nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.path.endswith("/progress"):
            with suppress(OSError):
                while True:
                    self.wfile.write(b"\n" * 512)
                    time.sleep(0.05)
        starting = {"ready": False, "pending": "spawn", "url": "/user/ada/"}
        self.wfile.write(json.dumps({"name": "ada", "servers": {"": starting}}).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(smoke_platform, "START_TIMEOUT_S", 1.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), SilentHub)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(60)
def test_a_start_of_which_nothing_is_heard_ends(silent_hub: str) -> None:
    platform = Platform(silent_hub, "any")
    platform.sign_in()
    with pytest.raises(SmokeError, match="no editor after 1 s; last: nothing"):
        platform.start()


def test_the_step_that_fails_was_named_before(
    silent_hub: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "any")
    assert main([silent_hub]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].strip() == "the editor starts"
    assert "works" not in said.out and "no editor after 1 s" in said.err
