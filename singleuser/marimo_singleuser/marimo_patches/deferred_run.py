"""When a notebook runs: at once if nothing is kept of it, else when it is touched.

marimo's own choice is between all cells at once, which throws kept outputs away, and sliders that
move nothing until somebody finds the button that runs them. Here a notebook sleeps behind its kept
outputs. Whatever is touched first wakes it, a control or the button that runs a cell: all cells
run, with the controls where they stand. Who sets `auto_instantiate` has them run at once.
"""

import re
from typing import Any

import msgspec
from marimo._messaging.errors import MarimoExceptionRaisedError
from marimo._messaging.notification import CellNotification, CompletedRunNotification
from marimo._messaging.serde import deserialize_kernel_message
from marimo._runtime import commands
from marimo._session import session as marimo_session
from marimo._session.extensions.extensions import QueueExtension
from marimo._session.types import Session

from marimo_singleuser.marimo_patches.saved_outputs import buttons, kept_values

# They mean cells of a notebook that the kernel has been told of, but do not ask to run it.
_ABOUT_CELLS = (
    commands.ExecuteScratchpadCommand,
    commands.SyncGraphCommand,
    commands.EditCellsCommand,
    commands.DeleteCellCommand,
)
_MAKING = re.compile(rb"object-id='([^']+)' random-id='([^']+)'")


class WakingQueue(QueueExtension):
    """Puts commands into a kernel's queue; the one that starts the notebook waits for a touch. All
    of it runs in the server's one thread."""

    def __init__(self, queue_manager: Any) -> None:
        super().__init__(queue_manager)
        self._started = False
        self._asleep: commands.CreateNotebookCommand | None = None
        self._made: dict[str, bytes] = {}  # the making of each control, by its id
        self._restored: dict[str, str] = {}  # the code of cells whose controls got kept values

    def on_received_command(
        self, session: Session, request: commands.CommandMessage, from_consumer_id: Any
    ) -> None:
        """Called with each command to the kernel."""
        if isinstance(request, commands.CreateNotebookCommand) and not self._started:
            self._started = True
            if not request.auto_run and session.session_view.cell_notifications:
                self._asleep = request
                return
            request = msgspec.structs.replace(request, auto_run=True)
        elif (start := self._asleep) is not None:
            if isinstance(request, commands.UpdateUIElementCommand):
                pressed = buttons(session.session_view)
                moved = {name: at for name, at in request.ids_and_values if name not in pressed}
                self._wake(session, start, moved)
                # A button does not stand anywhere: it is pressed when all have run.
                if len(moved) == len(request.object_ids):
                    return
            elif isinstance(request, commands.ExecuteStaleCellsCommand):
                self._wake(session, start, {})
                return
            elif isinstance(request, commands.ExecuteCellsCommand):
                codes = dict(zip(request.cell_ids, request.codes, strict=True))
                self._wake(session, start, {}, codes)
                if codes.keys() <= set(start.cell_ids):
                    return
            elif isinstance(request, _ABOUT_CELLS):
                self._asleep = None
                self.queue_manager.put_control_request(start)
        super().on_received_command(session, request, from_consumer_id)

    def on_notification_sent(self, session: Session, notification: bytes) -> None:
        """Called with each message from the kernel."""
        for name, made in _MAKING.findall(notification):
            control = name.decode()
            # Made anew it stands where the code says, wherever it stood before.
            if self._made.setdefault(control, made) != made:
                self._made[control] = made
                session.session_view.ui_values.pop(control, None)
        if self._restored:
            self._see_whether_they_fit(session, notification)

    def _wake(
        self,
        session: Session,
        start: commands.CreateNotebookCommand,
        touched: dict[Any, Any],
        codes: dict[Any, str] | None = None,
    ) -> None:
        """Run all cells, those with other `codes` with these, the controls where they stand."""
        self._asleep = None
        values = kept_values(session.session_view)
        session.session_view.ui_values.update(values)
        values.update(touched)
        cells = tuple(
            msgspec.structs.replace(cell, code=(codes or {}).get(cell.cell_id, cell.code))
            for cell in start.execution_requests
        )
        owners = {_owner(control) for control in values}
        self._restored = {cell.cell_id: cell.code for cell in cells if cell.cell_id in owners}
        set_values = msgspec.structs.replace(
            start.set_ui_element_value_request,
            object_ids=list(values),
            values=list(values.values()),
        )
        self.queue_manager.put_control_request(
            msgspec.structs.replace(
                start,
                auto_run=True,
                execution_requests=cells,
                set_ui_element_value_request=set_values,
            )
        )

    def _see_whether_they_fit(self, session: Session, notification: bytes) -> None:
        """Run a cell once more, without kept values, that they made fail: what one had chosen may
        not be there any more."""
        message = deserialize_kernel_message(notification)  # type: ignore[arg-type]
        if isinstance(message, CompletedRunNotification):
            self._restored = {}
            return
        if not isinstance(message, CellNotification) or not _failed(message):
            return
        if (code := self._restored.pop(message.cell_id, None)) is None:
            return
        values = session.session_view.ui_values
        for control in [name for name in values if _owner(name) == message.cell_id]:
            del values[control]
        again = commands.ExecuteCellsCommand(cell_ids=[message.cell_id], codes=[code])
        self.queue_manager.put_control_request(again)


def _owner(control: str) -> str:
    """The cell that made a control, of whose id its own begins."""
    return control.rpartition("-")[0]


def _failed(message: CellNotification) -> bool:
    errors = message.output.data if message.output is not None else None
    return isinstance(errors, list) and any(
        isinstance(error, MarimoExceptionRaisedError)
        and error.raising_cell in (None, message.cell_id)
        for error in errors
    )


def mend() -> None:
    """Have marimo start notebooks so, in this process."""
    marimo_session.QueueExtension = WakingQueue  # type: ignore[misc]
