"""The question whether a server listens, which a start's time limit must be able to end."""

import asyncio
import os
import socket
import subprocess
import sys

import psutil
import pytest

from hub.spawners.listening import has_port, listens


def test_a_start_can_be_cancelled_while_a_connection_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`asyncio.wait_for` of Python 3.11 swallowed the cancellation: the start never timed out."""

    async def story() -> None:
        refused = asyncio.Event()

        async def refuse(host: str, port: int) -> None:
            await refused.wait()
            asked.cancel()  # the time of the start is up at the moment of the answer
            raise ConnectionRefusedError

        monkeypatch.setattr(asyncio, "open_connection", refuse)
        asked = asyncio.ensure_future(listens("127.0.0.1", 1))
        await asyncio.sleep(0)
        refused.set()
        with pytest.raises(asyncio.CancelledError):
            await after(asked)

    async def after(asked: asyncio.Task) -> bool:
        """Go on, as a start does, after a server that does not listen."""
        while not asked.done():
            await asyncio.sleep(0)
        return asked.result()

    asyncio.run(story())


def test_a_port_belongs_to_the_process_that_listens_there() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with child, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert has_port(os.getpid(), port)
        assert not has_port(child.pid, port)
    assert not has_port(os.getpid(), port)
    assert not has_port(child.pid, port)  # it has ended


def test_a_process_that_hides_itself_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: psutil.Process, kind: str) -> None:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "net_connections", refuse)
    assert has_port(os.getpid(), 1)
