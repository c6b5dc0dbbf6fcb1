"""A network namespace for the browser, with a proxy that reaches this machine's addresses.

A browser drops what it loads (ERR_NETWORK_CHANGED) whenever an address of its machine changes, and
each container that starts changes one. In a namespace of its own nothing changes, so browser tests
and container tests may run at the same time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

CLONE_NEWNET = 0x40000000
_CHUNK_BYTES = 65536
_libc = ctypes.CDLL(None, use_errno=True)


def is_possible() -> bool:
    """Return whether this user may make a network namespace."""
    return os.geteuid() == 0


class BrowserNetwork:
    """A network namespace that has nothing but a SOCKS proxy into this machine's own network.

    Args:
        names: the IP address of each domain that only the tests know, and of names below it.

    Attributes:
        port: where the proxy listens, on 127.0.0.1 in the namespace.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = dict(names or {})
        self._namespace = -1
        self._failure: OSError | None = None
        maker = threading.Thread(target=self._make)
        maker.start()
        maker.join()
        if self._failure:
            raise self._failure
        # Without an address beside 127.0.0.1 a browser takes itself to be offline.
        self._run("ip", "link", "set", "lo", "up")
        self._run("ip", "link", "add", "browser", "type", "veth", "peer", "name", "nobody")
        # An address of IPv6 would come by itself, seconds later, and change the network.
        self._run("ip", "link", "set", "browser", "addrgenmode", "none")
        self._run("ip", "address", "add", "192.0.2.1/24", "dev", "browser")
        self._run("ip", "link", "set", "browser", "up")
        self._run("ip", "link", "set", "nobody", "up")
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _make(self) -> None:
        """Make the namespace and the proxy's socket in it, in a thread that ends with them."""
        try:
            if _libc.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
            self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            self._listener = socket.socket()
            self._listener.bind(("127.0.0.1", 0))
            self._listener.listen(128)
        except OSError as error:
            self._failure = error

    @property
    def _enter(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._namespace}"]

    def _run(self, *command: str) -> None:
        subprocess.run([*self._enter, *command], check=True, capture_output=True)

    def wrapper(self, program: str, directory: Path) -> Path:
        """Return a script that runs `program` in the namespace."""
        script = directory / "in-its-own-network"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self._enter)} "{program}" "$@"\n')
        script.chmod(0o755)
        return script

    @property
    def flags(self) -> list[str]:
        """Flags with which Chromium sends everything through the proxy, 127.0.0.1 as well."""
        return [
            f"--proxy-server=socks5://127.0.0.1:{self.port}",
            "--proxy-bypass-list=<-loopback>",
        ]

    def close(self) -> None:
        self._listener.close()
        os.close(self._namespace)

    def _address(self, host: str) -> str:
        """Return where a host is: Chromium leaves all names to the proxy, `localhost` as well."""
        for domain, address in {"localhost": "127.0.0.1", **self._names}.items():
            if host == domain or host.endswith(f".{domain}"):
                return address
        return host

    # -- the proxy: SOCKS 5 (RFC 1928), connections only

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            _, methods = _read(client, 2)
            _read(client, methods)
            client.sendall(b"\x05\x00")
            _, command, _, kind = _read(client, 4)
            if kind == 1:
                host = socket.inet_ntop(socket.AF_INET, _read(client, 4))
            elif kind == 4:
                host = socket.inet_ntop(socket.AF_INET6, _read(client, 16))
            else:
                host = _read(client, _read(client, 1)[0]).decode()
            port = int.from_bytes(_read(client, 2), "big")
            try:
                assert command == 1, "Chromium asks for connections only"
                server = socket.create_connection((self._address(host), port), timeout=30)
            except OSError:
                client.sendall(b"\x05\x05\x00\x01" + bytes(6))  # connection refused
                return
            with server:
                server.settimeout(None)
                client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()


def _read(source: socket.socket, count: int) -> bytes:
    """Return exactly `count` bytes; OSError when the connection ends before."""
    received = b""
    while len(received) < count:
        if not (part := source.recv(count - len(received))):
            raise ConnectionError("the browser closed the connection")
        received += part
    return received


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Send on what comes, until one of both ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
