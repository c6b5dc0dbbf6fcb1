"""Every element of marimo comes back after a restart: whole, or its notebook runs."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from marimo._messaging.cell_output import CellChannel, CellOutput
from marimo._messaging.notification import (
    CellNotification,
    FunctionCallResultNotification,
    HumanReadableStatus,
    ModelOpen,
)
from marimo._messaging.serde import serialize_kernel_message
from marimo._plugins.core.web_component import build_ui_plugin
from marimo._plugins.ui._core.ui_element import UIElement
from marimo._runtime import commands
from marimo._session.state.serialize import deserialize_session
from marimo._session.state.session_view import ModelReplayState, SessionView
from marimo_singleuser.marimo_patches import saved_outputs
from marimo_singleuser.marimo_patches.deferred_run import DeferredRunQueue

from tests.support.marimo_elements import STATELESS, UI, Element, Returns, catalogue

CELL, CODE, CONTROL = "Hbol", "shown", "Hbol-0"
MADE = {
    **{f"ui.{name}": element for name, element in UI.items() if element.make},
    **{name: element for name, element in STATELESS.items() if element.make},
}


def test_every_element_of_marimo_has_a_way_back() -> None:
    """A new marimo with a new element fails here: say how that element comes back."""
    controls, others = catalogue()
    assert controls == set(UI)
    assert others == set(STATELESS)
    unmade = [e for e in (*UI.values(), *STATELESS.values()) if not (e.make or e.cell)]
    assert {element.returns for element in unmade} == {Returns.HIDDEN}


class Editor:
    """A notebook of one cell in marimo's server, with what its kernel is told."""

    def __init__(self, view: SessionView) -> None:
        self.told: list[Any] = []
        self.shown: list[Any] = []
        self.view = view
        queue: Any = SimpleNamespace(put_control_request=self.told.append)
        self.session: Any = SimpleNamespace(
            session_view=view, notify=lambda message, from_consumer_id: self.shown.append(message)
        )
        self.queue = DeferredRunQueue(queue)

    def send(self, command: Any) -> None:
        self.queue.on_received_command(self.session, command, None)

    def open(self) -> None:
        """Do as a page does that opens the notebook."""
        cell = commands.ExecuteCellCommand(cell_id=CELL, code=CODE)  # type: ignore[arg-type]
        self.send(
            commands.CreateNotebookCommand(
                execution_requests=(cell,),
                cell_ids=(CELL,),  # type: ignore[arg-type]
                set_ui_element_value_request=commands.UpdateUIElementCommand([], []),
                auto_run=False,
            )
        )

    def restarted(self) -> Editor:
        """Return the editor after a restart, with the outputs that were saved."""
        self.view.last_executed_code[CELL] = CODE  # type: ignore[index]
        saved = saved_outputs.serialize_complete(self.view, [CELL], drop_virtual_file_outputs=True)
        saved = json.loads(json.dumps(saved))
        return Editor(deserialize_session(saved, {saved["cells"][0]["code_hash"]: CELL}))

    @property
    def output(self) -> Any:
        """What the cell shows."""
        output = self.view.cell_notifications[CELL].output  # type: ignore[index]
        return output and output.data

    @property
    def runs(self) -> bool:
        """Whether the kernel was told to run the cell."""
        create = [c for c in self.told if isinstance(c, commands.CreateNotebookCommand)]
        return bool(create) and create[0].auto_run


def editor_of(html: str) -> Editor:
    """Return an editor in which a cell has shown this output."""
    output = CellOutput(channel=CellChannel.OUTPUT, mimetype="text/html", data=html)
    view = SessionView()
    view.cell_notifications = {CELL: CellNotification(cell_id=CELL, output=output)}  # type: ignore
    editor = Editor(view)
    editor.open()
    editor.queue._deferred = None  # it has run
    editor.told.clear()
    return editor


def made(element: Element) -> tuple[str, list[str]]:
    """Return an element as its cell shows it, and the functions of its kernel that it calls."""
    assert element.make
    shown = element.make()
    if not isinstance(shown, UIElement):
        return getattr(shown, "text", None) or shown._mime_()[1], []
    start = f"<marimo-ui-element object-id='{CONTROL}' random-id='1234'>"
    html = f"{start}{shown._inner_text}</marimo-ui-element>"
    return html, [function.name for function in shown._args.functions]


