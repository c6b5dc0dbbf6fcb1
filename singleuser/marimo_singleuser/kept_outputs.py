"""Outputs that survive: a notebook opens with those it was left with, and runs when it is touched.

marimo keeps a notebook's outputs beside it, in `__marimo__/session/`, and shows them again as long
as the code is still the same. But its own choice is then between all cells at once, which throws
those outputs away, and sliders that move nothing until somebody finds the button that runs them.
Here a notebook with kept outputs sleeps behind them; whatever control is moved or pressed first
wakes it, and all cells run with the new value of that control. One without kept outputs runs at
once. People who set `auto_instantiate` have theirs run at once in any case.
"""

from typing import Any

import msgspec
from marimo._runtime import commands
from marimo._session import session as marimo_session
from marimo._session.extensions.extensions import QueueExtension
from marimo._session.types import Session

# They mean cells of a notebook that the kernel has been told of.
_ABOUT_CELLS = (
    commands.ExecuteCellsCommand,
    commands.ExecuteStaleCellsCommand,
    commands.ExecuteScratchpadCommand,
    commands.SyncGraphCommand,
    commands.EditCellsCommand,
    commands.DeleteCellCommand,
)


class WakingQueue(QueueExtension):
    """Puts commands into a kernel's queue; the one that starts the notebook waits for a touch."""

    _asleep: commands.CreateNotebookCommand | None = None
    _started = False

    def on_received_command(
        self, session: Session, request: commands.CommandMessage, from_consumer_id: Any
    ) -> None:
        """Called with each command to the kernel, in the server's one thread."""
        if isinstance(request, commands.CreateNotebookCommand) and not self._started:
            self._started = True
            if not request.auto_run and session.session_view.cell_notifications:
                self._asleep = request
                return
            request = msgspec.structs.replace(request, auto_run=True)
        elif self._asleep is not None:
            if isinstance(request, commands.UpdateUIElementCommand):
                request = msgspec.structs.replace(
                    self._asleep, auto_run=True, set_ui_element_value_request=request
                )
                self._asleep = None
            elif isinstance(request, _ABOUT_CELLS):
                self.queue_manager.put_control_request(self._asleep)
                self._asleep = None
        super().on_received_command(session, request, from_consumer_id)


def mend() -> None:
    """Have marimo use it, in this process."""
    marimo_session.QueueExtension = WakingQueue  # type: ignore[misc]
