"""Controls in saved outputs, in marimo's own HTML: their values are saved, secrets are not."""

from __future__ import annotations

import datetime
from typing import Any

import marimo as mo
import pytest
from marimo._messaging.cell_output import CellChannel, CellOutput
from marimo._messaging.notification import CellNotification
from marimo._session.state.session_view import SessionView
from marimo_singleuser.marimo_patches import saved_outputs

MOVED: dict[str, tuple[Any, Any]] = {
    "slider": (mo.ui.slider(0, 9, value=1), 5),
    "slider with steps": (mo.ui.slider(steps=[1, 10, 100], value=1), 2),
    "range slider": (mo.ui.range_slider(0, 9, value=[1, 2]), [3, 4]),
    "number": (mo.ui.number(0, 9, value=1), 7),
    "text": (mo.ui.text("a"), 'it\'s <b> & "c" \\ d'),
    "text area": (mo.ui.text_area("a"), "two\nlines"),
    "checkbox": (mo.ui.checkbox(False), True),
    "switch": (mo.ui.switch(False), True),
    "radio": (mo.ui.radio(["a", "b"], value="a"), "b"),
    "dropdown": (mo.ui.dropdown(["a", "b"], value="a"), ["b"]),
    "multiselect": (mo.ui.multiselect(["a", "b"]), ["a", "b"]),
    "date": (mo.ui.date(value=datetime.date(2026, 1, 1)), "2026-02-03"),
    "tabs": (mo.ui.tabs({"one": mo.md("1"), "two": mo.md("2")}), "two"),
}
NOT_SAVED: dict[str, tuple[Any, Any]] = {
    "password": (mo.ui.text(kind="password"), "hunter2"),
    "button": (mo.ui.button(), 3),
    "run button": (mo.ui.run_button(), 3),
    "file": (mo.ui.file(), [["name", "hunter2"]]),
    "form": (mo.ui.text("a").form(), "hunter2"),
    "refresh": (mo.ui.refresh(), "hunter2"),
}


def view_of(html: str) -> SessionView:
    output = CellOutput(channel=CellChannel.OUTPUT, mimetype="text/html", data=html)
    view = SessionView()
    view.cell_notifications = {"Hbol": CellNotification(cell_id="Hbol", output=output)}  # type: ignore[dict-item]
    return view


def saved(element: Any, values: dict[str, Any]) -> str:
    """Return the saved output of an element, which gets the id that a kernel would give it."""
    created = f"<marimo-ui-element object-id='Hbol-0' random-id='1234'>{element._inner_text}"
    view = view_of(f"{created}</marimo-ui-element>")
    view.ui_values = values
    session = saved_outputs.serialize_complete(view, ["Hbol"], drop_virtual_file_outputs=True)
    return session["cells"][0]["outputs"][0]["data"]["text/html"]


@pytest.mark.parametrize("name", MOVED)
def test_a_moved_control_keeps_its_value(name: str) -> None:
    element, value = MOVED[name]
    html = saved(element, {"Hbol-0": value})
    assert saved_outputs.saved_values(view_of(html)) == {"Hbol-0": value}
    assert html.count("data-initial-value=") == 1
    assert html.endswith("</marimo-ui-element>")


@pytest.mark.parametrize("name", MOVED)
def test_a_control_that_was_not_moved_has_the_value_from_the_code(name: str) -> None:
    html = saved(MOVED[name][0], {"Hbol-1": "of another control"})
    assert "random-id='1234'" in html
    assert saved_outputs.saved_values(view_of(html)) == {}


@pytest.mark.parametrize("name", NOT_SAVED)
def test_values_of_buttons_and_secrets_are_not_saved(name: str) -> None:
    element, value = NOT_SAVED[name]
    html = saved(element, {"Hbol-0": value})
    assert saved_outputs.saved_values(view_of(html)) == {}
    assert "hunter2" not in html