def call(function: str, **args: Any) -> commands.InvokeFunctionCommand:
    call.number += 1  # type: ignore[attr-defined]
    return commands.InvokeFunctionCommand(
        function_call_id=f"call-{call.number}",  # type: ignore[attr-defined, arg-type]
        namespace=CONTROL,
        function_name=function,
        args=args,
    )


call.number = 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MADE)
def test_an_element_is_whole_or_its_notebook_runs(name: str) -> None:
    element = MADE[name]
    html, functions = made(element)
    assert bool(functions) == (element.returns in (Returns.ASKS, Returns.ANSWERED)) or (
        name == "as_html"
    )
    again = editor_of(html).restarted()
    again.open()
    assert not again.runs, "its output is whole"
    assert again.output == html

    again.send(commands.UpdateUIElementCommand([CONTROL], [1]))  # type: ignore[list-item]
    assert again.runs, "a touch runs the notebook"

    for function in functions:
        asking = editor_of(html).restarted()
        asking.open()
        first, other = call(function, size=10), call(function, size=20)
        asking.send(first)
        if element.returns is Returns.ANSWERED:
            assert not asking.runs, "a table asks by itself"
            asking.send(call(function, size=10))  # a page that is loaded again
            assert not asking.runs
            asking.send(other)
        assert asking.runs
        assert asking.told[-1] in (first, other), "the kernel answers after it has run the cells"


def test_a_table_gets_saved_answers_and_asks_the_kernel_for_others() -> None:
    html, _ = made(UI["table"])
    editor = editor_of(html)
    asked = call("search", page=0)
    editor.send(asked)
    assert editor.told == [asked]
    value = {"data": '[{"x": "<b>--><!--"}]', "total_rows": 30}
    answer = FunctionCallResultNotification(
        function_call_id=asked.function_call_id,
        return_value=value,
        status=HumanReadableStatus(code="ok"),
        found=True,
    )
    editor.queue.on_notification_sent(editor.session, serialize_kernel_message(answer))
    again = editor.restarted().restarted()  # also when it did not run in between
    again.open()
    same = call("search", page=0)
    again.send(same)
    assert not again.told
    assert [(a.function_call_id, a.return_value) for a in again.shown] == [
        (same.function_call_id, value)
    ]
    again.send(call("search", page=1))
    assert again.runs


def test_a_table_that_its_cell_creates_again_has_no_old_answers() -> None:
    html, _ = made(UI["table"])
    editor = editor_of(html)
    for random_id in ("1234", "5678"):
        created = CellOutput(
            channel=CellChannel.OUTPUT,
            mimetype="text/html",
            data=html.replace("1234", random_id),
        )
        message = serialize_kernel_message(CellNotification(cell_id=CELL, output=created))  # type: ignore[arg-type]
        editor.view.add_raw_notification(message)
        editor.queue.on_notification_sent(editor.session, message)
        if random_id == "1234":
            asked = call("search")
            editor.send(asked)
            answer = FunctionCallResultNotification(
                function_call_id=asked.function_call_id,
                return_value="old",
                status=HumanReadableStatus(code="ok"),
                found=True,
            )
            editor.queue.on_notification_sent(editor.session, serialize_kernel_message(answer))
            assert "old" in editor.restarted().output
    assert "old" not in editor.restarted().output


def test_what_a_page_asks_before_it_opens_the_notebook_is_answered_after() -> None:
    html, _ = made(STATELESS["lazy"])
    again = editor_of(html).restarted()
    asked = call("load")
    again.send(asked)
    assert again.told == []
    again.open()
    assert again.runs
    assert again.told[-1] == asked


@pytest.mark.parametrize("tag", ["marimo-anywidget", "marimo-mpl-interactive"])
def test_a_widget_runs_its_notebook_at_once(tag: str) -> None:
    """As marimo writes them; the packages themselves are in the tests with a kernel."""
    model = "0123456789abcdef"
    inner = build_ui_plugin(tag, {"model_id": model}, None, {})
    editor = editor_of(
        f"<marimo-ui-element object-id='{CONTROL}' random-id='1'>{inner}</marimo-ui-element>"
    )
    state = ModelOpen(state={}, buffer_paths=[], buffers=[])
    editor.view.model_states[model] = ModelReplayState.from_open(model, state)  # type: ignore
    again = editor.restarted()
    again.open()
    assert again.runs
    assert "appears when the notebook has run" in again.output


def test_a_file_that_is_too_large_or_gone_runs_its_notebook_at_once() -> None:
    again = editor_of("<img src='./@file/3000000-1-gone.png'>").restarted()
    again.open()
    assert again.runs
