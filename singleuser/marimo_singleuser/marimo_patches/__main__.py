"""`python -m marimo_singleuser.mended_marimo`: marimo's own program, with faults mended.

What is kept of a notebook is in `kept_outputs`, when it runs in `waking`. And marimo 0.25.2 tells
a kernel that has died to stop, and waits for ever for somebody to take the message: its one thread
stands still, and every notebook of the person with it. Here the message is dropped after a second.
To be deleted with the release that no longer does it; the test is
`test_a_killed_kernel_leaves_the_other_notebooks_alone`.
"""

import contextlib
from typing import Any

import zmq
from marimo._ipc.queue_proxy import PushQueue

from marimo_singleuser.marimo_patches import deferred_run, saved_outputs

_PATIENCE = 1000  # milliseconds; a kernel that lives takes a message at once

_put = PushQueue.put


def put(self: PushQueue, obj: Any, block: bool = True, timeout: float | None = None) -> None:
    """Put an item into a kernel's queue; dropped when nobody is there to take it."""
    self.socket.setsockopt(zmq.SNDTIMEO, _PATIENCE)
    with contextlib.suppress(zmq.Again):
        _put(self, obj, block, timeout)


if __name__ == "__main__":
    from marimo._cli.cli import main

    PushQueue.put = put  # type: ignore[method-assign]
    saved_outputs.mend()
    deferred_run.mend()
    main(prog_name="marimo")
