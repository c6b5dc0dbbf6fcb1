"""Outputs that survive: what a notebook is left with is what it opens with.

marimo keeps a notebook's outputs beside it, in `__marimo__/session/`, and shows them again as long
as the code is still the same. It leaves out those that show a file of their kernel, such as every
`mo.image`, and its controls forget where they stood. Here both are written into the outputs. When
such a notebook runs again is in `waking`.
"""

import re
from collections.abc import Iterator
from typing import Any

from marimo._convert.common.dom_traversal import _virtual_file_to_data_uri
from marimo._plugins.core.web_component import _build_attr, parse_initial_value
from marimo._session.state import serialize
from marimo._session.state.session_view import SessionView

# How an output points to a file in its kernel's memory: its length in bytes, and its name.
_FILE = re.compile(r"\./@file/(\d+)-[\w.-]+")
_LARGEST_FILE = 1024**2  # bytes; the outputs are written anew whenever one of them changes

# A control that is only moved, in an output: not one that is pressed, sent or uploaded to, and no
# password. With its own id and that of its making.
_CONTROL = re.compile(
    r"<marimo-ui-element object-id='(?P<id>[^']+)' random-id='(?P<made>[^']*)'>"
    r"<marimo-(?P<tag>slider|range-slider|number|text|text-area|checkbox|switch|radio|dropdown"
    r"|multiselect|date|date-range|datetime|tabs) data-initial-value='[^']*'"
    r"(?![^>]*data-kind='&quot;password&quot;')"
)
_BUTTON = re.compile(r"object-id='([^']+)' random-id='[^']*'><marimo-button ")
_KEPT = "kept"  # in place of the making, where a control stands elsewhere than the code says

_serialize = serialize.serialize_session_view


def serialize_whole(
    view: SessionView, cell_ids: Any, *, drop_virtual_file_outputs: bool, **options: Any
) -> Any:
    """A notebook's outputs as marimo writes them, with the kernel's files and the controls' values
    inside. An output whose file is too large, or gone, is left out, as marimo leaves out all that
    have one."""
    kept = _serialize(view, cell_ids, drop_virtual_file_outputs=False, **options)
    if drop_virtual_file_outputs:
        for cell in kept["cells"]:
            outputs = [_whole(output, view.ui_values) for output in cell["outputs"]]
            cell["outputs"] = [o for o in outputs if not serialize._references_virtual_file(o)]
    return kept


def kept_values(view: SessionView) -> dict[str, Any]:
    """Where the controls in kept outputs stand, by their ids: those that were moved."""
    return {
        control["id"]: parse_initial_value(control[0])
        for output in _outputs(view)
        for control in _CONTROL.finditer(output)
        if control["made"] == _KEPT
    }


def buttons(view: SessionView) -> set[str]:
    """The ids of the buttons in kept outputs."""
    return {name for output in _outputs(view) for name in _BUTTON.findall(output)}


def _outputs(view: SessionView) -> Iterator[str]:
    for cell in view.cell_notifications.values():
        if cell.output is not None and isinstance(cell.output.data, str):
            yield cell.output.data


def _whole(data: Any, values: dict[str, Any]) -> Any:
    if isinstance(data, str):
        return _CONTROL.sub(lambda control: _moved(control, values), _FILE.sub(_data_url, data))
    if isinstance(data, dict):
        return {key: _whole(value, values) for key, value in data.items()}
    return [_whole(value, values) for value in data] if isinstance(data, list) else data


def _data_url(file: re.Match[str]) -> str:
    fits = int(file[1]) <= _LARGEST_FILE
    return (_virtual_file_to_data_uri(file[0]) if fits else None) or file[0]


def _moved(control: re.Match[str], values: dict[str, Any]) -> str:
    name = control["id"]
    if name not in values:
        return control[0]
    start = f"<marimo-ui-element object-id='{name}' random-id='{_KEPT}'>"
    return f"{start}<marimo-{control['tag']} {_build_attr('initial-value', values[name])}"


def mend() -> None:
    """Have marimo write outputs so, in this process."""
    serialize.serialize_session_view = serialize_whole
