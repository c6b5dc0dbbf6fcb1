"""Saved outputs that are complete: a notebook opens with what it showed when it was closed.

WORKAROUND(marimo 0.25.2): saved outputs lack images, widgets and the values of controls.
marimo saves a notebook's outputs beside it, in `__marimo__/session/`, and shows them again as long
as the code is the same. It leaves out outputs that refer to a file in the kernel's memory, such as
every `mo.image`. It saves controls with the value from the code, and not where the user moved them.
Here both are written into the saved outputs. An output that stays bound to its kernel, such as an
anywidget or a large file, is replaced by a mark. `deferred_run` decides when such a notebook runs.
Test: test_a_notebook_opens_with_its_outputs_and_runs_when_it_is_touched
"""

import json
import re
from typing import Any

from marimo._convert.common.dom_traversal import _virtual_file_to_data_uri
from marimo._plugins.core.web_component import _build_attr, parse_initial_value
from marimo._session.state import serialize
from marimo._session.state.session_view import SessionView

from marimo_singleuser.marimo_patches.kept_answers import html_outputs, with_answers

# How an output refers to a file in its kernel's memory: by its length in bytes and its name.
_VIRTUAL_FILE = re.compile(r"\./@file/(\d+)-[\w.-]+")
_MAX_FILE_BYTES = 1024**2  # marimo writes all outputs again whenever one of them changes

# A control in an output that has a position. Buttons, uploads, forms and passwords have none.
# marimo gives a control a new random id whenever its cell creates it.
_CONTROL = re.compile(
    r"<marimo-ui-element object-id='(?P<id>[^']+)' random-id='(?P<random_id>[^']*)'>"
    r"<marimo-(?P<tag>slider|range-slider|number|text|text-area|checkbox|switch|radio|dropdown"
    r"|multiselect|date|date-range|datetime|tabs) data-initial-value='[^']*'"
    r"(?![^>]*data-kind='&quot;password&quot;')"
)
_BUTTON = re.compile(r"object-id='([^']+)' random-id='[^']*'><marimo-button ")
_TIMER = re.compile(r"object-id='([^']+)' random-id='[^']*'><marimo-refresh ")
# Stands for an output that only a kernel can show.
_RUN_MARK = "<span data-mosshub-run>"
_PLACEHOLDER = f"{_RUN_MARK}This output appears when the notebook has run.</span>"
_MOVED_ID = "kept"  # random id, in saved outputs, of a control that the user has moved

_serialize_session_view = serialize.serialize_session_view


def serialize_complete(
    view: SessionView, cell_ids: Any, *, drop_virtual_file_outputs: bool, **options: Any
) -> Any:
    """Return a notebook's outputs as marimo does, with files and controls' values inside.

    An output is replaced by a mark when one of its files is larger than 1 MiB or gone, or when it
    shows a widget whose model is in the kernel.

    Args:
        view: the notebook's outputs and the values of its controls.
        cell_ids: the cells to include, in order.
        drop_virtual_file_outputs: marimo saves the outputs for another process.
        **options: passed on to marimo.

    Returns:
        marimo's `NotebookSessionV1`.
    """
    session = _serialize_session_view(view, cell_ids, drop_virtual_file_outputs=False, **options)
    if drop_virtual_file_outputs:
        for cell in session["cells"]:
            cell["outputs"] = [_saved(output, view) for output in cell["outputs"]]
    return session


def saved_values(view: SessionView) -> dict[str, Any]:
    """Return the values of the controls in saved outputs that the user has moved.

    Args:
        view: the notebook's saved outputs.

    Returns:
        Values by the controls' ids.
    """
    return {
        control["id"]: parse_initial_value(control[0])
        for output in html_outputs(view)
        for control in _CONTROL.finditer(output)
        if control["random_id"] == _MOVED_ID
    }


def button_ids(view: SessionView) -> set[str]:
    """Return the ids of the buttons in a notebook's outputs."""
    return {name for output in html_outputs(view) for name in _BUTTON.findall(output)}


def timer_ids(view: SessionView) -> set[str]:
    """Return the ids of the controls in a notebook's outputs that move by themselves."""
    return {name for output in html_outputs(view) for name in _TIMER.findall(output)}


def needs_run(view: SessionView) -> bool:
    """Return whether one of a notebook's saved outputs is there only when it runs.

    Not where it has buttons: a run would lose what they gave, which is more than that output.
    """
    return not button_ids(view) and any(_RUN_MARK in output for output in html_outputs(view))


def install() -> None:
    """Make marimo save complete outputs, in this process."""
    serialize.serialize_session_view = serialize_complete


def _saved(output: Any, view: SessionView) -> Any:
    """Return a cell's output as it is saved."""
    output = _complete(output, view.ui_values)
    if _is_bound(output, view):
        return {"type": "data", "data": {"text/html": _PLACEHOLDER}}
    html = output["data"].get("text/html") if output["type"] == "data" else None
    if isinstance(html, str):

        def complete(answer: Any) -> Any:
            whole = _complete(answer, {})
            return None if _is_bound(whole, view) else whole

        output["data"]["text/html"] = with_answers(html, view, complete)
    return output


def _is_bound(output: Any, view: SessionView) -> bool:
    """Return whether an output refers to something in the memory of its kernel."""
    if serialize._references_virtual_file(output):
        return True
    text = json.dumps(output) if view.model_states else ""
    return any(model in text for model in view.model_states)


def _complete(data: Any, values: dict[str, Any]) -> Any:
    if isinstance(data, str):
        embedded = _VIRTUAL_FILE.sub(_as_data_url, data)
        return _CONTROL.sub(lambda control: _with_value(control, values), embedded)
    if isinstance(data, dict):
        return {key: _complete(value, values) for key, value in data.items()}
    return [_complete(value, values) for value in data] if isinstance(data, list) else data


def _as_data_url(file: re.Match[str]) -> str:
    fits = int(file[1]) <= _MAX_FILE_BYTES
    return (_virtual_file_to_data_uri(file[0]) if fits else None) or file[0]


def _with_value(control: re.Match[str], values: dict[str, Any]) -> str:
    name = control["id"]
    if name not in values:
        return control[0]
    start = f"<marimo-ui-element object-id='{name}' random-id='{_MOVED_ID}'>"
    return f"{start}<marimo-{control['tag']} {_build_attr('initial-value', values[name])}"
