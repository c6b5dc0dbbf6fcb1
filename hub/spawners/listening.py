"""Whether a server listens, asked by a connection, and whether it is the right one."""

import asyncio
from contextlib import suppress

import psutil

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


def has_port(pid: int, port: int) -> bool:
    """Return whether a process, or one below it, listens on this TCP port of this machine.

    A port that was free when a server was told to listen there may be another program's by then.
    Of a process that hides its memory from other programs of its user only root can say; for
    others the answer is yes.
    """
    try:
        first = psutil.Process(pid)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in (first, *first.children(recursive=True))
            for connection in process.net_connections("tcp")
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
