"""Outputs that survive: a notebook opens with those it was left with, and runs when it is touched.

marimo keeps a notebook's outputs beside it, in `__marimo__/session/`, and shows them again as long
as the code is still the same. But its own choice is then between all cells at once, which throws
those outputs away, and sliders that move nothing until somebody finds the button that runs them.
Here a notebook with kept outputs sleeps behind them; whatever control is moved or pressed first
wakes it, and all cells run with the new value of that control. One without kept outputs runs at
once. People who set `auto_instantiate` have theirs run at once in any case.

And marimo does not keep an output that shows a file of its kernel, such as every `mo.image`: the
file is gone with the kernel. Here it is kept inside the output.
"""

import base64
import mimetypes
import re
from typing import Any

import msgspec
from marimo._runtime import commands
from marimo._runtime.virtual_file import read_virtual_file
from marimo._session import session as marimo_session
from marimo._session.extensions.extensions import QueueExtension
from marimo._session.state import serialize
from marimo._session.types import Session

# How an output points to a file in its kernel's memory: its length in bytes, and its name.
_FILE = re.compile(r"\./@file/(\d+)-([\w.-]+)")
_LARGEST_FILE = 1024**2  # bytes; the outputs are written anew whenever one of them changes

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


_serialize = serialize.serialize_session_view


def serialize_with_files(
    view: Any, cell_ids: Any, *, drop_virtual_file_outputs: bool, **options: Any
) -> Any:
    """A notebook's outputs as marimo writes them, the kernel's files inside them. An output whose
    file is too large, or gone, is left out, as marimo leaves out all that have one."""
    kept = _serialize(view, cell_ids, drop_virtual_file_outputs=False, **options)
    if drop_virtual_file_outputs:
        for cell in kept["cells"]:
            outputs = [_with_files(output) for output in cell["outputs"]]
            cell["outputs"] = [o for o in outputs if not serialize._references_virtual_file(o)]
    return kept


def _with_files(data: Any) -> Any:
    if isinstance(data, str):
        return _FILE.sub(_data_url, data)
    if isinstance(data, dict):
        return {key: _with_files(value) for key, value in data.items()}
    return [_with_files(value) for value in data] if isinstance(data, list) else data


def _data_url(file: re.Match[str]) -> str:
    size, name = int(file[1]), file[2]
    if size > _LARGEST_FILE:
        return file[0]
    try:
        content = read_virtual_file(name, size)
    except Exception:  # marimo has several for a file that is gone
        return file[0]
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def mend() -> None:
    """Have marimo use all this, in this process."""
    marimo_session.QueueExtension = WakingQueue  # type: ignore[misc]
    serialize.serialize_session_view = serialize_with_files
