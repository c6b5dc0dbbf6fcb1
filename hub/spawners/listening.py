"""Whether a server listens, asked by a connection."""

import asyncio
from contextlib import suppress

#: Pause between two questions. JupyterHub's own pauses grow to five seconds.
PAUSE_S = 0.03
_ANSWER_S = 1.0


async def listens(host: str, port: int) -> bool:
    """Return whether something accepts connections there.

    Args:
        host: name or IP address.
        port: TCP port.
    """
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False
