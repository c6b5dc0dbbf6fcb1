"""Messages to a kernel that has died are dropped.

WORKAROUND(marimo 0.25.2): a server that sends a message to a dead kernel waits for ever.
marimo tells such a kernel to stop, and nobody takes the message. The server has one thread, so all
notebooks of the user hang with it.
Test: test_a_killed_kernel_leaves_the_other_notebooks_alone
"""

import contextlib
from typing import Any

import zmq
from marimo._ipc.queue_proxy import PushQueue

_SEND_TIMEOUT_MS = 1000  # a living kernel takes a message at once

_put = PushQueue.put


def put_or_drop(
    self: PushQueue, obj: Any, block: bool = True, timeout: float | None = None
) -> None:
    """Put an item into a kernel's queue; drop it when no kernel takes it within a second."""
    self.socket.setsockopt(zmq.SNDTIMEO, _SEND_TIMEOUT_MS)
    with contextlib.suppress(zmq.Again):
        _put(self, obj, block, timeout)


def install() -> None:
    """Make marimo's server drop messages to dead kernels, in this process."""
    PushQueue.put = put_or_drop  # type: ignore[method-assign]
