"""`make smoke` in this process, where the names of the tests' domains have addresses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from smoke.__main__ import main
from tests.support.members import TeamMember
from tests.support.stack import Stack


class Smoke:
    """Runs the smoke test.

    Attributes:
        status: the exit status of the last run.
        said: its standard output.
        error: its standard error.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.status, self.said, self.error = 0, "", ""

    def run(self, stack: Stack, member: TeamMember) -> None:
        """Use a platform as one of its members, with a new token."""
        answer = member.api("POST", f"users/{member.name}/tokens", json={"note": "smoke"})
        self._monkeypatch.setenv("TOKEN", answer.json()["token"])
        self._monkeypatch.setattr("smoke.__main__.resolve_localhost", lambda: None)
        options = ["--ca", str(stack.authority)] if stack.https else []
        self._capsys.readouterr()
        with ThreadPoolExecutor(1) as pool:  # a browser of other tests has this thread's event loop
            self.status = pool.submit(main, [stack.url, *options]).result()
        self.said, self.error = self._capsys.readouterr()
