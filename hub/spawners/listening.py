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
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _ANSWER_S)
        writer.close()
        return True
    return False
