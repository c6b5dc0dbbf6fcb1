"""What is written of a notebook's controls, in marimo's own HTML: where they stand, no secrets."""

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
ACTS: dict[str, tuple[Any, Any]] = {
    "password": (mo.ui.text(kind="password"), "hunter2"),
    "button": (mo.ui.button(), 3),
    "run button": (mo.ui.run_button(), 3),
    "file": (mo.ui.file(), [["name", "hunter2"]]),
    "form": (mo.ui.text("a").form(), "hunter2"),
    "refresh": (mo.ui.refresh(), "hunter2"),
}


def shows(html: str) -> SessionView:
    output = CellOutput(channel=CellChannel.OUTPUT, mimetype="text/html", data=html)
    view = SessionView()
    view.cell_notifications = {"Hbol": CellNotification(cell_id="Hbol", output=output)}  # type: ignore[dict-item]
    return view


def written(element: Any, values: dict[str, Any]) -> str:
    """The output with this element as it is kept. Without a kernel an element has no id: it gets
    one here."""
    made = f"<marimo-ui-element object-id='Hbol-0' random-id='1234'>{element._inner_text}"
    view = shows(f"{made}</marimo-ui-element>")
    view.ui_values = values
    kept = saved_outputs.serialize_whole(view, ["Hbol"], drop_virtual_file_outputs=True)
    return kept["cells"][0]["outputs"][0]["data"]["text/html"]


@pytest.mark.parametrize("name", MOVED)
def test_a_control_stands_where_it_was_left(name: str) -> None:
    element, value = MOVED[name]
    html = written(element, {"Hbol-0": value})
    assert saved_outputs.kept_values(shows(html)) == {"Hbol-0": value}
    assert html.count("data-initial-value=") == 1
    assert html.endswith("</marimo-ui-element>")


@pytest.mark.parametrize("name", MOVED)
def test_one_that_was_not_moved_is_left_to_the_code(name: str) -> None:
    html = written(MOVED[name][0], {"Hbol-1": "another's"})
    assert "random-id='1234'" in html
    assert saved_outputs.kept_values(shows(html)) == {}


@pytest.mark.parametrize("name", ACTS)
def test_what_acts_or_is_secret_is_not_kept(name: str) -> None:
    element, value = ACTS[name]
    html = written(element, {"Hbol-0": value})
    assert saved_outputs.kept_values(shows(html)) == {}
    assert "hunter2" not in html
