"""A way to a server that takes its time, or is cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType


class Way:
    """Listens on a port of this machine, and hands on what comes. A context manager.

    Args:
        target: the server's address, `host:port`.
        delay_s: how long each part of an answer takes.

    Attributes:
        address: where to connect instead.
    """

    def __init__(self, target: str, delay_s: float = 0.0) -> None:
        host, _, port = target.rpartition(":")
        self._target, self._delay_s = (host, int(port)), delay_s
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Way:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """End all connections, and let nobody in any more."""
        # A thread that waits in `accept` keeps a socket open that is only closed.
        for end in (self._listener, *self._ends):
            _shut(end)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                for source, target, delay_s in (
                    (client, server, 0.0),
                    (server, client, self._delay_s),
                ):
                    arguments = (source, target, delay_s)
                    threading.Thread(target=_copy, args=arguments, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket, delay_s: float) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            time.sleep(delay_s)
            target.sendall(data)
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
