"""The work-arounds are installed one after the other: none takes another one away."""

import asyncio
from pathlib import Path

import pytest
from marimo._server.api.endpoints.ws.ws_session_connector import SessionConnector
from marimo._session import session as marimo_session
from marimo_singleuser.frame.seen import DIRECTORY_VARIABLE
from marimo_singleuser.marimo_patches import ended_kernels, idle_kernels


class Connector:
    """A page that connects, and marimo's sessions, as far as both know them."""

    def __init__(self) -> None:
        self.manager, self.calls = self, []
        self.sessions: dict[str, object] = {}

    def _cleanup_dead_sessions(self) -> None:
        self.calls.append("cleans up")


def test_a_page_gets_a_new_kernel_for_a_dead_one_where_idle_kernels_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def marimos_own(connector: Connector) -> str:
        connector.calls.append("connects")
        return "a session"

    for owner, name in (SessionConnector, "_connect"), (marimo_session.SessionImpl, "close"):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back at the end
    monkeypatch.setattr(ended_kernels, "_connect", marimos_own)
    monkeypatch.setattr(idle_kernels, "_watch", None)
    monkeypatch.setenv(idle_kernels.TIMEOUT_VARIABLE, "1800")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    ended_kernels.install()
    idle_kernels.install()

    async def connect() -> list[str]:
        connector = Connector()
        assert await SessionConnector._connect(connector) == "a session"
        watch = idle_kernels._watch
        assert watch and not watch.done(), "idle kernels are watched"
        watch.cancel()
        return connector.calls

    assert asyncio.run(connect()) == ["cleans up", "connects"]
