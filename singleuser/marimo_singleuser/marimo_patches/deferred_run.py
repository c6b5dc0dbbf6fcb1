"""A notebook with saved outputs runs when the user touches it, and others run at once.

WORKAROUND(marimo 0.25.2): a notebook with saved outputs cannot be used before all of it runs.
marimo runs all cells when a notebook opens, which discards saved outputs, or it runs none: then
sliders move nothing until the user finds the button that runs their cells. Here a notebook with
saved outputs is deferred. The first control that the user moves, or the first cell that they run,
runs all cells, and the controls keep the values that they show. So does what an element asks its
kernel, such as a file browser for its files; a timer beside buttons does not. A notebook whose
outputs could not all be saved runs at once if it has no button, or if `auto_instantiate` is set.
Test: test_a_notebook_opens_with_its_outputs_and_runs_when_it_is_touched
"""

import re
from typing import Any

import msgspec
from marimo._messaging.errors import MarimoExceptionRaisedError
from marimo._messaging.notification import (
    CellNotification,
    CompletedRunNotification,
    FunctionCallResultNotification,
    HumanReadableStatus,
)
from marimo._messaging.serde import deserialize_kernel_message
from marimo._runtime import commands
from marimo._session import session as marimo_session
from marimo._session.extensions.extensions import QueueExtension
from marimo._session.types import Session

from marimo_singleuser.marimo_patches import kept_answers
from marimo_singleuser.marimo_patches.saved_outputs import (
    button_ids,
    needs_run,
    saved_values,
    timer_ids,
)

# These ask for something that a cell creates when it runs.
_NEED_RUN = (commands.InvokeFunctionCommand, commands.ModelCommand)
# These commands need a kernel that knows the notebook's cells, and do not ask to run them.
_NEED_CELLS = (
    commands.ExecuteScratchpadCommand,
    commands.SyncGraphCommand,
    commands.EditCellsCommand,
    commands.DeleteCellCommand,
)
_RUNS = (
    commands.CreateNotebookCommand,
    commands.ExecuteCellsCommand,
    commands.ExecuteStaleCellsCommand,
)
_CONTROL_IDS = re.compile(rb"object-id='([^']+)' random-id='([^']+)'")


