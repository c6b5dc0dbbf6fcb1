"""Whether a TCP port answers, asked at most every few seconds however many pages want to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

_VALID_S = 2.0
_TIMEOUT_S = 2.0


class Reachable:
    """A program behind one of some addresses.

    Attributes:
        addresses: host and port of each; one that answers is enough.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self.addresses = addresses
        self._asked_at = -_VALID_S
        self._answers = True
        self._asking = asyncio.Lock()

    async def answers(self) -> bool:
        """Return whether one of the addresses takes connections, or did so two seconds ago."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= _VALID_S:
                found = await asyncio.gather(*(_connects(*address) for address in self.addresses))
                self._answers, self._asked_at = any(found), time.monotonic()
            return self._answers


def parse_addresses(servers: str) -> list[tuple[str, int]]:
    """Return host and port of each server in a list such as `kafka:9092,[::1]:9093`."""
    found = []
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if host and port.isdigit():
            found.append((host.strip("[]"), int(port)))
    return found


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