class DeferredRunQueue(QueueExtension):
    """Puts commands into a kernel's queue and holds back the one that runs the notebook.

    All methods are called in the server's one thread.
    """

    def __init__(self, queue_manager: Any) -> None:
        super().__init__(queue_manager)
        self._created = False
        self._early: list[commands.InvokeFunctionCommand] | None = []  # came before the notebook
        # What tables without a saved answer asked first, by the table's id and its function.
        self._unanswered: dict[tuple[str, str], dict[str, Any]] = {}
        self._deferred: commands.CreateNotebookCommand | None = None
        self._random_ids: dict[str, bytes] = {}  # the last random id of each control, by its id
        self._restored: dict[str, str] = {}  # code by cell id, where controls got saved values

    def on_received_command(
        self, session: Session, request: commands.CommandMessage, from_consumer_id: Any
    ) -> None:
        """Put a command into the queue, or hold it back; marimo calls this with each command."""
        if isinstance(request, commands.InvokeFunctionCommand):
            if self._early is not None:
                self._early.append(request)
                return
            if self._deferred is not None and self._answered_by_output(session, request):
                return
            kept_answers.note_call(session.session_view, request)
        if isinstance(request, commands.CreateNotebookCommand) and not self._created:
            self._create(session, request)
        elif self._deferred is None or not self._answered_by_run(session, request, self._deferred):
            super().on_received_command(session, request, from_consumer_id)
        if isinstance(request, _RUNS) and self._early is not None:
            early, self._early = self._early, None
            for call in early:
                self.on_received_command(session, call, from_consumer_id)

    def on_notification_sent(self, session: Session, notification: bytes) -> None:
        """Note what the kernel created and which cells failed; marimo calls this per message."""
        for object_id, random_id in _CONTROL_IDS.findall(notification):
            control = object_id.decode()
            # A control that its cell creates again has the value from the code.
            if self._random_ids.setdefault(control, random_id) != random_id:
                self._random_ids[control] = random_id
                session.session_view.ui_values.pop(control, None)
                kept_answers.forget(session.session_view, control)
        kept_answers.note_result(session.session_view, notification)
        if self._restored:
            self._run_failed_cell_again(session, notification)

    def _create(self, session: Session, create: commands.CreateNotebookCommand) -> None:
        """Create the notebook in the kernel: defer it, or run it at once."""
        self._created = True
        if create.auto_run or not session.session_view.cell_notifications:
            run = msgspec.structs.replace(create, auto_run=True)
            self.queue_manager.put_control_request(run)
        elif needs_run(session.session_view):
            self._run_all(session, create, {})
        else:
            self._deferred = create

    def _answered_by_output(self, session: Session, call: commands.InvokeFunctionCommand) -> bool:
        """Answer a table in a saved output.

        Returns:
            Whether the call needs no run.
        """
        question = (call.namespace, call.function_name)
        for html in kept_answers.html_outputs(session.session_view):
            if (saved := kept_answers.saved_answers(html).get(question)) is None:
                continue
            args, value = saved
            if args != call.args:
                return False
            answer = FunctionCallResultNotification(
                function_call_id=call.function_call_id,
                return_value=value,
                status=HumanReadableStatus(code="ok"),
                found=True,
            )
            session.notify(answer, from_consumer_id=None)
            return True
        if not kept_answers.is_of_table(session.session_view, call):
            return False
        # Nobody looked at the table when its cell ran. It shows the first rows, which are in its
        # output. Only a question that it does not ask by itself is the user's.
        return self._unanswered.setdefault(question, call.args) == call.args

    def _answered_by_run(
        self,
        session: Session,
        request: commands.CommandMessage,
        create: commands.CreateNotebookCommand,
    ) -> bool:
        """Run the deferred notebook if the command touches it.

        Returns:
            Whether that run does all that the command asks for.
        """
        if isinstance(request, commands.UpdateUIElementCommand):
            buttons = button_ids(session.session_view)
            if buttons and set(request.object_ids) <= timer_ids(session.session_view):
                return True  # nobody touched it, and a run would lose what the buttons gave
            moved = {name: at for name, at in request.ids_and_values if name not in buttons}
            self._run_all(session, create, moved)
            # A button has no position: it is pressed after all cells have run.
            return len(moved) == len(request.object_ids)
        if isinstance(request, commands.ExecuteStaleCellsCommand):
            self._run_all(session, create, {})
            return True
        if isinstance(request, commands.ExecuteCellsCommand):
            codes = dict(zip(request.cell_ids, request.codes, strict=True))
            self._run_all(session, create, {}, codes)
            return codes.keys() <= set(create.cell_ids)
        if isinstance(request, _NEED_RUN):
            self._run_all(session, create, {})
        elif isinstance(request, _NEED_CELLS):
            self._deferred = None
            self.queue_manager.put_control_request(create)
        return False

    def _run_all(
        self,
        session: Session,
        create: commands.CreateNotebookCommand,
        moved: dict[Any, Any],
        codes: dict[Any, str] | None = None,
    ) -> None:
        """Run all cells with the controls' saved values.

        Args:
            session: the notebook's session.
            create: the deferred command.
            moved: values of the controls that the user just moved, by their ids.
            codes: code of the cells that the user edited, by their ids.
        """
        self._deferred = None
        values = saved_values(session.session_view)
        session.session_view.ui_values.update(values)
        values.update(moved)
        cells = tuple(
            msgspec.structs.replace(cell, code=(codes or {}).get(cell.cell_id, cell.code))
            for cell in create.execution_requests
        )
        owners = {_cell_of(control) for control in values}
        self._restored = {cell.cell_id: cell.code for cell in cells if cell.cell_id in owners}
        set_values = msgspec.structs.replace(
            create.set_ui_element_value_request,
            object_ids=list(values),
            values=list(values.values()),
        )
        self.queue_manager.put_control_request(
            msgspec.structs.replace(
                create,
                auto_run=True,
                execution_requests=cells,
                set_ui_element_value_request=set_values,
            )
        )

    def _run_failed_cell_again(self, session: Session, notification: bytes) -> None:
        """Run a cell again without saved values if it failed with them.

        A control may have lost the choice that was saved.
        """
        message = deserialize_kernel_message(notification)  # type: ignore[arg-type]
        if isinstance(message, CompletedRunNotification):
            self._restored = {}
            return
        if not isinstance(message, CellNotification) or not _failed(message):
            return
        if (code := self._restored.pop(message.cell_id, None)) is None:
            return
        values = session.session_view.ui_values
        for control in [name for name in values if _cell_of(name) == message.cell_id]:
            del values[control]
        again = commands.ExecuteCellsCommand(cell_ids=[message.cell_id], codes=[code])
        self.queue_manager.put_control_request(again)


def install() -> None:
    """Make marimo defer the run of notebooks with saved outputs, in this process."""
    marimo_session.QueueExtension = DeferredRunQueue  # type: ignore[misc]


def _cell_of(control: str) -> str:
    """Return the id of the cell that created a control; the control's own id begins with it."""
    return control.rpartition("-")[0]


def _failed(message: CellNotification) -> bool:
    errors = message.output.data if message.output is not None else None
    return isinstance(errors, list) and any(
        isinstance(error, MarimoExceptionRaisedError)
        and error.raising_cell in (None, message.cell_id)
        for error in errors
    )
